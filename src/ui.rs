//! The screen: stdout, stderr, their color and width, and the one question. Nothing else prints.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::paint::Paint;

/// Columns where nothing tells: what a pager or a log shows without wrapping.
const USUAL_WIDTH: usize = 110;

/// Where a command writes. The result goes to stdout, everything on the way there to stderr.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    out: Paint,
    err: Paint,
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
        let paint = |terminal| Paint::new(wants_color(terminal));
        Self { out: paint(io::stdout().is_terminal()), err: paint(io::stderr().is_terminal()) }
    }

    /// The paint for stdout.
    #[must_use]
    pub const fn out_paint(self) -> Paint {
        self.out
    }

    /// The paint for stderr.
    #[must_use]
    pub const fn err_paint(self) -> Paint {
        self.err
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

    /// Writes a result to stdout. A reader that has gone (`| head`) is no error.
    pub fn result(self, text: &str) -> io::Result<()> {
        deliver(&mut io::stdout().lock(), text)
    }

    /// Says something on stderr. There is nobody to tell when that fails.
    pub fn say(self, text: &str) {
        let _ = deliver(&mut io::stderr().lock(), text);
    }

    /// Whether there is somebody to ask.
    #[must_use]
    pub fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks on stderr for a word or none, which may be empty; `None` when nobody answers any more.
    pub fn ask(self, question: &str) -> io::Result<Option<String>> {
        ask_for(question, self.err, &mut io::stdin().lock(), &mut io::stderr().lock())
    }

    /// Asks on stderr; only the whole word `yes` is a yes.
    pub fn confirm(self, question: &str) -> Result<bool, NoAnswer> {
        if !self.can_ask() {
            return Err(NoAnswer::NobodyThere);
        }
        ask(question, self.err, &mut io::stdin().lock(), &mut io::stderr().lock()).map_err(NoAnswer::Broken)
    }
}

fn ask(question: &str, paint: Paint, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<bool> {
    writeln!(to, "{}", paint.bold(question))?;
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
    write!(to, "{}: ", paint.bold(question))?;
    to.flush()?;
    let mut answer = String::new();
    if from.read_line(&mut answer)? == 0 {
        writeln!(to)?;
        return Ok(None);
    }
    Ok(Some(answer.trim().to_owned()))
}

fn deliver(stream: &mut impl Write, text: &str) -> io::Result<()> {
    let written = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
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
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false);
    // A second call finds the first one's: that is fine.
    let _ = subscriber.try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_question_takes_a_word_none_or_the_end_of_input() {
        for (text, said) in [(" shop \n", Some("shop")), ("\n", Some("")), ("", None)] {
            let answer = ask_for("App", Paint::PLAIN, &mut text.as_bytes(), &mut Vec::new()).unwrap();
            assert_eq!(answer.as_deref(), said);
        }
    }

    struct Stream(io::ErrorKind);

    impl Write for Stream {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is_one() {
        assert!(deliver(&mut Stream(io::ErrorKind::BrokenPipe), "x").is_ok());
        assert!(deliver(&mut Stream(io::ErrorKind::StorageFull), "x").is_err());
    }
}
