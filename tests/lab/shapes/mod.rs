//! Each shape as `bgctl init` writes it. A home-made script deploys first, as people have one; bgctl takes over what it
//! left and goes on under load. What the tests print is the table in docs/shapes/README.md.

#![expect(
    clippy::disallowed_macros,
    reason = "the numbers are the table in the documentation; nextest shows them"
)]

mod command;
mod multi_host;
mod primary_backup;
mod single_host;
mod upstream_block;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use crate::harness::{Client, Lab, Load, Served, get};

/// Clients of both kinds, two each.
struct Clients([Load; 2]);

impl Clients {
    fn of(lab: &Lab) -> Self {
        Self([Client::New, Client::KeepAlive].map(|client| lab.load(client, 2)))
    }

    fn end(self) -> Asked {
        let tallies = self.0.map(Load::end);
        let failures = tallies.iter().flat_map(|tally| tally.failures()).cloned().collect();
        Asked { sent: tallies.iter().map(|tally| tally.samples.len()).sum(), failures }
    }
}

/// What came of the requests.
struct Asked {
    sent: usize,
    failures: Vec<String>,
}

impl Asked {
    /// Enough were sent to prove something, and each was answered.
    #[track_caller]
    fn all_answered(&self) {
        assert_eq!(self.failures, Vec::<String>::new());
        assert!(self.sent > 500, "{} requests prove nothing", self.sent);
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = self.failures.first().map_or_else(String::new, |first| format!(" ({})", first.trim()));
        write!(f, "{} requests sent, {} failed{why}", self.sent, self.failures.len())
    }
}

/// Deploys a release with bgctl; how long its switch took, in ms.
#[track_caller]
fn deploys(lab: &Lab, version: &str, color: &str) -> u64 {
    let said = lab.bgctl(&["apply", "-y", "-e", &format!("version={version}"), "--output", "json"]).exits(0);
    let switched = said.events("switched");
    assert_eq!(switched.len(), 1, "{}", said.in_full());
    assert_eq!(lab.served(), Served::new(version, color));
    switched[0]["took_ms"].as_u64().unwrap()
}

/// Takes over from a script that has made 0.0.2 live, and deploys three times, to the idle color, back and forth.
/// `settled` is what a person does once the first of them is live.
#[track_caller]
fn takes_over(lab: &Lab, shape: &str, before: &Asked, settled: impl FnOnce()) {
    let live = lab.served();
    assert_eq!(live, Served::new("0.0.2", live.color()));
    lab.bgctl(&["status"]).exits(0).says(&format!("{} is live", live.color()));
    let (live, idle) = if live.color() == "blue" { ("blue", "green") } else { ("green", "blue") };
    let clients = Clients::of(lab);
    let first = deploys(lab, "0.0.4", idle);
    settled();
    let took = [first, deploys(lab, "0.0.5", live), deploys(lab, "0.0.6", idle)];
    let asked = clients.end();
    println!("{shape}: {asked}, switches took {took:?} ms; its script, one switch: {before}");
    asked.all_answered();
}

/// An example that `init` wrote.
fn example(lab: &Lab, name: &str) -> String {
    std::fs::read_to_string(lab.path("examples").join(name)).unwrap()
}

/// The script's own two deployments, the second of them under load.
#[track_caller]
fn script_deploys_twice(lab: &Lab, shape: &str) -> Asked {
    // It says done when the reload was asked for, not when it took effect.
    let script = |version| {
        lab.script(shape, version).exits(0);
        lab.until_release(version);
    };
    script("0.0.1");
    let clients = Clients::of(lab);
    script("0.0.2");
    clients.end()
}

/// Requests of three seconds, several at a time, while something is done; what they came to.
fn slow_ones<T>(lab: &Lab, work: impl FnOnce() -> T) -> (Vec<u16>, T) {
    let (front, stop) = (lab.front(), AtomicBool::new(false));
    scope(|scope| {
        let clients: Vec<_> = (0..6)
            .map(|client| {
                let stop = &stop;
                scope.spawn(move || {
                    sleep(Duration::from_millis(500 * client));
                    let mut statuses = Vec::new();
                    while !stop.load(Ordering::SeqCst) {
                        statuses.push(get(front, "/slow?ms=3000").map_or(0, |answer| answer.status));
                    }
                    statuses
                })
            })
            .collect();
        let done = work();
        stop.store(true, Ordering::SeqCst);
        (clients.into_iter().flat_map(|client| client.join().unwrap()).collect(), done)
    })
}

/// How many of these were not answered well.
fn failed(statuses: &[u16]) -> usize {
    statuses.iter().filter(|status| **status != 200).count()
}
