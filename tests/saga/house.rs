//! A fleet with the shipped playbook, and runs on it that are written down.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bgctl::event::{Event, Kind};
use bgctl::facts::{self, Observed, Served};
use bgctl::model::{Ask, Color, Files, HostName, Inventory, Playbook, RunId, Source, Vars};
use bgctl::plan::{self, Blocked, Goal, Model, Phase, Plan, Request, Wave};
use bgctl::remote::fake::{Call, Fault, Fleet, World};
use bgctl::remote::{Answer, Exec, HttpRequest, Probe, Remote, meets};
use bgctl::report::Report;
use bgctl::run::{self, Ending, Engine, Holder, Lock, Recorder, Unrecorded};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub(crate) const APP: &str = "my-server";
pub(crate) const LINK: &str = "/etc/nginx/sites-enabled/my-server.conf";

/// The playbook as it is shipped.
pub(crate) const PLAYBOOK: &str = include_str!("../../playbooks/blue-green.yml");

struct Shipped;

impl Files for Shipped {
    fn template(&self, name: &str) -> Result<Arc<Source>, String> {
        let text = match name {
            "compose.yml.hbs" => include_str!("../../templates/compose.yml.hbs"),
            "site.conf.hbs" => include_str!("../../templates/site.conf.hbs"),
            _ => return Err("there are two".to_owned()),
        };
        Ok(Source::new(name, text))
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, String> {
        Err(format!("no {name}"))
    }
}

/// What happened in a run, in order.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Call(Call),
    Event(Event),
}

type Log = Arc<Mutex<Vec<Entry>>>;

struct Listener(Log);

impl Report for Listener {
    fn event(&mut self, event: &Event) {
        self.0.lock().unwrap().push(Entry::Event(event.clone()));
    }
}

/// A run that has ended.
pub(crate) struct Told {
    pub(crate) plan: Plan,
    pub(crate) ending: Result<Ending, Unrecorded>,
    pub(crate) log: Vec<Entry>,
}

