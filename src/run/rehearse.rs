//! A plan's steps that only read, made ahead of time: would they pass?

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::event::StepError;
use crate::model::{Action, Ask, Check, Escalation, HostName, Images, Secret};
use crate::plan::{Lane, Phase, Plan, Step};
use crate::remote::Remote;

use super::perform::Performance;
use super::secrecy;

/// What is well now answers soon.
const RETRIES: u32 = 2;
const DELAY: Duration = Duration::from_secs(1);

/// A step that was rehearsed, or could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsed {
    /// Where it is made.
    pub host: HostName,
    /// The task's name.
    pub task: String,
    /// How it would go.
    pub would: Would,
}

/// How a step would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Would {
    /// Well.
    Pass,
    /// Not well: what was met.
    Fail(StepError),
    /// Nobody can tell before the run: why.
    Unknown(String),
}

/// With what a plan is rehearsed. The transport should refuse to change anything.
pub struct Stage<'a> {
    /// The door to the hosts.
    pub remote: &'a dyn Remote,
    /// Lanes side by side, at most.
    pub forks: usize,
    /// sudo's passwords, by host.
    pub passwords: &'a BTreeMap<HostName, Secret>,
}

/// What came of a lane.
#[derive(Default)]
struct LaneEnd {
    steps: Vec<Rehearsed>,
    seen: Option<(HostName, Images)>,
}

impl Stage<'_> {
    /// Makes those steps of a plan that are wanted and only read: checks of what runs already, the comparison of the
    /// app servers, the test of the site.
    pub async fn rehearse(&self, plan: &Plan, wanted: fn(&Step) -> bool) -> Vec<Rehearsed> {
        let started = started(plan);
        let mut all = Vec::new();
        for wave in &plan.waves {
            let lanes = wave.lanes.iter().map(|lane| self.lane(wave.phase, lane, &started, wanted));
            let ends: Vec<LaneEnd> = stream::iter(lanes).buffered(self.forks.max(1)).collect().await;
            let seen: Vec<(HostName, Images)> = ends.iter().filter_map(|end| end.seen.clone()).collect();
            all.extend(ends.into_iter().flat_map(|end| end.steps));
            all.extend(odd(&seen));
        }
        all
    }

    async fn lane(
        &self,
        phase: Phase,
        lane: &Lane,
        started: &BTreeSet<&HostName>,
        wanted: fn(&Step) -> bool,
    ) -> LaneEnd {
        let mut end = LaneEnd::default();
        for step in lane.steps.iter().filter(|step| wanted(step) && is_rehearsed(phase, step)) {
            let would = match unknown(lane, step, started) {
                Some(why) => Would::Unknown(why),
                None => match self.perform(&lane.host, step).await {
                    Ok(images) => {
                        end.seen = images.map(|images| (lane.host.clone(), images)).or(end.seen);
                        Would::Pass
                    }
                    Err(error) => Would::Fail(secrecy::error(step, error)),
                },
            };
            end.steps.push(Rehearsed { host: lane.host.clone(), task: step.name.clone(), would });
        }
        end
    }

    async fn perform(&self, host: &HostName, step: &Step) -> Result<Option<Images>, StepError> {
        let user = step.escalate.as_ref();
        let escalate =
            user.map(|user| Escalation { user: user.clone(), password: self.passwords.get(host).cloned() });
        let performance = Performance {
            remote: self.remote,
            host,
            escalate,
            timeout: step.timeout,
            stop: &CancellationToken::new(),
            waiting: &|_, _, _| {},
            sending: &|_, _| {},
            logins: Vec::new(),
        };
        performance.perform(&quick(&step.action)).await.map(|done| done.images)
    }
}

/// Hosts on which the plan brings something up first: what runs there now says nothing.
fn started(plan: &Plan) -> BTreeSet<&HostName> {
    let starts = |step: &Step| matches!(step.action, Action::ComposeStart(_) | Action::ComposeUp(_));
    plan.steps().filter(|(_, step)| starts(step)).map(|(host, _)| host).collect()
}

/// Checks of the switch come after it: they would meet the color that is live now.
fn is_rehearsed(phase: Phase, step: &Step) -> bool {
    match &step.action {
        Action::Check(_) => phase == Phase::Stage,
        Action::Fingerprint(_) | Action::TestSite { .. } => true,
        _ => false,
    }
}

fn unknown(lane: &Lane, step: &Step, started: &BTreeSet<&HostName>) -> Option<String> {
    let about = match &step.action {
        Action::Check(Check { ask: Ask::Command(_), .. }) => {
            return Some("a command may change its host, so it is not run".to_owned());
        }
        Action::Check(check) => check.of.as_ref().unwrap_or(&lane.host),
        Action::Fingerprint(_) => &lane.host,
        _ => return None,
    };
    started.contains(about).then(|| format!("{about} is started first"))
}

fn quick(action: &Action) -> Action {
    match action {
        Action::Check(check) => {
            let (retries, delay) = (check.retries.min(RETRIES), check.delay.min(DELAY));
            Action::Check(Check { retries, delay, ..check.clone() })
        }
        action => action.clone(),
    }
}

/// Hosts that run something else than most.
fn odd(seen: &[(HostName, Images)]) -> Vec<Rehearsed> {
    let odd = Images::agreed(seen).err().unwrap_or_default();
    let fails = odd.into_iter().map(|odd| Rehearsed {
        host: odd.host.clone(),
        task: "Same release everywhere".to_owned(),
        would: Would::Fail(StepError { message: odd.to_string(), stderr: None, hint: None }),
    });
    fails.collect()
}
