//! The demo app of the lab: a small HTTP/1.1 server that says which release and color it is.
//!
//! It is compiled by `rustc` alone, statically, into an image made `FROM scratch`; it is no part of
//! the package. It is configured by its environment:
//!
//! | variable    | meaning                                                        |
//! |-------------|----------------------------------------------------------------|
//! | `VERSION`   | the release, in `/` and in `X-Version`                         |
//! | `COLOR`     | the color, in `/` and in `X-Color`                             |
//! | `HOST_NAME` | the host it runs on, in `X-Host` (default: `HOSTNAME`)         |
//! | `PORT`      | where it listens (default 8080)                                |
//! | `BROKEN`    | `1`: never becomes healthy                                     |
//! | `BROKEN_ON` | never becomes healthy where `HOST_NAME` is this name           |
//! | `FRAGILE`   | `1`: `/fragile` answers 500, while all else is well            |
//!
//! `app migrate [WORD …]` is its migration: it appends a line, `VERSION COLOR HOST_NAME WORD …`, to `/data/migrations`,
//! which stands for a database that both colors share, unless it is there. It fails where `REFUSE_MIGRATION` is the
//! first word; `SLOW_MIGRATION` is how many seconds the first word `up` takes.
//!
//! `/slow?ms=N` takes its time; `/echo`, asked with `Upgrade: websocket`, gives back whatever it is sent from then on.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Set by SIGTERM: take no new connection, finish what was begun, leave.
static STOPPING: AtomicBool = AtomicBool::new(false);
/// Requests whose first byte was read and whose answer is not yet written.
static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const LONGEST_DRAIN: Duration = Duration::from_secs(10);
const LONGEST_HEAD: u64 = 64 * 1024;

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

extern "C" fn on_stop(_: i32) {
    STOPPING.store(true, Ordering::SeqCst);
}

fn main() {
    let port = variable("PORT").parse().unwrap_or(8080);
    if env::args().nth(1).as_deref() == Some("healthcheck") {
        exit(i32::from(!answers_healthy(port)));
    }
    if env::args().nth(1).as_deref() == Some("migrate") {
        exit(migrate(&env::args().skip(2).collect::<Vec<_>>()));
    }
    // SAFETY: the handler only stores to an atomic, which is async-signal-safe. As PID 1 the
    // process would otherwise ignore SIGTERM, and every recreate would wait ten seconds.
    unsafe {
        signal(SIGTERM, on_stop);
        signal(SIGINT, on_stop);
    }
    let release = Arc::new(Release::from_environment());
    let listener = match TcpListener::bind(("0.0.0.0", port)) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("ERROR cannot listen on port {port}: {error}");
            exit(1);
        }
    };
    println!("INFO version={} color={} listening on port {port}", release.version, release.color);
    if release.broken {
        eprintln!("ERROR database migration missing: refusing to become healthy");
    }
    let accepting = thread::spawn(move || accept(&listener, &release));
    while !STOPPING.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
    }
    // Wakes `accept`, which then closes the listening socket: later connections are refused at once.
    drop(TcpStream::connect(("127.0.0.1", port)));
    drop(accepting.join());
    let begun = Instant::now();
    while IN_FLIGHT.load(Ordering::SeqCst) > 0 && begun.elapsed() < LONGEST_DRAIN {
        thread::sleep(Duration::from_millis(5));
    }
    println!("INFO stopped, {} requests unfinished", IN_FLIGHT.load(Ordering::SeqCst));
}

/// Migrates, and says so; its exit status.
fn migrate(words: &[String]) -> i32 {
    let line =
        [&[variable("VERSION"), variable("COLOR"), variable("HOST_NAME")][..], words].concat().join(" ");
    // As any migration does: what was done is not done again.
    let done = std::fs::read_to_string("/data/migrations").unwrap_or_default();
    if done.lines().any(|before| before == line) {
        println!("migrated already: {line}");
        return 0;
    }
    println!("migrating: {line}");
    if let (Some("up"), Ok(seconds)) = (words.first().map(String::as_str), variable("SLOW_MIGRATION").parse())
    {
        thread::sleep(Duration::from_secs(seconds));
    }
    if words.first().is_some_and(|word| *word == variable("REFUSE_MIGRATION")) {
        eprintln!("ERROR column price exists already");
        return 3;
    }
    let written = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open("/data/migrations")
        .and_then(|mut file| writeln!(file, "{line}"));
    match written {
        Ok(()) => {
            println!("migrated");
            0
        }
        Err(error) => {
            eprintln!("ERROR /data/migrations: {error}");
            1
        }
    }
}

/// What this process says of itself.
struct Release {
    version: String,
    color: String,
    host: String,
    broken: bool,
    fragile: bool,
}

