//! Old connections: they finish, or it is told whose they were.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use crate::harness::{Lab, Served, get};

/// A lab where 0.0.1 is live on blue, and the old color is stopped after a switch.
fn with_blue() -> Lab {
    let lab = Lab::fresh();
    lab.edit("playbook.yml", "retire: { old: keep }", "retire: { old: stop }");
    lab.deploy("0.0.1").exits(0);
    lab
}

#[test]
fn a_long_request_outlives_the_switch_and_the_stop_of_its_color() {
    let lab = with_blue();
    let front = lab.front();
    let began = Instant::now();
    let request = spawn(move || get(front, "/slow?ms=6000"));
    sleep(Duration::from_millis(200));
    let said = lab.deploy("0.0.2").exits(0);
    assert!(began.elapsed() > Duration::from_secs(6), "the old color was stopped before its request ended");
    let answer = request.join().unwrap().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "version=0.0.1 color=blue\n"));
    assert_eq!((lab.running("app1", "blue"), lab.running("app2", "blue")), (None, None));
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    said.hides("will be cut");
}

/// A connection that nginx passes on as what it becomes: every line comes back.
struct Upgraded(BufReader<TcpStream>);

impl Upgraded {
    fn new(lab: &Lab) -> Self {
        let mut stream = TcpStream::connect(lab.front()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
            .write_all(b"GET /echo HTTP/1.1\r\nHost: lab\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
            .unwrap();
        let mut upgraded = Self(BufReader::new(stream));
        assert!(upgraded.line().unwrap().starts_with("HTTP/1.1 101 "));
        while upgraded.line().unwrap() != "\r\n" {}
        upgraded
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|length| *length > 0).map(|_| line)
    }

    /// Whether a line comes back.
    fn is_alive(&mut self) -> bool {
        let _ = self.0.get_mut().write_all(b"there?\n");
        self.line().as_deref() == Some("there?\n")
    }
}

#[test]
fn an_upgraded_connection_is_named_before_it_is_cut() {
    let lab = with_blue();
    lab.edit("playbook.yml", "drain_timeout: 60s", "drain_timeout: 7s");
    lab.edit(
        "templates/site.conf.hbs",
        "proxy_set_header Connection \"\";",
        "proxy_set_header Upgrade $http_upgrade;\n        proxy_set_header Connection $http_connection;",
    );
    lab.deploy("0.0.2").exits(0);
    let mut upgraded = Upgraded::new(&lab);
    assert!(upgraded.is_alive());
    let run = lab.start(&["apply", "-y", "-e", "version=0.0.4"]);
    lab.until_journal_says("\"task\":\"Drain old workers\"");
    assert!(upgraded.is_alive(), "it was cut before its time");
    let said = run.said().exits(0).says("waiting (1/2): 1 connection on 1 old worker");
    // Once where it happened, once in the result.
    let whole = "note: lb1: 1 connection on 1 old worker still open after 7 s: long requests, or upgraded connections \
                 (WebSocket), which will be cut; from ";
    assert!(said.stdout.contains(whole), "{}", said.stdout);
    assert!(said.stdout.contains(":18081\n"), "the upstream is named: {}", said.stdout);
    assert!(!upgraded.is_alive(), "its color is stopped");
    assert_eq!(lab.served(), Served::new("0.0.4", "blue"));
}
