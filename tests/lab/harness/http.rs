//! A small HTTP/1.1 client: every wait is bounded, and loopback is all it talks to.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Lab;

/// The longest wait for a connection, and for each part of an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// From the status line to the last byte that `Content-Length` announces.
    fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let line = line(reader)?;
        let status =
            line.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(|| broken(&line))?;
        let mut headers = Vec::new();
        loop {
            let line = self::line(reader)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| broken(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Self { status, headers, body: Vec::new() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        answer.body = vec![0; length.ok_or_else(|| broken("no Content-Length"))?];
        reader.read_exact(&mut answer.body)?;
        Ok(answer)
    }
}

/// The site that is asked for where a test has no other.
pub(crate) const SITE: &str = "lab";

/// Asks over a connection of its own.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    get_of(address, SITE, path)
}

/// Asks a site over a connection of its own.
pub(crate) fn get_of(address: SocketAddr, site: &str, path: &str) -> io::Result<Answer> {
    get_over(&mut connect(address)?, site, path)
}

/// Asks a site for its last answer over a connection.
pub(crate) fn get_over<S: Read + Write>(
    connection: &mut BufReader<S>,
    site: &str,
    path: &str,
) -> io::Result<Answer> {
    ask(connection, site, path, "close")?;
    Answer::read(connection)
}

/// A client that keeps its connection.
pub(crate) struct KeepAlive {
    address: SocketAddr,
    site: &'static str,
    connection: Option<BufReader<TcpStream>>,
    /// Requests asked a second time.
    pub(crate) retried: usize,
}

impl KeepAlive {
    pub(crate) fn new(address: SocketAddr, site: &'static str) -> Self {
        Self { address, site, connection: None, retried: 0 }
    }

    /// Asks over the connection that is there. When it turns out to have been closed before any byte of the
    /// answer, asks once more over a new one, as browsers and HTTP libraries do.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        if let Some(mut kept) = self.connection.take() {
            if begins_to_answer(&mut kept, self.site, path) {
                return self.finish(kept);
            }
            self.retried += 1;
        }
        let mut new = connect(self.address)?;
        ask(&mut new, self.site, path, "keep-alive")?;
        self.finish(new)
    }

    fn finish(&mut self, mut connection: BufReader<TcpStream>) -> io::Result<Answer> {
        let answer = Answer::read(&mut connection)?;
        if answer.header("connection").as_deref() != Some("close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

/// Whether a kept connection brings at least one byte of an answer. A wait that takes too long is no closing: it
/// is left to the reader of the answer, who fails.
fn begins_to_answer(kept: &mut BufReader<TcpStream>, site: &str, path: &str) -> bool {
    if ask(kept, site, path, "keep-alive").is_err() {
        return false;
    }
    match kept.fill_buf() {
        Ok(bytes) => !bytes.is_empty(),
        Err(error) => !matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    assert!(address.ip().is_loopback(), "{address} is not on this machine");
    connect_to(address).map(BufReader::new)
}

/// A connection on which every wait is bounded.
pub(super) fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn ask<S: Read + Write>(connection: &mut BufReader<S>, site: &str, path: &str, keep: &str) -> io::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {site}\r\nConnection: {keep}\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes())
}

/// A connection that nginx passes on as what it becomes: every line comes back.
pub(crate) struct Upgraded<S: Read>(BufReader<S>);

impl<S: Read + Write> Upgraded<S> {
    pub(crate) fn over(mut stream: S, host: &str) -> Self {
        let ask = format!(
            "GET /echo HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        );
        stream.write_all(ask.as_bytes()).unwrap();
        let mut upgraded = Self(BufReader::new(stream));
        let status = upgraded.line().unwrap();
        assert!(status.starts_with("HTTP/1.1 101 "), "{status}");
        while upgraded.line().unwrap() != "\r\n" {}
        upgraded
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|length| *length > 0).map(|_| line)
    }

    /// Whether a line comes back.
    pub(crate) fn is_alive(&mut self) -> bool {
        let _ = self.0.get_mut().write_all(b"there?\n");
        self.line().as_deref() == Some("there?\n")
    }
}

impl Upgraded<TcpStream> {
    /// To the first load balancer of a lab.
    pub(crate) fn new(lab: &Lab) -> Self {
        Self::over(connect_to(lab.front()).unwrap(), "lab")
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(Error::new(ErrorKind::UnexpectedEof, "closed before the answer was whole"));
    }
    Ok(line.trim_end().to_owned())
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not HTTP: {what}"))
}
