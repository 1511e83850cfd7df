//! A plan that comes back from a load balancer: it is opened with these inputs, and checked, not believed. Whatever it
//! would have done must be what the playbook of now makes: on its hosts, with its contents, as its users.

mod back;
mod forward;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::facts::Observed;
use crate::model::{Action, Color, HostName, Pattern, ReleaseId};

use super::build::{self, Blocked, Made};
use super::scope::{Model, Scope};
use super::seal::{self, Contents, Unsealed};
use super::{Goal, Plan, Undo, project};

/// What a run was asked for, as its record tells.
#[derive(Debug, Clone, Copy)]
pub struct Began<'a> {
    /// The goal.
    pub goal: Goal,
    /// The color that was served.
    pub live: Option<Color>,
    /// The color that it works on.
    pub target: Color,
    /// The release that it is about.
    pub release: &'a ReleaseId,
    /// Hosts that failed and get no traffic.
    pub left_out: &'a [HostName],
}

/// A plan as load balancers keep it.
#[derive(Debug, Clone, Copy)]
pub struct KeptPlan<'a> {
    /// Its text.
    pub text: &'a str,
    /// The load balancers that keep it: what it says of any other one may be somebody else's word.
    pub by: &'a BTreeSet<HostName>,
}

/// How much of a sealed plan must be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// All of it, to go on.
    Whole,
    /// What takes it back. How load balancers are switched is left open: [`Plan::switch_as`] says it.
    Undos,
}

/// Why a plan that was kept is not gone on with.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// It is no plan, or another version's.
    #[error("the plan on the load balancer cannot be read: {0}")]
    Unreadable(String),
    /// These inputs do not make what it was made of: steps as `host: task`.
    #[error("these inputs are not those that the run was started with")]
    OtherInputs(Vec<String>),
    /// These inputs make another release.
    #[error("these inputs make release {0}, and the run is of another one")]
    OtherRelease(ReleaseId),
    /// It holds what this playbook does not make on these hosts: steps as `host: task`, or what else is wrong with it.
    #[error("the plan on the load balancers is not one that this playbook makes")]
    NotOurs(Vec<String>),
    /// What the inputs lack, or the hosts.
    #[error(transparent)]
    Blocked(#[from] Blocked),
}

/// What these inputs make for a run that was left: what its plan is held against.
pub struct Reopening<'a> {
    began: Began<'a>,
    model: &'a Model,
    observed: &'a Observed,
    made: Made,
    contents: Contents,
}

impl<'a> Reopening<'a> {
    /// Makes everything that these inputs make for such a run.
    pub fn new(began: Began<'a>, model: &'a Model, observed: &'a Observed) -> Result<Self, Blocked> {
        let made = build::made(&began, model, observed)?;
        let contents = contents(&made, model, observed)?;
        Ok(Self { began, model, observed, made, contents })
    }

    /// The kept plan with its contents in place again, every step of which the playbook of now can make. With
    /// [`Open::Undos`] that holds of the ways back alone: contents that only the way forward needs are left empty.
    pub fn open(&self, kept: KeptPlan<'_>, open: Open) -> Result<Plan, Unopened> {
        let unreadable = |error: serde_json::Error| Unopened::Unreadable(error.to_string());
        let value: Value = serde_json::from_str(kept.text).map_err(unreadable)?;
        match limited(&value, &self.began, self.model)? {
            None => self.check(value, kept.by, open),
            Some(model) => Reopening::new(self.began, &model, self.observed)?.check(value, kept.by, open),
        }
    }

    fn check(&self, value: Value, by: &BTreeSet<HostName>, open: Open) -> Result<Plan, Unopened> {
        match (open, &self.made.release) {
            (Open::Whole, Err(blocked)) => return Err(blocked.clone().into()),
            (Open::Whole, Ok(release)) if release != self.began.release => {
                return Err(Unopened::OtherRelease(release.clone()));
            }
            _ => {}
        }
        let plan = match seal::open(value, &self.contents, open) {
            Ok(plan) => plan,
            Err(Unsealed::Unreadable(why)) => return Err(Unopened::Unreadable(why)),
            Err(Unsealed::InTheClear(steps)) => return Err(Unopened::NotOurs(steps)),
            Err(Unsealed::OtherInputs(steps)) => return Err(self.because(Unopened::OtherInputs(steps))),
        };
        let mut wrong = about(&plan, &self.began, self.model)?;
        wrong.extend(match open {
            Open::Whole => forward::foreign(&plan, &self.made.waves, self.began.goal),
            Open::Undos => Vec::new(),
        });
        let backs = back::Backs::new(&self.began, by, self.model, self.observed, &self.made.waves);
        wrong.extend(backs.foreign(&plan, open)?);
        if wrong.is_empty() { Ok(plan) } else { Err(self.because(Unopened::NotOurs(wrong))) }
    }

