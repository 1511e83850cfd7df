//! A small HTTP/1.1 client: every wait is bounded, and loopback is all it talks to.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

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

/// Asks over a connection of its own.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    let mut connection = connect(address)?;
    ask(&mut connection, path, "close")?;
    Answer::read(&mut connection)
}

/// A client that keeps its connection.
pub(crate) struct KeepAlive {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    /// Requests asked a second time.
    pub(crate) retried: usize,
}

impl KeepAlive {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None, retried: 0 }
    }

    /// Asks over the connection that is there. When it turns out to have been closed before any byte of the
    /// answer, asks once more over a new one, as browsers and HTTP libraries do.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        if let Some(mut kept) = self.connection.take() {
            if begins_to_answer(&mut kept, path) {
                return self.finish(kept);
            }
            self.retried += 1;
        }
        let mut new = connect(self.address)?;
        ask(&mut new, path, "keep-alive")?;
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
fn begins_to_answer(kept: &mut BufReader<TcpStream>, path: &str) -> bool {
    if ask(kept, path, "keep-alive").is_err() {
        return false;
    }
    match kept.fill_buf() {
        Ok(bytes) => !bytes.is_empty(),
        Err(error) => !matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    assert!(address.ip().is_loopback(), "{address} is not on this machine");
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

fn ask(connection: &mut BufReader<TcpStream>, path: &str, keep: &str) -> io::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: lab\r\nConnection: {keep}\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes())
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
