//! Hosts, users and servers that lie, on real OpenSSH, nginx and Docker: what each of them says or does comes to no other
//! machine. Every field of what hosts say is tried in memory, in `tests/hostile`; links, locks and numbers in the
//! scripts, in `tests/links` and `tests/scripts`.

mod servers;
mod users;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{Lab, Served};
use crate::lock::{staging, undone, with_blue};
use crate::ways::world;

const STATE: &str = "/var/lib/bgctl/my-server";
/// What a command of a liar makes, wherever it runs.
const OWNED: &str = "/srv/owned";

/// No command of a liar ran on any host.
#[track_caller]
fn nothing_was_run(lab: &Lab) {
    for host in lab.hosts() {
        assert_eq!(lab.on(host, &format!("ls {OWNED} 2>/dev/null; true")), "", "{host}");
    }
}

/// What the load balancer keeps of a run that was left.
#[derive(Clone)]
struct Kept {
    record: Value,
    plan: Value,
}

impl Kept {
    fn of(lab: &Lab) -> Self {
        let read =
            |name: &str| serde_json::from_str(&lab.content("lb1", &format!("{STATE}/{name}"))).unwrap();
        Self { record: read("last-run"), plan: read("plan") }
    }

    /// Record and plan, the former with the latter's hash.
    fn texts(&self) -> [String; 2] {
        let plan = self.plan.to_string();
        let mut record = self.record.clone();
        record["plans"] = json!([HEXLOWER.encode(&Sha256::digest(&plan))]);
        [record.to_string(), plan]
    }

    /// Has the load balancer keep this.
    fn put(&self, lab: &Lab) {
        let [record, plan] = self.texts();
        lab.put("lb1", &format!("{STATE}/last-run"), &record);
        lab.put("lb1", &format!("{STATE}/plan"), &plan);
    }

    /// The same with another value in the record or in the plan.
    fn with(&self, part: &str, key: &str, lie: Value) -> Self {
        let mut forged = self.clone();
        let part = if part == "record" { &mut forged.record } else { &mut forged.plan };
        part[key] = lie;
        forged
    }

    /// The same with a command for a host, as root, that runs whether the run is gone on with or taken back.
    fn with_command(&self, host: &str) -> Self {
        let run = json!({ "do": "run", "argv": ["touch", OWNED], "chdir": null, "stdin": null, "env": [] });
        self.with_step(host, &run, &run)
    }

    fn with_step(&self, host: &str, action: &Value, undo: &Value) -> Self {
        let mut forged = self.clone();
        let step = json!({
            "name": "evil", "action": action, "undo": { "reverse": undo }, "certainty": "computed", "escalate": "root",
            "timeout": null, "ignore_errors": false, "no_log": true, "before": null,
        });
        let lane = json!({ "host": host, "steps": [step], "skipped": [] });
        forged.plan["waves"][0]["lanes"].as_array_mut().unwrap().insert(0, lane);
        forged
    }
}

/// Does whatever it is asked, and adds lines to what it tells of itself.
const LIAR: &str = r#"#!/bin/bash
set -o pipefail
lies=/dev/null
bash -c "$SSH_ORIGINAL_COMMAND" | while IFS= read -r line || [ -n "$line" ]; do
  case $line in 'facts 1') lies=/srv/lies ;; end) cat "$lies" ;; esac
  printf '%s\n' "$line"
done
"#;
/// Has sshd take note of what it shall be like.
const READ_AGAIN: &str = "pkill -HUP -o -x sshd; sleep 0.5";

/// An app server that tells of more than it was asked, until this value ends.
struct Liar<'a>(&'a Lab);

impl<'a> Liar<'a> {
    fn app2(lab: &'a Lab, lies: &str) -> Self {
        lab.put("app2", "/srv/lies", lies);
        lab.put("app2", "/usr/local/bin/liar", LIAR);
        lab.on(
            "app2",
            &format!(
                "chmod +x /usr/local/bin/liar
                 echo 'ForceCommand /usr/local/bin/liar' >/etc/ssh/sshd_config.d/liar.conf; {READ_AGAIN}"
            ),
        );
        Self(lab)
    }
}

impl Drop for Liar<'_> {
    fn drop(&mut self) {
        self.0.on(
            "app2",
            &format!("rm /etc/ssh/sshd_config.d/liar.conf /usr/local/bin/liar /srv/lies; {READ_AGAIN}"),
        );
    }
}