    /// Where a part could not be made, that is why something is not known.
    fn because(&self, otherwise: Unopened) -> Unopened {
        let blocked = self.made.release.as_ref().err().or(self.made.blocked.as_ref());
        blocked.map_or(otherwise, |blocked| blocked.clone().into())
    }
}

/// Everything that the hosts' own files hold, and that these inputs make for them.
fn contents(made: &Made, model: &Model, observed: &Observed) -> Result<Contents, Blocked> {
    let mut contents = Contents::new(&observed.key);
    contents.add_facts(observed);
    for lane in made.waves.iter().flat_map(|wave| &wave.lanes) {
        for step in &lane.steps {
            contents.add(&lane.host, &step.action);
            if let Undo::Reverse(action) = &step.undo {
                contents.add(&lane.host, action);
            }
        }
    }
    let scope = Scope::new(model, observed, &[]);
    for host in scope.app_servers()? {
        for color in Color::BOTH {
            // What is wrong with it is told where it is needed.
            if let Ok(Some(up)) = project::of(&scope, &host, color) {
                contents.add(&host, &Action::ComposeUp(up));
            }
        }
    }
    Ok(contents)
}

/// The model of a run that was limited to some hosts.
fn limited(plan: &Value, began: &Began<'_>, model: &Model) -> Result<Option<Model>, Unopened> {
    if !matches!(began.goal, Goal::Apply | Goal::Stage | Goal::Retire) {
        return Ok(None);
    }
    let named = |value: &Value| value.as_str().map(str::to_owned);
    let list = |key: &str| plan.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(named);
    let servers: BTreeSet<String> = list("app_servers").collect();
    let scope_servers = super::app_servers(model).map_err(Blocked::from)?;
    if scope_servers.iter().all(|host| servers.contains(host.as_str())) {
        return Ok(None);
    }
    let lanes = plan.get("waves").and_then(Value::as_array).into_iter().flatten();
    let lanes = lanes.filter_map(|wave| wave.get("lanes").and_then(Value::as_array)).flatten();
    let worked_on = lanes.filter_map(|lane| lane.get("host").and_then(named));
    let known = |name: &String| model.inventory.hosts().iter().any(|host| host.as_str() == name);
    let hosts: BTreeSet<String> =
        servers.into_iter().chain(list("load_balancers")).chain(worked_on).filter(known).collect();
    let hosts: Vec<String> = hosts.into_iter().collect();
    let limit = Pattern::parse(&hosts.join(",")).ok();
    Ok(Some(Model { limit, ..model.clone() }))
}

/// What is wrong with what a plan is about.
fn about(plan: &Plan, began: &Began<'_>, model: &Model) -> Result<Vec<String>, Unopened> {
    let mut wrong = Vec::new();
    if plan.app != model.playbook.name {
        wrong.push(format!("it is of the app {}, the playbook of {}", plan.app, model.playbook.name));
    }
    let same = plan.goal == began.goal && plan.live == began.live && plan.target == began.target;
    if !same || plan.release != *began.release {
        wrong.push("it is about something else than the record of the run".to_owned());
    }
    if plan.live == Some(plan.target) && !matches!(plan.goal, Goal::Retire | Goal::Switch(_)) {
        wrong.push(format!("it works on {}, which was live", plan.target));
    }
    let scope_servers = super::app_servers(model).map_err(Blocked::from)?;
    let balancers: Vec<HostName> =
        super::lock_places(model).map_err(Blocked::from)?.into_iter().map(|(host, ..)| host).collect();
    let strangers = |named: &[HostName], known: &[HostName]| {
        let here = model.inventory.hosts();
        named.iter().filter(|host| here.contains(host) && !known.contains(host)).cloned().collect::<Vec<_>>()
    };
    let standing: Vec<HostName> = plan.standings.iter().map(|standing| standing.host.clone()).collect();
    for host in
        strangers(&plan.load_balancers, &balancers).into_iter().chain(strangers(&standing, &balancers))
    {
        wrong.push(format!("{host} is no load balancer of the playbook"));
    }
    for host in strangers(&plan.app_servers, &scope_servers) {
        wrong.push(format!("{host} is no app server of the playbook"));
    }
    Ok(wrong)
}