impl Release {
    fn from_environment() -> Self {
        let named = variable("HOST_NAME");
        let host = if named.is_empty() { variable("HOSTNAME") } else { named };
        let broken_on = variable("BROKEN_ON");
        let broken = variable("BROKEN") == "1" || (!broken_on.is_empty() && broken_on == host);
        let fragile = variable("FRAGILE") == "1";
        Release { version: variable("VERSION"), color: variable("COLOR"), host, broken, fragile }
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn accept(listener: &TcpListener, release: &Arc<Release>) {
    for connection in listener.incoming() {
        if STOPPING.load(Ordering::SeqCst) {
            return;
        }
        let release = Arc::clone(release);
        if let Ok(stream) = connection {
            thread::spawn(move || drop(serve(&stream, &release)));
        }
    }
}

/// Answers one connection's requests until either side has had enough.
fn serve(stream: &TcpStream, release: &Release) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        if reader.fill_buf()?.is_empty() {
            return Ok(());
        }
        IN_FLIGHT.fetch_add(1, Ordering::SeqCst);
        let goes_on = exchange(&mut reader, stream, release);
        IN_FLIGHT.fetch_sub(1, Ordering::SeqCst);
        if !goes_on? {
            return Ok(());
        }
    }
}

/// One request and its answer; whether the connection may carry another.
fn exchange(reader: &mut impl BufRead, mut out: &TcpStream, release: &Release) -> io::Result<bool> {
    let Some(request) = Request::read(reader)? else {
        out.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        return Ok(false);
    };
    if request.upgrade && request.target == "/echo" {
        out.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        )?;
        return echo(reader, out).map(|()| false);
    }
    let (status, body) = answer(&request.target, release);
    let goes_on = request.keep_alive && !STOPPING.load(Ordering::SeqCst);
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: {}\r\nX-Version: {}\r\nX-Color: {}\r\nX-Host: {}\r\n\r\n",
        body.len(),
        if goes_on { "keep-alive" } else { "close" },
        in_a_header(&release.version),
        in_a_header(&release.color),
        in_a_header(&release.host),
    )
    .into_bytes();
    if !request.head_only {
        response.extend_from_slice(&body);
    }
    out.write_all(&response)?;
    Ok(goes_on)
}

/// Gives back what comes, until either side goes.
fn echo(reader: &mut impl BufRead, mut out: &TcpStream) -> io::Result<()> {
    out.set_read_timeout(Some(Duration::from_millis(100)))?;
    while !STOPPING.load(Ordering::SeqCst) {
        let length = match reader.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(bytes) => {
                out.write_all(bytes)?;
                bytes.len()
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => 0,
            Err(error) => return Err(error),
        };
        reader.consume(length);
    }
    Ok(())
}

fn in_a_header(value: &str) -> String {
    value.chars().filter(|character| !character.is_control()).collect()
}

fn answer(target: &str, release: &Release) -> (&'static str, Vec<u8>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let itself = format!("version={} color={}\n", release.version, release.color).into_bytes();
    match path {
        "/" => ("200 OK", itself),
        "/health" if release.broken => ("503 Service Unavailable", b"database migration missing\n".to_vec()),
        "/health" => ("200 OK", b"ok\n".to_vec()),
        "/fragile" if release.fragile => ("500 Internal Server Error", b"no such column\n".to_vec()),
        "/fragile" => ("200 OK", itself),
        "/slow" => {
            let ms = parameter(query, "ms").and_then(|ms| ms.parse().ok()).unwrap_or(1000);
            thread::sleep(Duration::from_millis(ms));
            ("200 OK", itself)
        }
        "/env" => environment(parameter(query, "name")),
        _ => ("404 Not Found", b"not found\n".to_vec()),
    }
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Every variable on a line of its own; or, asked for one, its value byte for byte.
fn environment(name: Option<&str>) -> (&'static str, Vec<u8>) {
    use std::os::unix::ffi::OsStringExt;
    if let Some(name) = name {
        return match env::var_os(name) {
            Some(value) => ("200 OK", value.into_vec()),
            None => ("404 Not Found", b"not set\n".to_vec()),
        };
    }
    let mut lines: Vec<Vec<u8>> = env::vars_os()
        .map(|(key, value)| [key.into_vec(), b"=".to_vec(), value.into_vec(), b"\n".to_vec()].concat())
        .collect();
    lines.sort();
    ("200 OK", lines.concat())
}

/// What matters of a request.
struct Request {
    target: String,
    head_only: bool,
    keep_alive: bool,
    upgrade: bool,
}

impl Request {
    /// Reads one request, its body included; `None` when it is not HTTP.
    fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = reader.by_ref().take(LONGEST_HEAD);
        let mut line = String::new();
        head.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (Some(method), Some(target), Some(protocol)) = (words.next(), words.next(), words.next()) else {
            return Ok(None);
        };
        let mut request = Request {
            target: target.to_owned(),
            head_only: method == "HEAD",
            keep_alive: protocol != "HTTP/1.0",
            upgrade: false,
        };
        let mut body_length = 0;
        loop {
            let mut line = String::new();
            head.read_line(&mut line)?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { return Ok(None) };
            match (name.to_ascii_lowercase().as_str(), value.trim().to_ascii_lowercase().as_str()) {
                ("upgrade", "websocket") => request.upgrade = true,
                ("connection", "close") => request.keep_alive = false,
                ("connection", "keep-alive") => request.keep_alive = true,
                ("content-length", length) => body_length = length.parse().unwrap_or(0),
                // A body of unknown length is not read, so nothing after it can be understood.
                ("transfer-encoding", _) => request.keep_alive = false,
                _ => {}
            }
        }
        io::copy(&mut reader.take(body_length), &mut io::sink())?;
        Ok(Some(request))
    }
}

/// The image's own health check: it holds no shell and no `curl`.
fn answers_healthy(port: u16) -> bool {
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}
