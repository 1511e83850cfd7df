//! A host that lies, in front of a fleet that does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bgctl::model::HostName;
use bgctl::remote::fake::Fleet;
use bgctl::remote::{Answer, Exec, Hold, Output, Probe, Remote, RemoteError};
use bgctl::scripts;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// What a script's answer becomes: of the script by its name.
type Says = Box<dyn Fn(&'static str, Output) -> Output + Send + Sync>;
/// What a probe of it, or through it, meets.
type Answers = Box<dyn Fn(&Probe, Answer) -> Answer + Send + Sync>;
/// What becomes of a line of its lock's script, which is the so-many-th.
type Holds = Arc<dyn Fn(usize, String) -> Vec<String> + Send + Sync>;

/// A fleet of which one host lies. Everything that is asked of anybody is written down.
pub(crate) struct Liar {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) who: Option<HostName>,
    /// It does nothing of what it is told.
    pub(crate) idle: bool,
    pub(crate) says: Says,
    pub(crate) answers: Answers,
    pub(crate) holds: Holds,
    pub(crate) asked: Mutex<BTreeMap<HostName, BTreeSet<String>>>,
}

impl Liar {
    /// All are honest.
    pub(crate) fn nobody(fleet: &Arc<Fleet>) -> Self {
        Self {
            fleet: Arc::clone(fleet),
            who: None,
            idle: false,
            says: Box::new(|_, output| output),
            answers: Box::new(|_, answer| answer),
            holds: Arc::new(|_, line| vec![line]),
            asked: Mutex::default(),
        }
    }

    pub(crate) fn new(fleet: &Arc<Fleet>, who: &HostName) -> Self {
        Self { who: Some(who.clone()), ..Self::nobody(fleet) }
    }

    pub(crate) fn says(
        mut self,
        says: impl Fn(&'static str, Output) -> Output + Send + Sync + 'static,
    ) -> Self {
        self.says = Box::new(says);
        self
    }

    /// What was asked of each host: scripts with everything that they are given, and probes.
    pub(crate) fn asked(&self) -> BTreeMap<HostName, BTreeSet<String>> {
        self.asked.lock().unwrap().clone()
    }

    fn note(&self, host: &HostName, what: String) {
        self.asked.lock().unwrap().entry(host.clone()).or_default().insert(what);
    }

    fn lies(&self, host: &HostName) -> bool {
        self.who.as_ref() == Some(host)
    }
}

impl Remote for Liar {
    fn exec<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Output, RemoteError>> {
        async move {
            let Exec { args, env, stdin, escalate, effect, fresh, .. } = &exec;
            let what = name(exec.script);
            let given = String::from_utf8_lossy(stdin);
            // What a host is told to spare may be less than what it would be.
            let args = if what == "keep" { &args[..4] } else { args };
            self.note(host, format!("{what} {args:?} {env:?} {given:?} {escalate:?} {effect:?} {fresh}"));
            if !self.lies(host) {
                return self.fleet.exec(host, exec).await;
            }
            tokio::task::yield_now().await;
            let output = if self.idle && what != "facts" {
                Output::default()
            } else {
                self.fleet.exec(host, exec).await?
            };
            Ok((self.says)(what, output))
        }
        .boxed()
    }

    fn probe<'a>(&'a self, host: &'a HostName, probe: Probe) -> BoxFuture<'a, Result<Answer, RemoteError>> {
        async move {
            let http = probe.http.as_ref().map(|http| (&http.path, &http.headers));
            self.note(host, format!("probe {}:{} {http:?}", probe.host, probe.port));
            let answer = self.fleet.probe(host, probe.clone()).await?;
            let of_it = self.lies(host) || self.who.as_ref().is_some_and(|who| who.as_str() == probe.host);
            Ok(if of_it { (self.answers)(&probe, answer) } else { answer })
        }
        .boxed()
    }

    fn hold<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Hold, RemoteError>> {
        async move {
            let Exec { args, escalate, .. } = &exec;
            self.note(host, format!("lock {:?} {escalate:?}", args.first()));
            let Hold { mut lines, input } = self.fleet.hold(host, exec).await?;
            if !self.lies(host) {
                return Ok(Hold { lines, input });
            }
            let (said, lies) = mpsc::channel(4096);
            let holds = Arc::clone(&self.holds);
            TaskTracker::new().spawn(async move {
                let mut count = 0;
                while let Some(line) = lines.recv().await {
                    for line in holds(count, line) {
                        // As the transport does: what is not read in time ends it.
                        if said.try_send(line).is_err() {
                            return;
                        }
                    }
                    count += 1;
                }
            });
            Ok(Hold { lines: lies.into(), input })
        }
        .boxed()
    }
}

/// A script's name.
pub(crate) fn name(script: &str) -> &'static str {
    let all = [
        (scripts::PUT, "put"),
        (scripts::REMOVE, "remove"),
        (scripts::RESTORE, "restore"),
        (scripts::PULL, "pull"),
        (scripts::COMPOSE_UP, "compose_up"),
        (scripts::COMPOSE_DOWN, "compose_down"),
        (scripts::COMPOSE_STATE, "compose_state"),
        (scripts::FINGERPRINT, "fingerprint"),
        (scripts::TEST_SITE, "test_site"),
        (scripts::SWAP_LINK, "swap"),
        (scripts::CONFIRM, "confirm"),
        (scripts::DRAIN, "drain"),
        (scripts::WATCH, "watch"),
        (scripts::KEEP, "keep"),
        (scripts::FACTS, "facts"),
    ];
    all.into_iter().find(|(text, _)| *text == script).map_or("another script", |(_, name)| name)
}
