//! The screen: stdout, stderr, their color and width, and the one question. Nothing else prints, and nothing is printed
//! that could steer a terminal but our own colors.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::paint::{Paint, harmless, json, one_line};

/// Columns where nothing tells: what a pager or a log shows without wrapping.
const USUAL_WIDTH: usize = 110;

/// Where a command writes. The result goes to stdout, everything on the way there to stderr.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    out: Stream,
    err: Stream,
}

/// One of the two.
#[derive(Debug, Clone, Copy)]
struct Stream {
    paint: Paint,
    is_terminal: bool,
}

/// A question was not answered with yes.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody is there to be asked.
    #[error("cannot ask: stdin is not a terminal")]
    NobodyThere,
    /// Asking failed.
    #[error("cannot ask")]
    Broken(#[source] io::Error),
}

impl Ui {
    /// A screen whose colors are decided by `wants_color`, which is told whether a stream is a terminal.
    #[must_use]
    pub fn new(wants_color: impl Fn(bool) -> bool) -> Self {
        let stream = |is_terminal| Stream { paint: Paint::new(wants_color(is_terminal)), is_terminal };
        Self { out: stream(stdout().is_terminal()), err: stream(stderr().is_terminal()) }
    }

    /// The paint for stdout.
    #[must_use]
    pub const fn out_paint(self) -> Paint {
        self.out.paint
    }

    /// The paint for stderr.
    #[must_use]
    pub const fn err_paint(self) -> Paint {
        self.err.paint
    }

    /// Whether stderr can show lines that move.
    #[must_use]
    pub fn is_lively(self) -> bool {
        console::Term::stderr().features().is_attended()
    }

    /// Columns of stdout.
    #[must_use]
    pub fn width(self) -> usize {
        let size = console::Term::stdout().size_checked();
        size.map_or(USUAL_WIDTH, |(_, columns)| usize::from(columns).max(40))
    }

    /// Writes a result for people to stdout. A reader that has gone (`| head`) is no error.
    pub fn result(self, text: &str) -> io::Result<()> {
        deliver(&mut stdout().lock(), self.out.paint.through(text).as_bytes())
    }

    /// Writes a result for programs to stdout: JSON, which reads back as it was.
    pub fn document(self, text: &str) -> io::Result<()> {
        deliver(&mut stdout().lock(), json(text).as_bytes())
    }

    /// Says something on stderr. There is nobody to tell when that fails.
    pub fn say(self, text: &str) {
        let _ = deliver(&mut stderr().lock(), self.err.paint.through(text).as_bytes());
    }

    /// Passes on to stdout what a program on a host printed there: for a program byte for byte, at a terminal so that
    /// it can only be read, and its lines cannot be taken for ours.
    pub fn pass_on(self, bytes: &[u8]) -> io::Result<()> {
        deliver(&mut stdout().lock(), &passed_on(bytes, self.out.is_terminal))
    }

    /// The same for stderr.
    pub fn pass_on_errors(self, bytes: &[u8]) {
        let _ = deliver(&mut stderr().lock(), &passed_on(bytes, self.err.is_terminal));
    }

    /// Stdout, for a report: it takes only what has passed the door.
    #[must_use]
    pub fn out_stream(self) -> Box<dyn Write + Send> {
        Box::new(stdout())
    }

    /// Stderr, likewise.
    #[must_use]
    pub fn err_stream(self) -> Box<dyn Write + Send> {
        Box::new(stderr())
    }

    /// Whether there is somebody to ask.
    #[must_use]
    pub fn can_ask(self) -> bool {
        io::stdin().is_terminal() && self.err.is_terminal
    }

    /// Asks on stderr for a word or none, which may be empty; `None` when nobody answers any more.
    pub fn ask(self, question: &str) -> io::Result<Option<String>> {
        ask_for(question, self.err.paint, &mut io::stdin().lock(), &mut stderr().lock())
    }

