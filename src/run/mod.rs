//! Carries a plan out: waves in order, their lanes side by side; and takes back what was done.

mod agreed;
mod converge;
mod lanes;
mod lock;
mod perform;
mod record;
mod recorder;
mod rehearse;
mod secrecy;
mod takeover;
mod undo;

use std::collections::BTreeMap;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::event::{Kind, Outcome, StepId, millis};
use crate::model::{Action, AppName, Color, Escalation, HostName, Key, Secret};
use crate::plan::{self, Counts, Lane, Phase, Plan, Step, Wave};
use crate::remote::Remote;

pub use agreed::{Disagreement, LastRun, agreed_key};
pub use lock::{Holder, Lock, LockPlace, NotLocked, Retaken};
pub use perform::{command, kept};
pub use record::{BadRecord, Beginning, Reached, Record};
pub use recorder::{About, Recorder, Unrecorded};
pub use rehearse::{Rehearsed, Stage, Would};
pub use takeover::Left;

/// Plans anew without some hosts; `Err` says why that cannot be.
pub type Revise<'a> = dyn Fn(&[HostName]) -> Result<Vec<Wave>, String> + Sync + 'a;

/// What carries a plan out.
pub struct Engine<'a> {
    /// The door to the hosts.
    pub remote: &'a dyn Remote,
    /// Where every event goes first.
    pub recorder: &'a Recorder<'a>,
    /// Lanes side by side, at most.
    pub forks: usize,
    /// sudo's passwords, by host.
    pub passwords: &'a BTreeMap<HostName, Secret>,
    /// Asked for an end by the user: stop between steps and undo.
    pub stop: &'a CancellationToken,
    /// Asked for an end of the undo, too: stop it between steps.
    pub halt: &'a CancellationToken,
    /// The lock, checked before every wave; `None` for plans that move nothing.
    pub lock: Option<&'a Lock>,
    /// The app's key, with which the plan is sealed.
    pub key: &'a Key,
    /// Makes the waves from the switch on anew without these hosts, which failed within `max_fail_percentage`.
    pub revise: &'a Revise<'a>,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// How it ended.
    pub outcome: Outcome,
    /// The color that is served now.
    pub live: Option<Color>,
}

/// Why a run turns back.
enum Setback {
    Interrupted,
    Failed(String),
}

/// How far a run is, while it goes forward.
#[derive(Default)]
struct Course {
    /// Waves before this one are done.
    from: usize,
    /// Of those, the stage's checks are made again.
    recheck: bool,
    /// Hosts that failed and get no traffic.
    left_out: Vec<HostName>,
    /// How many of those the plan knows of.
    known: usize,
    counts: Counts,
}

