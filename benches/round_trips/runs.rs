//! What is measured: the binary as a user starts it, and bare logins to compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bgctl::model::{Endpoint, HostName};
use bgctl::remote::ssh::{Settings, SshFleet};
use bgctl::remote::{Exec, Remote};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::figures::Figure;
use crate::lab::{Way, root, said};

const RELEASES: [&str; 2] = ["0.0.1", "0.0.2"];

/// A step's place in its plan: wave, lane, step.
type Place = (u64, u64, u64);

/// Things to measure, over one way to the lab.
pub(crate) struct Runs<'a> {
    way: &'a Way,
    runtime: &'a Handle,
}

/// Several applies of a new release.
pub(crate) struct Applies {
    /// From start to exit.
    pub(crate) wall: Figure,
    /// What the Compose and health steps of the slowest lanes took.
    pub(crate) waits: Figure,
    /// The rest.
    pub(crate) own: Figure,
    /// From the swap of the link until new workers ran, as the host saw it.
    pub(crate) switch: Figure,
}

impl<'a> Runs<'a> {
    pub(crate) fn new(way: &'a Way, runtime: &'a Handle) -> Self {
        Self { way, runtime }
    }

    pub(crate) fn help(&self) -> Duration {
        timed(Command::new(env!("CARGO_BIN_EXE_bgctl")).arg("--help").envs(self.environment()))
    }

    /// OpenSSH's client, with this machine's configuration left out.
    pub(crate) fn login_by_ssh(&self, times: usize) -> Figure {
        Figure::median(times, || {
            let mut ssh = Command::new("ssh");
            let known = format!("UserKnownHostsFile={}", self.way.known_hosts().display());
            ssh.args([
                "-F",
                "/dev/null",
                "-o",
                &known,
                "-o",
                "IdentitiesOnly=yes",
                "-o",
                "BatchMode=yes",
                "-i",
            ]);
            ssh.arg(&self.way.key).args(["-l", "root", "-p", &self.way.app.port().to_string()]);
            timed(ssh.arg(self.way.app.ip().to_string()).arg("true"))
        })
    }

    /// bgctl's own client, without a process around it.
    pub(crate) fn login(&self, times: usize) -> Figure {
        let host: HostName = "app1".parse().unwrap();
        let endpoint = self.endpoint(&host);
        Figure::median(times, || {
            let began = Instant::now();
            self.runtime.block_on(async {
                let (fleet, failed) = SshFleet::connect(vec![endpoint.clone()], Settings::default()).await;
                assert!(failed.is_empty(), "{failed:?}");
                assert!(fleet.exec(&host, Exec::reads("true")).await.unwrap().success());
                fleet.close().await;
            });
            began.elapsed()
        })
    }

    pub(crate) fn plan(&self, times: usize, changes: bool) -> Figure {
        let live = self.live();
        let release = if changes { other(&live) } else { live };
        Figure::median(times, || timed(&mut self.bgctl("plan", &release)))
    }

    pub(crate) fn plan_once(&self) {
        said(&mut self.bgctl("plan", RELEASES[0]));
    }

    pub(crate) fn apply_nothing(&self, times: usize) -> Figure {
        let live = self.live();
        Figure::median(times, || timed(self.bgctl("apply", &live).arg("-y")))
    }

    /// The one of the two releases that is not live.
    pub(crate) fn next(&self) -> String {
        other(&self.live())
    }

    pub(crate) fn deploy(&self, release: &str) {
        said(self.bgctl("apply", release).args(["-y", "--force"]));
    }

    pub(crate) fn applies(&self, times: usize) -> Applies {
        let (mut walls, mut waits, mut own, mut switches) = (vec![], vec![], vec![], vec![]);
        for _ in 0..times {
            let release = self.next();
            let waiting = waiting_steps(&json(&said(
                self.bgctl("plan", &release).args(["--force", "--output", "json"]),
            )));
            let began = Instant::now();
            let events = said(self.bgctl("apply", &release).args(["-y", "--force", "--output", "json"]));
            let wall = began.elapsed();
            let events: Vec<Value> = events.lines().map(json).collect();
            let waited = waited(&events, &waiting);
            walls.push(wall);
            waits.push(waited);
            own.push(wall.saturating_sub(waited));
            switches.extend(
                of_kind(&events, "switched").map(|event| Duration::from_millis(number(event, "took_ms"))),
            );
        }
        let [wall, waits, own, switch] = [walls, waits, own, switches].map(Figure::of);
        Applies { wall, waits, own, switch }
    }

