//! Runs as lists of events, for tests of what is made of them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::event::{Event, Kind, Outcome, StepError, StepId};
use crate::model::{Color, HostName, Image, Images, RunId};
use crate::plan::{Counts, Phase};

/// A writer whose text can be read after it was given away.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A run in the making: each event a second after the last one.
#[derive(Clone, Default)]
pub(super) struct Script(Vec<Event>);

impl Script {
    pub(super) fn started(command: &str, hosts: &[&str], steps: usize) -> Self {
        let mut script = Self::default();
        script.say(Kind::RunStarted {
            format: 1,
            app: "my-server".parse().unwrap(),
            command: command.to_owned(),
            by: "anna@laptop".to_owned(),
            live: Some(Color::Blue),
            target: Color::Green,
            release: "0123456789ab".parse().unwrap(),
            hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            steps,
        });
        script
    }

    pub(super) fn events(self) -> Vec<Event> {
        self.0
    }

    pub(super) fn say(&mut self, kind: Kind) {
        self.push(None, None, None, kind);
    }

    pub(super) fn wave(&mut self, phase: Phase, name: &str, hosts: &[&str]) {
        let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        self.push(None, Some(phase), None, Kind::WaveStarted { wave: 0, name: name.to_owned(), hosts });
    }

    pub(super) fn on(&mut self, host: &str, phase: Phase, task: &str, kind: Kind) {
        self.push(Some(host.parse().unwrap()), Some(phase), Some(task.to_owned()), kind);
    }

    pub(super) fn ends(&mut self, host: &str, phase: Phase, task: &str, changed: bool, took_ms: u64) {
        self.on(host, phase, task, Kind::Started { at: AT });
        self.on(host, phase, task, Kind::Ended { at: AT, changed, detail: None, took_ms });
    }

    fn push(&mut self, host: Option<HostName>, phase: Option<Phase>, task: Option<String>, kind: Kind) {
        let second = i64::try_from(self.0.len()).unwrap();
        let time = Timestamp::from_second(1_795_231_500 + second).unwrap();
        self.0.push(Event {
            time,
            run: RunId::new("2026-11-21T03:25:00Z".parse().unwrap(), 7),
            host,
            phase,
            task,
            kind,
        });
    }
}

pub(super) const AT: StepId = StepId { wave: 0, lane: 0, step: 0 };
const APPS: [&str; 2] = ["app1", "app2"];
const HOSTS: [&str; 3] = ["app1", "app2", "lb1"];

fn staged(script: &mut Script) {
    script.push(Some("lb1".parse().unwrap()), None, None, Kind::Locked);
    script.wave(Phase::Stage, "Recreate the idle color", &APPS);
    for host in APPS {
        script.ends(host, Phase::Stage, "Compose file", true, 84);
        script.ends(host, Phase::Stage, "Recreate green", true, 2_340);
    }
}

fn ended(script: &mut Script, outcome: Outcome, live: Color, done: Counts) {
    script.say(Kind::RunEnded { outcome, live: Some(live), done, took_ms: 9_870 });
}

pub(super) fn success() -> Vec<Event> {
    let mut script = Script::started("apply -i prod.yml -y", &HOSTS, 9);
    staged(&mut script);
    let (at, met) = (AT, "503 Service Unavailable".to_owned());
    script.on("app1", Phase::Stage, "Healthy", Kind::Waiting { at, attempt: 1, of: 31, met: met.clone() });
    script.on("app1", Phase::Stage, "Healthy", Kind::Waiting { at, attempt: 2, of: 31, met });
    let detail = Some("200 after 3 tries".to_owned());
    script.on("app1", Phase::Stage, "Healthy", Kind::Ended { at, changed: false, detail, took_ms: 2_100 });
    script.ends("app2", Phase::Stage, "Healthy", false, 90);
    script.wave(Phase::Switch, "Switch", &["lb1"]);
    script.ends("lb1", Phase::Switch, "Site", true, 40);
    script.on("lb1", Phase::Switch, "Swap", Kind::Started { at });
    let switched = Kind::Switched { from: Some(Color::Blue), to: Color::Green, took_ms: 38 };
    script.on("lb1", Phase::Switch, "Swap", switched);
    script.on("lb1", Phase::Switch, "Swap", Kind::Ended { at, changed: true, detail: None, took_ms: 120 });
    ended(&mut script, Outcome::Done, Color::Green, Counts { recreate: 2, files: 3, switch: 1, retire: 0 });
    script.0
}