impl Engine<'_> {
    /// Carries out all waves. A host's failure is part of the ending; an `Err` means that the run can no
    /// longer be recorded, and that nothing was done after that.
    pub async fn apply(&self, plan: Plan, start: Kind) -> Result<Ending, Unrecorded> {
        let began = Instant::now();
        self.recorder.record(About::default(), start)?;
        self.carry(plan, Course::default(), began).await
    }

    async fn carry(&self, mut plan: Plan, mut course: Course, began: Instant) -> Result<Ending, Unrecorded> {
        let outcome = match self.forward(&mut plan, &mut course).await? {
            None => Outcome::Done,
            Some((Phase::Settle, setback)) => self.unsettled(setback)?,
            Some((_, setback)) => self.turn_back(&plan, setback).await?,
        };
        self.ended(&plan, outcome, course.counts, began)
    }

    fn ended(
        &self,
        plan: &Plan,
        outcome: Outcome,
        done: Counts,
        began: Instant,
    ) -> Result<Ending, Unrecorded> {
        let live = match outcome {
            // Half taken back: which load balancer serves what is for a person to see.
            Outcome::Stuck if self.is_adrift(plan) => None,
            Outcome::Done | Outcome::Unsettled if plan.counts().switch > 0 => Some(plan.target),
            _ => plan.live,
        };
        let took_ms = millis(began.elapsed());
        self.recorder.record(About::default(), Kind::RunEnded { outcome, live, done, took_ms })?;
        Ok(Ending { outcome, live })
    }

    /// Wave after wave, until all are done or one makes the run turn back.
    async fn forward(
        &self,
        plan: &mut Plan,
        course: &mut Course,
    ) -> Result<Option<(Phase, Setback)>, Unrecorded> {
        let mut index = 0;
        while let Some(phase) = plan.waves.get(index).map(|wave| wave.phase) {
            if phase == Phase::Switch && course.left_out.len() > course.known {
                course.known = course.left_out.len();
                if let Err(why) = self.revise(plan, index, &course.left_out).await? {
                    return Ok(Some((phase, Setback::Failed(why))));
                }
                continue;
            }
            if let Some(setback) = self.gate(plan, index, course).await {
                return Ok(Some((phase, setback)));
            }
            if let Some(setback) = self.wave(plan, index, course).await? {
                return Ok(Some((phase, setback)));
            }
            index += 1;
        }
        if course.left_out.len() > course.known {
            let hosts = std::mem::take(&mut course.left_out);
            self.recorder.record(About::default(), Kind::LeftOut { hosts })?;
        }
        Ok(None)
    }

    /// Between waves: may the next one begin? The load balancers know that it does before it does.
    async fn gate(&self, plan: &Plan, index: usize, course: &Course) -> Option<Setback> {
        if self.stop.is_cancelled() {
            return Some(Setback::Interrupted);
        }
        let lock = self.lock?;
        // What one of them does not keep, none shall tell of as begun.
        if let Some(trouble) = lock.trouble() {
            return Some(Setback::Failed(trouble));
        }
        // Checks that are made again change nothing about how far the run is.
        if index >= course.from {
            lock.enter(reached(plan, index, false, &course.left_out)).await;
        }
        lock.trouble().map(Setback::Failed)
    }

    async fn revise(
        &self,
        plan: &mut Plan,
        from: usize,
        left_out: &[HostName],
    ) -> Result<Result<(), String>, Unrecorded> {
        self.recorder.record(About::default(), Kind::LeftOut { hosts: left_out.to_vec() })?;
        let waves = match (self.revise)(left_out) {
            Ok(waves) => waves,
            Err(why) => return Ok(Err(why)),
        };
        plan.waves.truncate(from);
        plan.waves.extend(waves);
        if let Some(lock) = self.lock {
            lock.revise(&plan::seal(plan, self.key)).await;
        }
        Ok(Ok(()))
    }

    fn unsettled(&self, setback: Setback) -> Result<Outcome, Unrecorded> {
        let why = match setback {
            Setback::Interrupted => "interrupted after the switch: traffic stays where it is".to_owned(),
            Setback::Failed(why) => format!("{why}; traffic stays where it is"),
        };
        self.recorder.record(About::default(), Kind::Noticed { text: why })?;
        Ok(Outcome::Unsettled)
    }

    async fn turn_back(&self, plan: &Plan, setback: Setback) -> Result<Outcome, Unrecorded> {
        let (why, outcome) = match setback {
            Setback::Interrupted => ("interrupted".to_owned(), Outcome::Interrupted),
            Setback::Failed(why) => (why, Outcome::Undone),
        };
        self.recorder.record(About::default(), Kind::UndoStarted { why })?;
        let whole = self.take_back(plan, &self.recorder.state().to_undo()).await?;
        Ok(if whole { outcome } else { Outcome::Stuck })
    }

    /// Whether a swap may have moved traffic and was not taken back.
    fn is_adrift(&self, plan: &Plan) -> bool {
        let left = self.recorder.state().to_undo();
        left.into_iter()
            .any(|at| find(plan, at).is_some_and(|(.., step)| matches!(step.action, Action::Swap(_))))
    }

    fn escalation(&self, host: &HostName, user: Option<&String>) -> Option<Escalation> {
        user.map(|user| Escalation { user: user.clone(), password: self.passwords.get(host).cloned() })
    }
}

/// How far a run is that comes to a wave.
fn reached(plan: &Plan, wave: usize, undoing: bool, left_out: &[HostName]) -> Reached {
    let phase = plan.waves.get(wave).map_or(Phase::Settle, |wave| wave.phase);
    Reached { phase, wave, waves: plan.waves.len(), undoing, left_out: left_out.to_vec() }
}

/// The words that begin a run's journal.
#[must_use]
pub fn start(plan: &Plan, command: String, by: String) -> Kind {
    Kind::RunStarted {
        format: crate::journal::FORMAT,
        app: AppName::clone(&plan.app),
        command,
        by,
        live: plan.live,
        target: plan.target,
        release: plan.release.clone(),
        hosts: plan.hosts().into_iter().cloned().collect(),
        steps: plan.steps().count(),
    }
}

/// The step at a place, with its wave and lane.
fn find(plan: &Plan, at: StepId) -> Option<(&Wave, &Lane, &Step)> {
    let wave = plan.waves.get(at.wave)?;
    let lane = wave.lanes.get(at.lane)?;
    Some((wave, lane, lane.steps.get(at.step)?))
}

/// A step's place and the step itself, of a lane.
fn numbered(wave: usize, lane: usize, steps: &[Step]) -> impl DoubleEndedIterator<Item = (StepId, &Step)> {
    steps.iter().enumerate().map(move |(step, value)| (StepId { wave, lane, step }, value))
}