    /// The release that a plan finds in place, else the first.
    fn live(&self) -> String {
        let in_place = |release: &&&str| {
            let plan = said(self.bgctl("plan", release).args(["--output", "json"]));
            json(&plan).get("changes") == Some(&Value::Bool(false))
        };
        (*RELEASES.iter().find(in_place).unwrap_or(&RELEASES[0])).to_owned()
    }

    fn bgctl(&self, command: &str, release: &str) -> Command {
        let mut bgctl = Command::new(env!("CARGO_BIN_EXE_bgctl"));
        bgctl.arg(command).arg("-i").arg(self.way.inventory()).args(["-e", &format!("version={release}")]);
        bgctl.current_dir(root()).env_remove("SSH_AUTH_SOCK").envs(self.environment()).stdin(Stdio::null());
        bgctl
    }

    fn environment(&self) -> [(&str, &std::ffi::OsStr); 1] {
        [("XDG_STATE_HOME", self.way.state().as_os_str())]
    }

    fn endpoint(&self, host: &HostName) -> Endpoint {
        Endpoint {
            host: host.clone(),
            address: self.way.app.ip().to_string(),
            port: self.way.app.port(),
            user: "root".to_owned(),
            key_files: vec![self.way.key.clone()],
            identities_only: true,
            known_hosts: vec![self.way.known_hosts()],
            host_key_alias: None,
            host_key_checking: true,
            timeout: Duration::from_secs(10),
            retries: 0,
            escalate: None,
        }
    }
}

fn other(release: &str) -> String {
    RELEASES.iter().find(|other| **other != release).unwrap().to_string()
}

/// Wall time of a command that must succeed.
fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    said(command);
    began.elapsed()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap()
}

fn of_kind<'v>(events: &'v [Value], kind: &'v str) -> impl Iterator<Item = &'v Value> {
    events.iter().filter(move |event| event.get("event").and_then(Value::as_str) == Some(kind))
}

fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (u64, &'v Value)> {
    (0..).zip(value.get(key).and_then(Value::as_array).unwrap())
}

/// The steps that wait for Compose and for health. The switch's own proof is none of them: it is bgctl's cost.
fn waiting_steps(plan: &Value) -> BTreeSet<Place> {
    let mut found = BTreeSet::new();
    for (at, wave) in items(plan, "waves") {
        for (lane, steps) in items(wave, "lanes") {
            for (step, what) in items(steps, "steps") {
                let verb = what.pointer("/action/do").and_then(Value::as_str).unwrap();
                let health = verb == "check" && wave.get("phase") != Some(&Value::from("switch"));
                if health || verb.starts_with("compose") {
                    found.insert((at, lane, step));
                }
            }
        }
    }
    found
}

/// What those steps added to the run: a wave takes as long as its slowest lane, with and without them.
fn waited(events: &[Value], waiting: &BTreeSet<Place>) -> Duration {
    let mut lanes: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
    for event in of_kind(events, "ended") {
        let at = event.get("at").unwrap();
        let (wave, lane, step) = (number(at, "wave"), number(at, "lane"), number(at, "step"));
        let took = number(event, "took_ms");
        let (whole, own) = lanes.entry((wave, lane)).or_default();
        *whole += took;
        *own += if waiting.contains(&(wave, lane, step)) { 0 } else { took };
    }
    let mut waves: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for ((wave, _), (whole, own)) in lanes {
        let slowest = waves.entry(wave).or_default();
        *slowest = (slowest.0.max(whole), slowest.1.max(own));
    }
    Duration::from_millis(waves.values().map(|(whole, own)| whole - own).sum())
}
