//! HTTP load for the demo: asks the load balancer without a pause until SIGTERM, then says what came of it.
//!
//! `load ADDRESS:PORT`, on loopback only. It is compiled by `rustc` alone and is no part of the package.
//!
//! Half of the clients open a connection for each request. The others keep theirs, and ask once more
//! when a connection that was used before is closed before any byte of an answer, as browsers and the
//! usual HTTP libraries do: a server may close an idle connection at any time.
//!
//! On SIGTERM it writes one JSON object to stdout: `sent`, `failed`, `retried`, `versions` (answers of
//! each), `seconds`, and `failures` (the first few, in words). It ends by itself after ten minutes.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::exit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Set by SIGTERM.
static STOPPING: AtomicBool = AtomicBool::new(false);

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
/// How many clients there are of each kind.
const CLIENTS: usize = 2;
/// What a client waits between two requests: the load is to be noticed by the switch, not by the machine.
const PAUSE: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_RUN: Duration = Duration::from_secs(600);
/// How many failures are kept in words.
const TOLD: usize = 5;

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

extern "C" fn on_stop(_: i32) {
    STOPPING.store(true, Ordering::SeqCst);
}

fn main() {
    let target = env::args().nth(1).and_then(|argument| argument.parse::<SocketAddr>().ok());
    let Some(target) = target.filter(|target| target.ip().is_loopback()) else {
        eprintln!("usage: load ADDRESS:PORT, an address on loopback");
        exit(2);
    };
    // SAFETY: the handler only stores to an atomic, which is async-signal-safe.
    unsafe {
        signal(SIGTERM, on_stop);
        signal(SIGINT, on_stop);
    }
    let (counts, begun) = (Mutex::new(Counts::default()), Instant::now());
    thread::scope(|scope| {
        for keeps in [true, false].repeat(CLIENTS) {
            let counts = &counts;
            scope.spawn(move || Client { target, keeps, kept: None }.ask_until_stopped(begun, counts));
        }
    });
    let counts = counts.into_inner().unwrap_or_default();
    println!("{}", counts.json(begun.elapsed()));
}

/// What came of the requests.
#[derive(Default)]
struct Counts {
    sent: u64,
    failed: u64,
    retried: u64,
    versions: BTreeMap<String, u64>,
    failures: Vec<String>,
}

impl Counts {
    fn add(&mut self, outcome: Result<String, io::Error>, retried: bool) {
        self.sent += 1;
        self.retried += u64::from(retried);
        match outcome {
            Ok(version) => *self.versions.entry(version).or_default() += 1,
            Err(error) => {
                self.failed += 1;
                if self.failures.len() < TOLD {
                    self.failures.push(error.to_string());
                }
            }
        }
    }

    fn json(&self, took: Duration) -> String {
        let versions: Vec<String> =
            self.versions.iter().map(|(version, count)| format!("{}:{count}", quoted(version))).collect();
        let failures: Vec<String> = self.failures.iter().map(|failure| quoted(failure)).collect();
        format!(
            r#"{{"sent":{},"failed":{},"retried":{},"versions":{{{}}},"seconds":{:.1},"failures":[{}]}}"#,
            self.sent,
            self.failed,
            self.retried,
            versions.join(","),
            took.as_secs_f64(),
            failures.join(","),
        )
    }
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|character| match character {
            '"' | '\\' => format!("\\{character}"),
            character if character.is_control() => " ".to_owned(),
            character => character.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// One client, which asks one request after the other.
struct Client {
    target: SocketAddr,
    keeps: bool,
    kept: Option<BufReader<TcpStream>>,
}

impl Client {
    fn ask_until_stopped(mut self, begun: Instant, counts: &Mutex<Counts>) {
        while !STOPPING.load(Ordering::SeqCst) && begun.elapsed() < LONGEST_RUN {
            let (outcome, retried) = self.ask();
            if let Ok(mut counts) = counts.lock() {
                counts.add(outcome, retried);
            }
            thread::sleep(PAUSE);
        }
    }

    /// The version that answered, and whether it took a second connection.
    fn ask(&mut self) -> (Result<String, io::Error>, bool) {
        if let Some(mut used) = self.kept.take() {
            match exchange(&mut used, self.keeps) {
                Err(Fault::Silent(_)) => return (self.ask_anew(), true),
                Err(Fault::Broken(error)) => return (Err(error), false),
                Ok(answer) => return (Ok(self.keep(used, answer)), false),
            }
        }
        (self.ask_anew(), false)
    }

    fn ask_anew(&mut self) -> Result<String, io::Error> {
        let stream = TcpStream::connect_timeout(&self.target, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut connection = BufReader::new(stream);
        match exchange(&mut connection, self.keeps) {
            Ok(answer) => Ok(self.keep(connection, answer)),
            Err(Fault::Silent(error) | Fault::Broken(error)) => Err(error),
        }
    }

    fn keep(&mut self, connection: BufReader<TcpStream>, answer: Answer) -> String {
        if self.keeps && answer.goes_on {
            self.kept = Some(connection);
        }
        answer.version
    }
}

/// A good answer.
struct Answer {
    version: String,
    goes_on: bool,
}

/// Why there is none.
enum Fault {
    /// The connection ended before any byte: the request was not worked on, and may be asked again.
    Silent(io::Error),
    /// The answer is bad, or ends in its middle.
    Broken(io::Error),
}

fn exchange(connection: &mut BufReader<TcpStream>, keeps: bool) -> Result<Answer, Fault> {
    let ending = if keeps { "keep-alive" } else { "close" };
    let request = format!("GET / HTTP/1.1\r\nHost: demo\r\nConnection: {ending}\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).map_err(Fault::Silent)?;
    let begun = connection.fill_buf().map(|bytes| !bytes.is_empty());
    match begun {
        Err(error) if is_close(&error) => Err(Fault::Silent(error)),
        Err(error) => Err(Fault::Broken(error)),
        Ok(false) => Err(Fault::Silent(io::Error::other("closed without an answer"))),
        Ok(true) => answer(connection).map_err(Fault::Broken),
    }
}

fn is_close(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Reads an answer whose first byte is there.
fn answer(connection: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let status = line(connection)?;
    let (mut length, mut version, mut goes_on) = (None, String::new(), true);
    loop {
        let line = line(connection)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", value) => length = value.parse().ok(),
            ("x-version", value) => value.clone_into(&mut version),
            ("connection", value) => goes_on = !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let length: u64 = length.ok_or_else(|| io::Error::other("an answer without a length"))?;
    let read = io::copy(&mut connection.take(length), &mut io::sink())?;
    if read != length {
        return Err(io::Error::other("the answer ended in its middle"));
    }
    if !status.starts_with("HTTP/1.1 200 ") || version.is_empty() {
        return Err(io::Error::other(format!("answered: {status}")));
    }
    Ok(Answer { version, goes_on })
}

fn line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Err(io::Error::other("the answer ended in its head"));
    }
    Ok(line.trim_end().to_owned())
}