#[test]
fn an_app_server_that_tells_of_a_run_is_as_one_that_tells_of_none() {
    let lab = with_blue();
    let run = staging(&lab);
    let left = Kept::of(&lab);
    run.interrupt();
    run.said().exits(130);
    undone(&lab);
    let [record, plan] =
        left.with_command("lb1").with_command("app1").with("record", "number", json!(4000)).texts();
    let field = |text: &str| format!(".{}", BASE64.encode(text.as_bytes()));
    let [record, plan, link] =
        [record, plan, "/etc/nginx/sites-available/evil.conf".to_owned()].map(|text| field(&text));
    let lies = format!(
        "holder mallory\nlast-run {record}\nplan {plan}\nhistory {record}\nnginx 1.26.3 1 {link}\ndetected 0 green\n\
         armed watched 3 run time {link} {link}\nkept 0123456789ab 7\n"
    );
    let _liar = Liar::app2(&lab, &lies);

    let status = lab.bgctl(&["status", "-v", "--output", "json"]).exits(0);
    let status = status.says("told of last-run of a run, which it was not asked: that does not count");
    let status = status.says("told of holder of a run").hides("mallory").json();
    assert_eq!(
        (&status["lock"], &status["last_run"]["outcome"]),
        (&Value::Null, &json!("interrupted")),
        "{status:#}"
    );
    lab.bgctl(&["abort", "-y", "-v"]).exits(0).says("Nothing to abort").says("told of the plan of a run");
    lab.bgctl(&["resume", "-y", "-e", "version=0.0.3"]).exits(0).says("Nothing to resume");
    lab.bgctl(&["history"]).exits(0).hides("mallory");
    lab.bgctl(&["plan", "-e", "version=0.0.2"]).exits(0).hides("evil");
    nothing_was_run(&lab);
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    nothing_was_run(&lab);
}

/// Files beneath a folder of the operator's machine, but for the journals of the app.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("state/bgctl/my-server") {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        }
        found.insert(path);
    }
    found
}

/// What the only load balancer may say of a run that was left, and what is said of it.
fn forgeries(honest: &Kept, lab: &Lab) -> Vec<(Kept, &'static str)> {
    const NOT_OURS: &str = "is not one that this playbook makes";
    const NO_RECORD: &str = "the record of the last run cannot be read";
    let restore = json!({ "do": "restore_file", "path": "/etc/ld.so.preload", "kept": "/srv/lies" });
    let wait = json!({ "do": "wait", "duration": { "secs": 0, "nanos": 0 }, "once": false });
    let anywhere = lab.path("evil").display().to_string();
    vec![
        (honest.with_command("app2"), NOT_OURS),
        (honest.with_step("app1", &wait, &restore), NOT_OURS),
        (honest.with("plan", "app", json!("other")), NOT_OURS),
        (honest.with("plan", "app", json!("../../../evil")), "the plan on the load balancer cannot be read"),
        (honest.with("record", "run", json!("../../../evil")), NO_RECORD),
        (honest.with("record", "run", json!(anywhere)), NO_RECORD),
        (honest.with("record", "release", json!("../../evil")), NO_RECORD),
        (honest.with("record", "number", json!(u64::MAX)), NO_RECORD),
    ]
}

/// Whether a terminal would take it for a command, or show it in another order.
fn steers(letter: char) -> bool {
    letter.is_control() && letter != '\n'
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn what_a_load_balancer_forges_moves_nothing_and_steers_no_terminal() {
    let lab = with_blue();
    staging(&lab).kill();
    let honest = Kept::of(&lab);
    lab.elsewhere(&["status"]).exits(0);
    let others = |lab: &Lab| world(lab).split_off(1);
    let before = (others(&lab), files(&lab.path("")));
    for (forged, words) in forgeries(&honest, &lab) {
        forged.put(&lab);
        lab.elsewhere(&["abort", "-y", "-e", "version=0.0.3"]).exits(3).says(words).hides("Aborted");
        lab.elsewhere(&["resume", "-y", "-e", "version=0.0.3"]).exits(3).says(words).hides("is live");
    }
    assert_eq!((others(&lab), files(&lab.path(""))), before);
    nothing_was_run(&lab);

    // A title, a line that is erased, the cursor moved up, C1, text from right to left.
    let loud = "\u{1b}]0;owned\u{7}\u{1b}[2K\u{1b}[1A\u{9b}2J\u{202e}\r\u{8}mallory";
    honest.with("record", "by", json!(loud)).with("record", "command", json!(loud)).put(&lab);
    for args in [&["abort", "--check"][..], &["status"], &["status", "--output", "json"]] {
        let said = lab.elsewhere(args).exits(0).says("mallory");
        let letters = || said.stdout.chars().chain(said.stderr.chars());
        assert!(!letters().any(steers), "{}", said.in_full());
    }
    let said = lab.elsewhere(&["apply", "-y", "-e", "version=0.0.2"]).exits(3).says("mallory");
    assert!(!said.stderr.chars().any(steers), "{}", said.in_full());

    // It were the lies that were refused.
    honest.put(&lab);
    lab.elsewhere(&["abort", "-y"]).exits(0).says("Aborted");
    undone(&lab);
}
