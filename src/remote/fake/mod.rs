//! A fleet in memory: hosts with files, compose projects and nginx, that fail on request.
//!
//! It plays the scripts of [`crate::scripts`] by their identity, so that everything above [`Remote`] runs
//! as it does on real hosts, and every call can be made to fail before or after its effect.

mod compose;
mod facts;
mod files;
mod guard;
mod hold;
mod images;
mod kept;
mod nginx;
mod world;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::{Answer, Effect, Exec, Hold, HttpResponse, Output, Probe, Remote, RemoteError};
use crate::model::HostName;
use crate::scripts;

pub use guard::Guard;
pub use world::{File, Nginx, Project, World};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The script does nothing and exits with 1; a probe is not answered.
    Before,
    /// The script does its work, then exits with 1; a probe is not answered.
    After,
    /// The connection ends before the answer came.
    Lost {
        /// Whether the work was done all the same.
        done: bool,
    },
    /// The deadline passes before the answer came.
    TimedOut {
        /// Whether the work was done all the same.
        done: bool,
    },
    /// The process that makes the call dies: it never hears an answer. See [`Fleet::crashed`].
    Crash {
        /// Whether the work was done all the same.
        done: bool,
    },
}

impl Fault {
    /// Every kind of failure that the caller lives to see.
    pub const ALL: [Self; 6] = [
        Self::Before,
        Self::After,
        Self::Lost { done: false },
        Self::Lost { done: true },
        Self::TimedOut { done: false },
        Self::TimedOut { done: true },
    ];

    fn works(self) -> bool {
        matches!(
            self,
            Self::After
                | Self::Lost { done: true }
                | Self::TimedOut { done: true }
                | Self::Crash { done: true }
        )
    }
}

/// One call of [`Remote`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its number, from 0.
    pub index: usize,
    /// The host.
    pub host: HostName,
    /// The script's name as in [`crate::scripts`], in lower case; `probe` for a probe.
    pub what: &'static str,
    /// The script's first argument, or the address that was probed.
    pub about: String,
    /// What it may do.
    pub effect: Effect,
}

/// Decides before each call whether it fails.
pub type Fate = Box<dyn FnMut(&Call) -> Option<Fault> + Send>;

/// The fleet. Its methods never fail: what is not there is refused as a host would.
pub struct Fleet {
    inner: Mutex<Inner>,
    crash: Notify,
}

struct Inner {
    hosts: BTreeMap<HostName, World>,
    holds: Vec<hold::Held>,
    calls: usize,
    fate: Fate,
}

impl Fleet {
    /// A fleet of these hosts.
    pub fn new(hosts: impl IntoIterator<Item = (HostName, World)>) -> Self {
        let hosts = hosts.into_iter().collect();
        let inner = Inner { hosts, holds: Vec::new(), calls: 0, fate: Box::new(|_| None) };
        Self { inner: Mutex::new(inner), crash: Notify::new() }
    }

    /// Sets what decides which calls fail, and counts calls from 0 again.
    pub fn set_fate(&self, fate: Fate) {
        let mut inner = self.lock();
        inner.fate = fate;
        inner.calls = 0;
    }

    /// Waits until a call meets [`Fault::Crash`]: whoever drops everything that works on the fleet then has killed
    /// the process.
    pub async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// The process that made a call is dead.
    async fn crash(&self) -> ! {
        self.crash.notify_one();
        loop {
            std::future::pending::<()>().await;
        }
    }

    /// Calls since the fate was set.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.lock().calls
    }

    /// What is there now, on every host.
    #[must_use]
    pub fn worlds(&self) -> BTreeMap<HostName, World> {
        let mut inner = self.lock();
        inner.settle_holds();
        inner.hosts.clone()
    }

    /// Changes a host by hand, as a person would.
    pub fn change(&self, host: &HostName, change: impl FnOnce(&mut World)) {
        if let Some(world) = self.lock().hosts.get_mut(host) {
            change(world);
        }
    }

    /// Ends every script that a host holds, as a broken connection does.
    pub fn cut(&self, host: &HostName) {
        let mut inner = self.lock();
        inner.holds.retain(|held| held.host != *host);
        inner.settle_holds();
    }

    /// What a client of a load balancer meets on a port: the answer to `GET /`.
    #[must_use]
    pub fn visit(&self, host: &HostName, port: u16) -> Answer {
        self.lock().answer(host, "127.0.0.1", port, true)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each call changes the worlds in one go: a panic elsewhere leaves them whole.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.hosts.values_mut().for_each(World::wake);
        inner
    }
}

