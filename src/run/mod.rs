//! Carries a plan out: waves in order, their lanes side by side; and takes back what was done.

mod lanes;
mod lock;
mod perform;
mod recorder;
mod undo;

use std::collections::BTreeMap;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::event::{Kind, Outcome, StepId, millis};
use crate::model::{Action, AppName, Color, Escalation, HostName, Secret};
use crate::plan::{Counts, Lane, Phase, Plan, Step, Wave};
use crate::remote::Remote;

pub use lock::{Holder, LastRun, Lock, NotLocked};
pub use perform::command;
pub use recorder::{About, Recorder, Unrecorded};

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
    /// The lock, checked before every wave; `None` for plans that move nothing.
    pub lock: Option<&'a Lock>,
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

impl Engine<'_> {
    /// Carries out all waves. A host's failure is part of the ending; an `Err` means that the run can no
    /// longer be recorded, and that nothing was done after that.
    pub async fn apply(&self, mut plan: Plan, start: Kind) -> Result<Ending, Unrecorded> {
        let began = Instant::now();
        self.recorder.record(About::default(), start)?;
        let mut counts = Counts::default();
        let setback = self.forward(&mut plan, &mut counts).await?;
        let outcome = match setback {
            None => Outcome::Done,
            Some((Phase::Settle, setback)) => self.unsettled(setback)?,
            Some((_, setback)) => self.turn_back(&plan, setback).await?,
        };
        let live = match outcome {
            // Half taken back: which load balancer serves what is for a person to see.
            Outcome::Stuck if self.is_adrift(&plan) => None,
            Outcome::Done | Outcome::Unsettled if counts.switch > 0 => Some(plan.target),
            _ => plan.live,
        };
        let took_ms = millis(began.elapsed());
        self.recorder.record(About::default(), Kind::RunEnded { outcome, live, done: counts, took_ms })?;
        Ok(Ending { outcome, live })
    }

    /// Wave after wave, until all are done or one makes the run turn back.
    async fn forward(
        &self,
        plan: &mut Plan,
        counts: &mut Counts,
    ) -> Result<Option<(Phase, Setback)>, Unrecorded> {
        let mut left_out = Vec::new();
        let mut phase = None;
        let mut index = 0;
        while let Some(wave) = plan.waves.get(index) {
            if phase != Some(wave.phase) {
                phase = Some(wave.phase);
                if let Some(lock) = self.lock {
                    lock.enter(wave.phase).await;
                }
                if wave.phase == Phase::Switch && !left_out.is_empty() {
                    if let Err(why) = self.revise(plan, index, &left_out)? {
                        return Ok(Some((Phase::Switch, Setback::Failed(why))));
                    }
                    continue;
                }
            }
            let wave = plan.waves.get(index).map_or(Phase::Stage, |wave| wave.phase);
            if let Some(setback) = self.gate() {
                return Ok(Some((wave, setback)));
            }
            if let Some(setback) = self.wave(plan, index, &mut left_out, counts).await? {
                return Ok(Some((wave, setback)));
            }
            index += 1;
        }
        if phase == Some(Phase::Stage) && !left_out.is_empty() {
            self.recorder.record(About::default(), Kind::LeftOut { hosts: left_out })?;
        }
        Ok(None)
    }

    /// Between waves: may the next one begin?
    fn gate(&self) -> Option<Setback> {
        if self.stop.is_cancelled() {
            return Some(Setback::Interrupted);
        }
        let lost = self.lock.and_then(Lock::lost)?;
        Some(Setback::Failed(format!(
            "the lock on {lost} is gone: its connection ended, another run may have begun"
        )))
    }

    fn revise(
        &self,
        plan: &mut Plan,
        from: usize,
        left_out: &[HostName],
    ) -> Result<Result<(), String>, Unrecorded> {
        self.recorder.record(About::default(), Kind::LeftOut { hosts: left_out.to_vec() })?;
        Ok((self.revise)(left_out).map(|waves| {
            plan.waves.truncate(from);
            plan.waves.extend(waves);
        }))
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
