//! Old connections: they finish, or it is told whose they were.

use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use crate::harness::{Lab, Served, Upgraded, get};

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

#[test]
fn an_upgraded_connection_is_named_before_it_is_cut() {
    let lab = with_blue();
    lab.edit("playbook.yml", "drain_timeout: 60s", "drain_timeout: 7s");
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