impl Remote for Fleet {
    fn exec<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Output, RemoteError>> {
        async move {
            // Lanes take turns, as they do on a network.
            tokio::task::yield_now().await;
            let (fault, output) = self.lock().called(host, &exec);
            match fault {
                Some(Fault::Crash { .. }) => self.crash().await,
                None => Ok(output),
                Some(Fault::Before | Fault::After) => {
                    // Programs often say what they were told.
                    Ok(refusal(&format!("it failed on request: {}", exec.args.join(" "))))
                }
                Some(Fault::Lost { .. }) => Err(RemoteError::Lost("on request".to_owned())),
                Some(Fault::TimedOut { .. }) => Err(RemoteError::TimedOut(exec.timeout)),
            }
        }
        .boxed()
    }

    fn probe<'a>(&'a self, host: &'a HostName, probe: Probe) -> BoxFuture<'a, Result<Answer, RemoteError>> {
        async move {
            tokio::task::yield_now().await;
            let (fault, answer) = self.lock().probed(host, &probe);
            match fault {
                None => Ok(answer),
                Some(Fault::Crash { .. }) => self.crash().await,
                Some(Fault::Before | Fault::After) => Ok(Answer::Failed(format!("on request: {probe:?}"))),
                Some(Fault::Lost { .. }) => Err(RemoteError::Lost("on request".to_owned())),
                Some(Fault::TimedOut { .. }) => Err(RemoteError::TimedOut(probe.timeout)),
            }
        }
        .boxed()
    }

    fn hold<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Hold, RemoteError>> {
        async move {
            tokio::task::yield_now().await;
            let mut inner = self.lock();
            inner.settle_holds();
            Ok(inner.hold(host, &exec))
        }
        .boxed()
    }
}

impl Inner {
    fn called(&mut self, host: &HostName, exec: &Exec) -> (Option<Fault>, Output) {
        let call = self.call(host, name(exec.script), exec.args.first().cloned(), exec.effect);
        let fault = (self.fate)(&call);
        self.settle_holds();
        let output = if fault.is_none_or(Fault::works) { self.play(host, exec) } else { refusal("") };
        (fault, output)
    }

    fn probed(&mut self, host: &HostName, probe: &Probe) -> (Option<Fault>, Answer) {
        let address = format!("{}:{}", probe.host, probe.port);
        let call = self.call(host, "probe", Some(address), Effect::Reads);
        let fault = (self.fate)(&call);
        (fault, self.answer(host, &probe.host, probe.port, probe.http.is_some()))
    }

    fn call(&mut self, host: &HostName, what: &'static str, about: Option<String>, effect: Effect) -> Call {
        let index = self.calls;
        self.calls += 1;
        Call { index, host: host.clone(), what, about: about.unwrap_or_default(), effect }
    }

    /// What a script does, and what it leaves behind.
    fn play(&mut self, host: &HostName, exec: &Exec) -> Output {
        let Some(world) = self.hosts.get_mut(host) else { return refusal("no such host") };
        if let Some(why) = world.refuses_state(name(exec.script), &exec.env) {
            return refusal(why);
        }
        let args: Vec<&str> = exec.args.iter().map(String::as_str).collect();
        match (name(exec.script), args.as_slice()) {
            ("put", [path, size, mode, owner, group, _, keep]) => {
                world.put((path, keep), size, [mode, owner, group], &exec.stdin)
            }
            ("restore", [path, kept]) => world.restore(path, kept),
            ("remove", [path, folders @ ..]) => world.remove(path, folders),
            ("run", [_, argv @ ..]) => world.run(argv),
            ("login", [_, _]) => world.log_in(&exec.stdin),
            ("pull", [name]) => world.pull(name, exec),
            ("load", [name, ids @ ..]) => world.load_image(name, ids),
            ("build", [name, ..]) => world.build_image(name),
            ("compose_up", [_, name, dir, ..]) => world.compose_up(name, dir, exec),
            ("compose_down", [_, name, ..]) => world.compose_down(name),
            ("compose_run", [_, name, dir, back, _, _, _, service, mark, words @ ..]) => {
                let options = words.chunks(2).take_while(|pair| matches!(pair, ["-e" | "-w", _])).count();
                match words.get(options * 2..) {
                    Some([first, program @ ..]) if first == service => {
                        world.compose_run((name, dir), (mark, *back == "yes"), service, program)
                    }
                    _ => refusal("unknown shorthand flag"),
                }
            }
            ("compose_clear", [_, _, _]) => Output::default(),
            ("compose_state", [_, name, _, verb]) => world.compose_state(name, verb),
            ("fingerprint", [_, name, _, files @ ..]) => world.fingerprint(name, files),
            ("container_health", [_, name, ..]) => world.container_health(name),
            ("test_site", [_, _, _]) => world.test_site(&String::from_utf8_lossy(&exec.stdin)),
            ("swap", [link, from, to, _, folder, run, timeout, _]) => {
                world.swap([link, from, to], [folder, run, timeout])
            }
            ("confirm", [folder, run]) => world.confirm(folder, run),
            ("keep", [folder, release, _, most, spare @ ..]) => {
                world.keep_release(folder, release, most, spare, &exec.stdin)
            }
            ("kept", [folder, release]) => world.print_kept(folder, release),
            ("watch", [.., cursor]) => world.traffic(cursor),
            ("drain", _) => said("took 0"),
            ("facts", questions) => {
                let holders: Vec<(String, String)> = self.holders(host);
                self.hosts
                    .get(host)
                    .map_or_else(Output::default, |world| world.facts(host, questions, &holders))
            }
            (what, args) => refusal(&format!("{what} cannot be played with {} arguments", args.len())),
        }
    }