impl Told {
    pub(crate) fn ending(&self) -> Ending {
        *self.ending.as_ref().unwrap_or_else(|error| panic!("{error:?}\n{}", self.story()))
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.log.iter().filter_map(|entry| match entry {
            Entry::Call(call) => Some(call),
            Entry::Event(_) => None,
        })
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.log.iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event),
            Entry::Call(_) => None,
        })
    }

    /// All of it, for a person who looks at a failed test.
    pub(crate) fn story(&self) -> String {
        let lines = self.log.iter().map(|entry| match entry {
            Entry::Call(call) => format!("  call {} {} {} {}", call.index, call.host, call.what, call.about),
            Entry::Event(event) => {
                let host = event.host.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{host} {:?}", event.kind)
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A run before it begins.
pub(crate) struct Ready {
    pub(crate) model: Model,
    pub(crate) observed: Observed,
    pub(crate) request: Request,
    pub(crate) plan: Plan,
}

/// A fleet and what people wrote about it.
pub(crate) struct House {
    pub(crate) fleet: Fleet,
    pub(crate) playbook: String,
    pub(crate) forks: usize,
    inventory: Inventory,
}

pub(crate) fn host(name: &str) -> HostName {
    name.parse().unwrap()
}

impl House {
    pub(crate) fn new(load_balancers: usize) -> Self {
        Self::with_app_servers(load_balancers, 2)
    }

    pub(crate) fn with_app_servers(load_balancers: usize, app_servers: usize) -> Self {
        let named =
            |prefix: &str, count: usize| (1..=count).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
        let (balancers, servers) = (named("lb", load_balancers), named("app", app_servers));
        let list =
            |names: &[String]| names.iter().map(|name| format!("{name}: ")).collect::<Vec<_>>().join(", ");
        let text = format!(
            "all: {{children: {{load_balancers: {{hosts: {{{}}}}}, app_servers: {{hosts: {{{}}}}}}}}}\n",
            list(&balancers),
            list(&servers)
        );
        let source = Source::new("inventory.yml", text);
        let inventory = Inventory::parse(&[source], Path::new("."), &Vars::new()).unwrap();
        let balancers = balancers.iter().map(|name| (host(name), World::load_balancer()));
        let servers = servers.iter().map(|name| (host(name), World::app_server()));
        let fleet = Fleet::new(balancers.chain(servers));
        Self { fleet, playbook: PLAYBOOK.to_owned(), forks: 5, inventory }
    }

    /// Changes the playbook's text, which must hold `from`.
    #[must_use]
    pub(crate) fn playbook(mut self, from: &str, to: &str) -> Self {
        assert!(self.playbook.contains(from), "the playbook has no {from:?}");
        self.playbook = self.playbook.replace(from, to);
        self
    }

    /// The same house again, in this state.
    #[must_use]
    pub(crate) fn again(&self, worlds: &BTreeMap<HostName, World>) -> Self {
        Self {
            fleet: Fleet::new(worlds.clone()),
            playbook: self.playbook.clone(),
            forks: self.forks,
            inventory: self.inventory.clone(),
        }
    }

    pub(crate) fn load_balancers(&self) -> Vec<HostName> {
        self.inventory.hosts().iter().filter(|host| host.as_str().starts_with("lb")).cloned().collect()
    }

    pub(crate) fn model(&self, version: &str) -> Model {
        let source = Source::new("playbook.yml", self.playbook.clone());
        let playbook = Playbook::parse(&source, &Shipped).unwrap_or_else(|problems| panic!("{problems}"));
        let extra = [("version".to_owned(), version.into())].into_iter().collect();
        let escalations = BTreeMap::new();
        Model {
            inventory: self.inventory.clone(),
            playbook,
            extra,
            limit: None,
            escalations,
            run: "run".into(),
        }
    }

    pub(crate) async fn observe(&self, model: &Model) -> Observed {
        let mut observed = Observed::default();
        for (host, questions) in plan::questions(model).unwrap() {
            let output =
                self.fleet.exec(&host, Exec::reads(facts::SCRIPT).args(questions.args())).await.unwrap();
            observed.hosts.insert(host, facts::parse(&output.text()).unwrap());
        }
        for (host, checks) in plan::probes(model).unwrap() {
            let mut served = Served::Neither("nothing answers".into());
            for (color, check) in checks {
                let Ask::Http(ask) = &check.ask else { continue };
                let http = Some(HttpRequest { path: ask.path.clone(), headers: Vec::new() });
                let probe = Probe { host: ask.host.clone(), port: ask.port, http, timeout: check.timeout };
                if meets(ask, &self.fleet.probe(&host, probe).await.unwrap()).is_ok() {
                    served = Served::Color(color);
                }
            }
            observed.served.insert(host, served);
        }
        observed
    }

    pub(crate) async fn plan(&self, goal: Goal, version: &str) -> Result<Plan, Blocked> {
        self.plan_of(Request { goal, force: false }, &self.model(version)).await
    }

    pub(crate) async fn plan_of(&self, request: Request, model: &Model) -> Result<Plan, Blocked> {
        let observed = self.observe(model).await;
        plan::build(request, model, &observed, &[])
    }

    /// A run that nothing disturbs, which must end well.
    pub(crate) async fn does(&self, goal: Goal, version: &str) -> Told {
        let told = self.run(goal, version, |_, _| None).await;
        assert_eq!(told.ending().outcome, bgctl::event::Outcome::Done, "{}", told.story());
        told
    }

    /// Everything that a run needs, decided.
    pub(crate) async fn ready(&self, goal: Goal, version: &str) -> Ready {
        let model = self.model(version);
        let observed = self.observe(&model).await;
        let request = Request { goal, force: false };
        let plan = plan::build(request, &model, &observed, &[]).unwrap_or_else(|error| panic!("{error:?}"));
        Ready { model, observed, request, plan }
    }

    /// A run, under a fate that also has the token that stops it.
    pub(crate) async fn run<F>(&self, goal: Goal, version: &str, fate: F) -> Told
    where
        F: FnMut(&Call, &CancellationToken) -> Option<Fault> + Send + 'static,
    {
        let ready = self.ready(goal, version).await;
        self.carry_out(&ready, fate).await
    }

    /// The run that was made ready.
    pub(crate) async fn carry_out<F>(&self, ready: &Ready, mut fate: F) -> Told
    where
        F: FnMut(&Call, &CancellationToken) -> Option<Fault> + Send + 'static,
    {
        let Ready { model, observed, request, plan } = ready;
        let places = plan::lock_places(model).unwrap();
        let places: Vec<_> = places.into_iter().map(|(host, folder, _)| (host, folder, None)).collect();
        let lock = Lock::take(&self.fleet, &places, holder()).await.unwrap();
        let log = Log::default();
        let stop = CancellationToken::new();
        let (calls, token) = (Arc::clone(&log), stop.clone());
        self.fleet.set_fate(Box::new(move |call| {
            calls.lock().unwrap().push(Entry::Call(call.clone()));
            fate(call, &token)
        }));
        let mut listener = Listener(Arc::clone(&log));
        let ending = {
            let run = RunId::new("test", 1);
            let recorder = Recorder::new(run, || Timestamp::UNIX_EPOCH, None, vec![&mut listener]);
            let revise = |left_out: &[HostName]| -> Result<Vec<Wave>, String> {
                let plan =
                    plan::build(*request, model, observed, left_out).map_err(|error| error.to_string())?;
                Ok(plan.waves.into_iter().filter(|wave| wave.phase != Phase::Stage).collect())
            };
            let engine = Engine {
                remote: &self.fleet,
                recorder: &recorder,
                forks: self.forks,
                passwords: &BTreeMap::new(),
                stop: &stop,
                lock: Some(&lock),
                revise: &revise,
            };
            let start = run::start(plan, "apply".to_owned(), "me@here".to_owned());
            let running = engine.apply(plan.clone(), start);
            tokio::time::timeout(Duration::from_hours(10), running).await.unwrap()
        };
        self.fleet.set_fate(Box::new(|_| None));
        let log = std::mem::take(&mut *log.lock().unwrap());
        Told { plan: plan.clone(), ending, log }
    }

    /// The color that a load balancer serves from servers that are all well.
    pub(crate) fn serves(&self, balancer: &HostName) -> Result<Color, String> {
        match self.fleet.visit(balancer, 80) {
            Answer::Http(response) if response.status == 200 => {
                let color = response.header("X-Color").unwrap_or_default();
                color.parse().map_err(|_| format!("{balancer} serves {color:?}"))
            }
            other => Err(format!("{balancer}: {other:?}")),
        }
    }
}

pub(crate) fn holder() -> Holder {
    Holder {
        by: "me@here".into(),
        since: Timestamp::UNIX_EPOCH,
        run: RunId::new("test", 1),
        command: "apply".into(),
        phase: None,
    }
}

/// The names of events, for tests of their order.
pub(crate) fn is_undo(kind: &Kind) -> bool {
    matches!(kind, Kind::UndoStarted { .. } | Kind::Undone { .. } | Kind::UndoFailed { .. })
}
