//! What is wrong in files is told whole, with its place, before any host hears of it; and what programs read.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Lab, Served};
use crate::ways::world;

/// Counts who connects to a port of its own.
fn counting_listener() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&count);
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, count)
}

#[test]
fn several_mistakes_are_shown_at_once_and_no_host_is_contacted() {
    let lab = Lab::fresh();
    let (port, contacted) = counting_listener();
    lab.write(
        "inventory.yml",
        &format!(
            "all:\n  vars: {{ ansible_host: 127.0.0.1, ansible_port: {port}, bgctl_address: 192.0.2.1 }}\n  children:\n    \
             load_balancers: {{ hosts: {{ lb1: }} }}\n    app_servers: {{ hosts: {{ app1:, app2: }} }}\n"
        ),
    );
    // It is heard where nothing is wrong: the count below can fail.
    lab.deploy("0.0.1").exits(4);
    let before = contacted.load(Ordering::SeqCst);
    assert!(before >= 3, "{before}");

    lab.edit("playbook.yml", "serial: 100%", "serail: 100%");
    lab.edit("playbook.yml", "drain_timeout: 60s", "drain_timeout: soon");
    let said = lab.deploy("0.0.1").exits(2);
    let said = said.says("serail").says("serial").says("soon");
    let playbook = std::fs::read_to_string(lab.path("playbook.yml")).unwrap();
    for text in ["serail", "soon"] {
        let (line, column) = playbook
            .lines()
            .enumerate()
            .find_map(|(line, content)| Some((line + 1, content.find(text)? + 1)))
            .unwrap();
        let place = format!("playbook.yml:{line}:{column}");
        assert!(said.stderr.contains(&place), "no {place} in {}", said.stderr);
    }

    lab.edit("playbook.yml", "serail: 100%", "serial: 100%");
    lab.edit("playbook.yml", "drain_timeout: soon", "drain_timeout: 60s");
    lab.edit("templates/site.conf.hbs", "listen 80 default_server;", "listen {{ listne }} default_server;");
    lab.edit("templates/compose.yml.hbs", "restart: unless-stopped", "restart: {{ restrat }}");
    lab.deploy("0.0.1")
        .exits(2)
        .says("site.conf.hbs:")
        .says("listne")
        .says("compose.yml.hbs:")
        .says("restrat");
    lab.bgctl(&["plan"]).exits(2).says("version");
    assert_eq!(contacted.load(Ordering::SeqCst), before);
}

#[test]
fn every_line_of_an_apply_for_programs_has_the_same_keys() {
    let lab = Lab::fresh();
    for (version, code) in [("0.0.1", 0), ("0.0.5-half", 1)] {
        let arg = format!("version={version}");
        let said = lab.bgctl(&["apply", "-y", "-e", &arg, "--output", "json"]).exits(code);
        assert_eq!(said.events("run_ended").len(), 1);
        for line in said.stdout.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            for key in ["time", "run", "host", "phase", "task", "event"] {
                assert!(event.get(key).is_some(), "no {key:?} in {line}");
            }
        }
    }
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
}

#[test]
fn exec_tells_each_host_apart() {
    let lab = Lab::fresh();
    lab.bgctl(&["exec", "app_servers", "--", "echo", "$(id)  it's"])
        .exits(0)
        .says("app2 | ok")
        .says("$(id)  it's");
    let said = lab.bgctl(&[
        "exec",
        "all",
        "--output",
        "json",
        "--shell",
        "uname -n >&2; test \"$(uname -n)\" = lb1",
    ]);
    let said = said.exits(1);
    let lines: Vec<serde_json::Value> =
        said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut results: Vec<_> =
        lines.iter().map(|line| (line["host"].as_str().unwrap(), line["status"].as_i64().unwrap())).collect();
    results.sort_unstable();
    assert_eq!(results, [("app1", 1), ("app2", 1), ("lb1", 0)]);
    lab.bgctl(&["exec", "nobody", "--", "true"]).exits(2).says("nobody");
}

#[test]
fn who_cannot_be_asked_is_told_what_to_say() {
    let lab = Lab::fresh();
    let before = world(&lab);
    lab.bgctl(&["apply", "-e", "version=0.0.1"]).exits(2).says("stdin is not a terminal").says("-y");
    assert_eq!(world(&lab), before);
}