    /// What answers at an address, as a host sees it.
    fn answer(&self, host: &HostName, address: &str, port: u16, http: bool) -> Answer {
        let at = if matches!(address, "127.0.0.1" | "::1" | "localhost") { host.as_str() } else { address };
        let world = self.hosts.iter().find(|(name, _)| name.as_str() == at).map(|(_, world)| world);
        let Some(world) = world else { return Answer::Failed(format!("{address} is not known")) };
        if world.walled && at != host.as_str() {
            return Answer::Failed(format!("no answer from {address}:{port}"));
        }
        let response = match world.site_at(port) {
            Some(site) => self.served(site),
            None => match world.app_at(port) {
                Some(healthy) => {
                    HttpResponse { status: if healthy { 200 } else { 503 }, ..HttpResponse::default() }
                }
                None => return Answer::Failed(format!("connection to {address}:{port} refused")),
            },
        };
        if http { Answer::Http(response) } else { Answer::Connected }
    }

    /// What nginx answers by a site's text: its color, and whether every upstream is well.
    fn served(&self, site: &str) -> HttpResponse {
        let well = nginx::upstreams(site).into_iter().all(|(address, port)| {
            let world = self.hosts.iter().find(|(name, _)| name.as_str() == address);
            world
                .filter(|(_, world)| !world.walled)
                .and_then(|(_, world)| world.app_at(port))
                .unwrap_or(false)
        });
        let headers = nginx::color(site).map(|color| ("x-color".to_owned(), color.to_owned()));
        let status = if well { 200 } else { 502 };
        HttpResponse { status, headers: headers.into_iter().collect(), body: Vec::new() }
    }
}

/// A script's name.
fn name(script: &str) -> &'static str {
    let all = [
        (scripts::PUT, "put"),
        (scripts::REMOVE, "remove"),
        (scripts::RESTORE, "restore"),
        (scripts::RUN, "run"),
        (scripts::LOGIN, "login"),
        (scripts::PULL, "pull"),
        (scripts::LOAD, "load"),
        (scripts::BUILD, "build"),
        (scripts::COMPOSE_UP, "compose_up"),
        (scripts::COMPOSE_RUN, "compose_run"),
        (scripts::COMPOSE_CLEAR, "compose_clear"),
        (scripts::COMPOSE_DOWN, "compose_down"),
        (scripts::COMPOSE_STATE, "compose_state"),
        (scripts::CONTAINER_HEALTH, "container_health"),
        (scripts::FINGERPRINT, "fingerprint"),
        (scripts::TEST_SITE, "test_site"),
        (scripts::SWAP_LINK, "swap"),
        (scripts::SWAP_FILE, "swap"),
        (scripts::SWAP_COMMAND, "swap"),
        (scripts::CONFIRM, "confirm"),
        (scripts::DRAIN, "drain"),
        (scripts::DRAINED, "drain"),
        (scripts::WATCH, "watch"),
        (scripts::LOCK, "lock"),
        (scripts::KEEP, "keep"),
        (scripts::KEPT, "kept"),
        (scripts::FACTS, "facts"),
    ];
    all.into_iter().find(|(text, _)| *text == script).map_or("an unknown script", |(_, name)| name)
}

fn refusal(why: &str) -> Output {
    Output { status: 1, stderr: why.as_bytes().to_vec(), ..Output::default() }
}

fn said(words: &str) -> Output {
    Output { stdout: format!("{words}\n").into_bytes(), ..Output::default() }
}
