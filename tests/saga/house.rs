//! A fleet with the shipped playbook, and runs on it that are written down.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bgctl::event::{Event, Kind};
use bgctl::facts::{self, Observed, Questions, Served};
use bgctl::model::{
    Action, Archive, Ask, Color, Files, HostName, Inventory, Kept, KeptRelease, Key, Pattern, Playbook,
    ReleaseId, RunId, Source, Vars,
};
use bgctl::plan::{
    self, Blocked, Goal, KeptPlan, Lane, Model, Open, Phase, Plan, Reopening, Request, Unopened, Wave,
};
use bgctl::remote::fake::{Call, Fault, Fleet, World};
use bgctl::remote::{Answer, Exec, Probe, Remote, meets};
use bgctl::report::Report;
use bgctl::run::{
    self, Beginning, Ending, Engine, Holder, LastRun, Left, Lock, LockPlace, Record, Recorder, Unrecorded,
};
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
        match name {
            "ca.pem" => Ok(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".to_vec()),
            _ => Err(format!("no {name}")),
        }
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

/// How a run is gone on with that was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Resume,
    Abort,
}

/// What a process does with a plan.
enum Course {
    Apply,
    Resume(Left, String),
    Abort(Left, Vec<Lane>, String),
}

/// A run that has ended, or whose process has died.
pub(crate) struct Told {
    pub(crate) plan: Plan,
    /// `None` where the process died.
    pub(crate) ending: Option<Result<Ending, Unrecorded>>,
    pub(crate) log: Vec<Entry>,
}

impl Told {
    pub(crate) fn ending(&self) -> Ending {
        match &self.ending {
            Some(Ok(ending)) => *ending,
            other => panic!("{other:?}\n{}", self.story()),
        }
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
    pub(crate) run: RunId,
}

/// A fleet and what people wrote about it.
pub(crate) struct House {
    pub(crate) fleet: Arc<Fleet>,
    /// What stands before the fleet, where something does.
    pub(crate) through: Option<Arc<dyn Remote>>,
    pub(crate) playbook: String,
    pub(crate) forks: usize,
    pub(crate) archives: BTreeMap<String, Result<Archive, String>>,
    inventory: Inventory,
}

/// The key of whoever is the first to deploy, as every process has one of its own in truth.
pub(crate) const KEY: &str = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";

/// Before any host was asked.
pub(crate) fn nothing() -> Observed {
    Observed { key: KEY.parse().unwrap(), ..Observed::default() }
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
        let (fleet, playbook) = (Arc::new(fleet), PLAYBOOK.to_owned());
        Self { fleet, through: None, playbook, forks: 5, archives: BTreeMap::new(), inventory }
    }

    /// Changes the playbook's text, which must hold `from`.
    #[must_use]
    pub(crate) fn playbook(mut self, from: &str, to: &str) -> Self {
        assert!(self.playbook.contains(from), "the playbook has no {from:?}");
        self.playbook = self.playbook.replace(from, to);
        self
    }

    /// Another driver of the switch in place of the symlink.
    #[must_use]
    pub(crate) fn driven_by(mut self, driver: &str) -> Self {
        let (before, rest) = self.playbook.split_once("  nginx:\n").unwrap();
        let (_, after) = rest.split_once("  verify:").unwrap();
        self.playbook = format!("{before}  {driver}\n  verify:{after}");
        self
    }

    /// The same house again, in this state.
    #[must_use]
    pub(crate) fn again(&self, worlds: &BTreeMap<HostName, World>) -> Self {
        Self {
            fleet: Arc::new(Fleet::new(worlds.clone())),
            through: None,
            playbook: self.playbook.clone(),
            forks: self.forks,
            archives: self.archives.clone(),
            inventory: self.inventory.clone(),
        }
    }