    /// Asks on stderr; only the whole word `yes` is a yes.
    pub fn confirm(self, question: &str) -> Result<bool, NoAnswer> {
        if !self.can_ask() {
            return Err(NoAnswer::NobodyThere);
        }
        ask(question, self.err.paint, &mut io::stdin().lock(), &mut stderr().lock()).map_err(NoAnswer::Broken)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn stdout() -> io::Stdout {
    io::stdout()
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn stderr() -> io::Stderr {
    io::stderr()
}

fn passed_on(bytes: &[u8], is_terminal: bool) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if is_terminal {
        let text = harmless(&String::from_utf8_lossy(&bytes));
        return Paint::PLAIN.page(text.lines().map(|line| format!("  {line}"))).into_bytes();
    }
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    bytes
}

fn ask(question: &str, paint: Paint, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<bool> {
    writeln!(to, "{}", paint.bold(one_line(question)))?;
    write!(to, "  Only 'yes' is taken as a yes: ")?;
    to.flush()?;
    let mut answer = String::new();
    if from.read_line(&mut answer)? == 0 {
        writeln!(to)?;
    }
    Ok(answer.trim() == "yes")
}

fn ask_for(
    question: &str,
    paint: Paint,
    from: &mut impl BufRead,
    to: &mut impl Write,
) -> io::Result<Option<String>> {
    write!(to, "{}: ", paint.bold(one_line(question)))?;
    to.flush()?;
    let mut answer = String::new();
    if from.read_line(&mut answer)? == 0 {
        writeln!(to)?;
        return Ok(None);
    }
    Ok(Some(answer.trim().to_owned()))
}

fn deliver(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let written = stream.write_all(bytes).and_then(|()| stream.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Shows what happens underneath, on stderr: `-v` bgctl's own steps, `-vv` their details, `-vvv` the SSH
/// protocol, `-vvvv` all of it.
pub fn trace(verbose: u8) {
    let filter = match verbose {
        0 => return,
        1 => "bgctl=info",
        2 => "bgctl=debug",
        3 => "bgctl=trace,russh=debug",
        _ => "trace",
    };
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Trace).with_ansi(false);
    // A second call finds the first one's: that is fine.
    let _ = subscriber.try_init();
}

/// Where traces go: each is written whole.
struct Trace;

impl Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = Paint::PLAIN.line(String::from_utf8_lossy(bytes).trim_end_matches('\n')) + "\n";
        stderr().lock().write_all(text.as_bytes()).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says where a fault in bgctl itself was met. What was being worked on then may be secret, and may be anything: of the
/// message only what stands in the source is shown.
pub fn tell_faults() {
    std::panic::set_hook(Box::new(|fault| {
        let place = fault.location().map(|place| format!(" at {place}")).unwrap_or_default();
        let words = fault.payload().downcast_ref::<&'static str>().map(|words| format!(": {words}"));
        let text = format!("error: bgctl is broken{place}{}\n", words.unwrap_or_default());
        let _ = deliver(&mut stderr().lock(), Paint::PLAIN.through(&text).as_bytes());
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paint::hostile::{assert_tame, hostile};

    fn answer(text: &str) -> bool {
        ask("Move traffic?", Paint::PLAIN, &mut text.as_bytes(), &mut Vec::new()).unwrap()
    }

    #[test]
    fn only_yes_is_a_yes() {
        assert!(answer("yes\n"));
        for no in ["y\n", "YES\n", "yes please\n", "\n", ""] {
            assert!(!answer(no), "{no:?}");
        }
    }

    #[test]
    fn the_question_says_what_counts_as_yes() {
        let mut screen = Vec::new();
        ask("Move traffic?", Paint::PLAIN, &mut "no\n".as_bytes(), &mut screen).unwrap();
        assert_eq!(String::from_utf8(screen).unwrap(), "Move traffic?\n  Only 'yes' is taken as a yes: ");
    }

    #[test]
    fn a_question_and_what_programs_printed_are_only_read() {
        let mut screen = Vec::new();
        ask(&hostile(), Paint::new(true), &mut "no\n".as_bytes(), &mut screen).unwrap();
        ask_for(&hostile(), Paint::new(true), &mut "no\n".as_bytes(), &mut screen).unwrap();
        assert_tame(&String::from_utf8(screen).unwrap());
        let shown = String::from_utf8(passed_on(hostile().as_bytes(), true)).unwrap();
        assert_eq!(Paint::PLAIN.through(&shown), shown);
        assert!(shown.lines().all(|line| line.starts_with("  ")), "{shown}");
        let bytes = b"\xff\x1b[31m\n\r";
        assert_eq!(passed_on(bytes, false), [&bytes[..], b"\n"].concat());
        assert_eq!(passed_on(b"", false), b"");
    }

    #[test]
    fn a_question_takes_a_word_none_or_the_end_of_input() {
        for (text, said) in [(" shop \n", Some("shop")), ("\n", Some("")), ("", None)] {
            let answer = ask_for("App", Paint::PLAIN, &mut text.as_bytes(), &mut Vec::new()).unwrap();
            assert_eq!(answer.as_deref(), said);
        }
    }

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is_one() {
        assert!(deliver(&mut Broken(io::ErrorKind::BrokenPipe), b"x").is_ok());
        assert!(deliver(&mut Broken(io::ErrorKind::StorageFull), b"x").is_err());
    }
}