pub(super) fn failure() -> Vec<Event> {
    let mut script = Script::started("apply -i prod.yml", &HOSTS, 9);
    staged(&mut script);
    let error = StepError {
        message: "http://127.0.0.1:18081/health: no good answer in 31 tries, the last one: 503".to_owned(),
        stderr: Some("\x1b[31mpanic:\x1b[0m no database\nexit status 2\n".to_owned()),
        hint: Some("read the logs below".to_owned()),
    };
    let failed = Kind::Failed { at: AT, ignored: false, error, took_ms: 30_200 };
    script.on("app2", Phase::Stage, "Healthy", failed);
    script.say(Kind::UndoStarted { why: "Healthy failed on app2".to_owned() });
    let logs = Kind::Logs { project: "my-server-green".to_owned(), text: "web-1 | no database\n".to_owned() };
    script.on("app2", Phase::Stage, "Recreate green", logs.clone());
    script.on("app1", Phase::Stage, "Recreate green", logs);
    for host in APPS {
        script.on(host, Phase::Stage, "Recreate green", Kind::Undone { at: AT, took_ms: 400 });
        script.on(host, Phase::Stage, "Compose file", Kind::Undone { at: AT, took_ms: 30 });
    }
    ended(&mut script, Outcome::Undone, Color::Blue, Counts { recreate: 2, files: 2, switch: 0, retire: 0 });
    script.0
}

pub(super) fn interrupted() -> Vec<Event> {
    let mut script = Script::started("apply -i prod.yml", &HOSTS, 9);
    script.wave(Phase::Stage, "Recreate the idle color", &APPS);
    script.ends("app1", Phase::Stage, "Compose file", true, 84);
    script.on("app2", Phase::Stage, "Compose file", Kind::Started { at: AT });
    script.say(Kind::UndoStarted { why: "interrupted".to_owned() });
    script.on("app1", Phase::Stage, "Compose file", Kind::Undone { at: AT, took_ms: 30 });
    script.on("app2", Phase::Stage, "Compose file", Kind::Undone { at: AT, took_ms: 30 });
    ended(&mut script, Outcome::Interrupted, Color::Blue, Counts { files: 1, ..Counts::default() });
    script.0
}

pub(super) fn stuck() -> Vec<Event> {
    let mut script = Script::started("apply -i prod.yml", &HOSTS, 9);
    staged(&mut script);
    script.say(Kind::UndoStarted { why: "the connection to app2 was lost".to_owned() });
    let error = StepError { message: "connection lost: broken pipe".to_owned(), stderr: None, hint: None };
    script.on("app2", Phase::Stage, "Recreate green", Kind::UndoFailed { at: AT, error });
    ended(&mut script, Outcome::Stuck, Color::Blue, Counts { recreate: 2, files: 2, switch: 0, retire: 0 });
    script.0
}

/// What no other run tells.
pub(super) fn others() -> Vec<Event> {
    let mut script = Script::default();
    let (at, hosts) = (AT, HOSTS.map(|host| host.parse().unwrap()).to_vec());
    let image =
        Image { ids: ["sha256:1".to_owned()].into(), names: ["a:1".to_owned()].into(), ..Image::default() };
    let (color, images) = (Color::Green, Images([("web".to_owned(), image)].into()));
    script.on("app1", Phase::Stage, "Load", Kind::Sending { at, bytes: 1, of: 2 });
    script.on("app1", Phase::Switch, "Same", Kind::Fingerprinted { color, images: images.clone() });
    script.say(Kind::Converged { color, images });
    script.say(Kind::LeftOut { hosts });
    script.on("lb1", Phase::Settle, "Drain", Kind::Noticed { text: "2 connections will be cut".to_owned() });
    let (how, reason) = (Some("flip".to_owned()), "blue runs".to_owned());
    script.say(Kind::Rollback { ready: true, how, reason });
    script.say(Kind::TookOver { attempt: 2, wave: 1, left: vec![at] });
    script.0
}