    /// What everything is asked of.
    pub(crate) fn remote(&self) -> &dyn Remote {
        self.through.as_deref().unwrap_or(&*self.fleet)
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
            run: format!("run of {version}"),
            archives: self.archives.clone(),
        }
    }

    pub(crate) async fn observe(&self, model: &Model) -> Observed {
        self.try_observe(model).await.unwrap()
    }

    /// The same, where an answer may be none.
    pub(crate) async fn try_observe(&self, model: &Model) -> Result<Observed, facts::BadAnswer> {
        self.try_observe_with(model, nothing().key).await
    }

    /// What somebody sees whose process has made this key, should the load balancers have none.
    pub(crate) async fn observe_with(&self, model: &Model, fresh: Key) -> Observed {
        self.try_observe_with(model, fresh).await.unwrap()
    }

    async fn try_observe_with(&self, model: &Model, fresh: Key) -> Result<Observed, facts::BadAnswer> {
        let mut observed = Observed { key: fresh, ..Observed::default() };
        for (host, mut questions) in plan::questions(model).unwrap() {
            questions.of_state_mut().plan = true;
            let ask = async |questions: &Questions| {
                let exec = Exec::reads(facts::SCRIPT).args(questions.args());
                let output = self.remote().exec(&host, exec).await.unwrap();
                Ok(facts::read(&output.text(), questions)?.facts)
            };
            let mut facts = ask(&questions).await?;
            if let Some(of_switch) = &questions.of_switch {
                facts = facts.and(ask(of_switch).await?);
            }
            observed.hosts.insert(host, facts);
        }
        for (host, checks) in plan::probes(model).unwrap() {
            let (mut found, mut met) = (Vec::new(), "nothing answers".to_owned());
            for (color, check) in checks {
                let Ask::Http(ask) = &check.ask else { continue };
                let probe = Probe::asking(ask, check.timeout);
                match meets(ask, &self.remote().probe(&host, probe).await.unwrap()) {
                    Ok(()) => found.push(color),
                    Err(why) => met = why,
                }
            }
            let served = match found.as_slice() {
                [] => Served::Neither(met),
                [color] => Served::Color(*color),
                _ => Served::Both,
            };
            observed.served.insert(host, served);
        }
        if let Ok(Some(key)) = run::agreed_key(&observed) {
            observed.key = key;
        }
        Ok(observed)
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
        self.try_ready(goal, version).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, where it may be refused: why, in words.
    pub(crate) async fn try_ready(&self, goal: Goal, version: &str) -> Result<Ready, String> {
        self.try_ready_within(goal, version, None).await
    }

    /// Limited to some hosts.
    pub(crate) async fn ready_within(&self, goal: Goal, version: &str, limit: Option<&str>) -> Ready {
        self.try_ready_within(goal, version, limit).await.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn try_ready_within(
        &self,
        goal: Goal,
        version: &str,
        limit: Option<&str>,
    ) -> Result<Ready, String> {
        let mut model = self.model(version);
        model.limit = limit.map(|limit| Pattern::parse(limit).unwrap());
        let runs = self.record().map_or(0, |record| record.number);
        let run = RunId::new(Timestamp::UNIX_EPOCH, u32::try_from(runs).unwrap());
        model.run = run.to_string();
        let mut observed = self.try_observe(&model).await.map_err(|error| error.to_string())?;
        if goal == Goal::Restage {
            observed.kept = Some(self.kept(version));
        }
        let request = Request { goal, force: false };
        let plan = plan::build(request, &model, &observed, &[]).map_err(|error| format!("{error:?}"))?;
        Ok(Ready { model, observed, request, plan, run })
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
    pub(crate) async fn carry_out<F>(&self, ready: &Ready, fate: F) -> Told
    where
        F: FnMut(&Call, &CancellationToken) -> Option<Fault> + Send + 'static,
    {
        self.try_to(ready, fate).await.unwrap()
    }

    /// The same; `None` where the lock is not given.
    pub(crate) async fn try_to<F>(&self, ready: &Ready, fate: F) -> Option<Told>
    where
        F: FnMut(&Call, &CancellationToken) -> Option<Fault> + Send + 'static,
    {
        let places = places(&ready.model);
        let taking = Lock::take(self.remote(), &places, holder());
        let lock = tokio::time::timeout(Duration::from_hours(10), taking).await.unwrap().ok()?;
        Some(self.conduct_with(ready, &Course::Apply, lock, fate).await)
    }

    /// A deploy as the command does it: locked, looked at again, carried out; `None` where somebody else has the lock,
    /// or there is nothing to do.
    pub(crate) async fn operator(&self, version: &str) -> Option<Told> {
        let lock = Lock::take(self.remote(), &places(&self.model(version)), holder()).await.ok()?;
        let ready = self.ready(Goal::Apply, version).await;
        if ready.plan.is_empty() {
            return None;
        }
        Some(self.conduct_with(&ready, &Course::Apply, lock, |_, _| None).await)
    }

    /// The run that was left is finished or taken back, from another machine.
    pub(crate) async fn take_over<F>(&self, verb: Verb, version: &str, fate: F) -> Told
    where
        F: FnMut(&Call, &CancellationToken) -> Option<Fault> + Send + 'static,
    {
        self.take_over_without(&[], verb, version, fate).await
    }

    /// The same, where an abort leaves some hosts alone.
    pub(crate) async fn take_over_without<F>(
        &self,
        outside: &[HostName],
        verb: Verb,
        version: &str,
        fate: F,
    ) -> Told
    where
        F: FnMut(&Call, &CancellationToken) -> Option<Fault> + Send + 'static,
    {
        let (ready, mut left, kept) = self.left(verb, version).await;
        left.outside = outside.to_vec();
        let course = match verb {
            Verb::Resume => Course::Resume(left, kept),
            Verb::Abort => {
                let old =
                    ready.plan.live.map(|live| plan::answers(live, &ready.model, &ready.observed).unwrap());
                Course::Abort(left, old.unwrap_or_default(), kept)
            }
        };
        self.conduct(&ready, &course, fate).await
    }

    /// What the load balancers know of the run that was left.
    pub(crate) async fn left(&self, verb: Verb, version: &str) -> (Ready, Left, String) {
        self.try_left(verb, version).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// The same, where it may be refused.
    pub(crate) async fn try_left(
        &self,
        verb: Verb,
        version: &str,
    ) -> Result<(Ready, Left, String), Unopened> {
        let mut model = self.model(version);
        let record = self.record().filter(Record::is_unfinished).unwrap();
        model.run = record.run.to_string();
        let mut observed = self.observe(&model).await;
        if record.goal == Goal::Restage {
            observed.kept = Some(self.kept(version));
        }
        let last = LastRun::of(&observed).unwrap().unwrap();
        assert_eq!(last.record, record);
        let open = if verb == Verb::Resume { Open::Whole } else { Open::Undos };
        let text = last.plan.unwrap();
        let kept = KeptPlan { text: &text, by: &last.by };
        let mut plan = Reopening::new(record.began(), &model, &observed)?.open(kept, open)?;
        if verb == Verb::Abort {
            let others = plan.switch_as(&plan::pointers(record.target, &model, &observed).unwrap());
            assert_eq!(others, []);
        }
        let left =
            Left::of(&record.taken_over("you".into(), "resume".into(), Timestamp::UNIX_EPOCH), &plan, None);
        let request = Request { goal: record.goal, force: false };
        Ok((Ready { model, observed, request, plan, run: record.run }, left, text))
    }

    /// The release of a version, as its hosts keep it.
    pub(crate) fn kept(&self, version: &str) -> KeptRelease {
        let worlds = self.fleet.worlds();
        let all: Vec<(HostName, String, Kept)> = worlds
            .iter()
            .flat_map(|(host, world)| world.kept.values().map(|(_, text)| (host.clone(), text.clone())))
            .map(|(host, text)| (host, text.clone(), without_environments(&text)))
            .collect();
        let image = format!("my-server:{version}\"");
        let is_wanted = |kept: &Kept| {
            let mut steps = kept.sides.values().flat_map(|side| &side.steps);
            steps.any(|step| match &step.action {
                Action::PutFile(file) => String::from_utf8_lossy(&file.content).contains(&image),
                _ => false,
            })
        };
        let release = all.iter().find(|(.., kept)| is_wanted(kept)).unwrap().2.release.clone();
        let theirs = all.into_iter().filter(|(.., kept)| kept.release == release);
        let texts = theirs.map(|(host, text, _)| (host, text)).collect();
        let model = self.model(version);
        plan::open_kept(&release, &texts, &model, &nothing()).unwrap()
    }

    /// The texts of a release, as its hosts keep it.
    pub(crate) fn kept_texts(&self, release: &ReleaseId) -> BTreeMap<HostName, String> {
        let worlds = self.fleet.worlds();
        let of_it = |(host, world): (&HostName, &World)| {
            let mut kept = world.kept.iter();
            let (_, (_, text)) = kept.find(|(path, _)| path.ends_with(release.as_str()))?;
            Some((host.clone(), text.clone()))
        };
        worlds.iter().filter_map(of_it).collect()
    }

    /// The newest record on the load balancers.
    pub(crate) fn record(&self) -> Option<Record> {
        let worlds = self.fleet.worlds();
        let texts = worlds.values().flat_map(|world| world.last_runs.values());
        texts.map(|text| Record::read(text).unwrap()).max_by_key(|record| record.number)
    }

    /// Everything that a process does from the lock to its end, or to its death.
    async fn conduct<F>(&self, ready: &Ready, course: &Course, fate: F) -> Told
    where
        F: FnMut(&Call, &CancellationToken) -> Option<Fault> + Send + 'static,
    {
        let lock = Lock::take(self.remote(), &places(&ready.model), holder()).await.unwrap();
        self.conduct_with(ready, course, lock, fate).await
    }

    async fn conduct_with<F>(&self, ready: &Ready, course: &Course, lock: Lock, mut fate: F) -> Told
    where
        F: FnMut(&Call, &CancellationToken) -> Option<Fault> + Send + 'static,
    {
        let Ready { model, observed, request, plan, .. } = ready;
        let log = Log::default();
        let stop = CancellationToken::new();
        let (calls, token) = (Arc::clone(&log), stop.clone());
        self.fleet.set_fate(Box::new(move |call| {
            calls.lock().unwrap().push(Entry::Call(call.clone()));
            fate(call, &token)
        }));
        let mut listener = Listener(Arc::clone(&log));
        let ending = {
            let recorder =
                Recorder::new(ready.run.clone(), || Timestamp::UNIX_EPOCH, None, vec![&mut listener]);
            let revise = |left_out: &[HostName]| -> Result<Vec<Wave>, String> {
                let plan =
                    plan::build(*request, model, observed, left_out).map_err(|error| error.to_string())?;
                Ok(plan.waves.into_iter().filter(|wave| wave.phase != Phase::Stage).collect())
            };
            let engine = Engine {
                remote: self.remote(),
                recorder: &recorder,
                forks: self.forks,
                passwords: &BTreeMap::new(),
                stop: &stop,
                halt: &CancellationToken::new(),
                lock: Some(&lock),
                key: &observed.key,
                revise: &revise,
            };
            let running = async {
                let kept = match course {
                    Course::Apply => plan::seal(plan, &observed.key),
                    Course::Resume(_, kept) | Course::Abort(.., kept) => kept.clone(),
                };
                lock.begin(&observed.key, self.next_record(ready, course), &kept).await;
                let start = run::start(plan, "apply".to_owned(), "me@here".to_owned());
                let ending = match course {
                    Course::Apply => engine.apply(plan.clone(), start).await,
                    Course::Resume(left, _) => engine.resume(plan.clone(), start, left).await,
                    Course::Abort(left, old, _) => engine.abort(plan, start, left, old).await,
                };
                if let (Ok(ending), Some(record)) = (&ending, lock.record()) {
                    lock.end(record.ended(ending.outcome, ending.live, Timestamp::UNIX_EPOCH)).await;
                }
                ending
            };
            tokio::select! {
                ending = tokio::time::timeout(Duration::from_hours(10), running) => Some(ending.unwrap()),
                () = self.fleet.crashed() => None,
            }
        };
        self.fleet.set_fate(Box::new(|_| None));
        let log = std::mem::take(&mut *log.lock().unwrap());
        Told { plan: plan.clone(), ending, log }
    }

    fn next_record(&self, ready: &Ready, course: &Course) -> Record {
        let last = self.record();
        let (by, command, at) = ("me@here".to_owned(), "apply".to_owned(), Timestamp::UNIX_EPOCH);
        if let (Course::Resume(..) | Course::Abort(..), Some(last)) = (course, &last) {
            return last.taken_over(by, command, at);
        }
        let staged = plan::never_live(&ready.observed);
        let (plan, run, last) = (&ready.plan, ready.run.clone(), last.as_ref());
        Record::begin(Beginning { plan, run, by, command, at, staged, last })
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

/// What was kept, as far as anybody can read it.
fn without_environments(text: &str) -> Kept {
    fn clear(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                if let Some(env) = map.get_mut("env") {
                    *env = serde_json::json!([]);
                }
                map.values_mut().for_each(clear);
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(clear),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(text).unwrap();
    clear(&mut value);
    Kept::from_value(value).unwrap()
}

/// Where the lock is.
pub(crate) fn places(model: &Model) -> Vec<LockPlace> {
    plan::lock_places(model).unwrap().into_iter().map(|(host, folder, _)| (host, folder, None)).collect()
}

pub(crate) fn holder() -> Holder {
    Holder {
        by: "me@here".into(),
        since: Timestamp::UNIX_EPOCH,
        run: RunId::new(Timestamp::UNIX_EPOCH, 1),
        command: "apply".into(),
        phase: None,
    }
}

/// The names of events, for tests of their order.
pub(crate) fn is_undo(kind: &Kind) -> bool {
    matches!(kind, Kind::UndoStarted { .. } | Kind::Undone { .. } | Kind::UndoFailed { .. })
}
