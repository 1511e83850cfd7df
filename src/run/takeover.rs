//! A run that another process began: gone on with, or taken back.

use std::time::Instant;

use crate::event::{Kind, Outcome, StepId};
use crate::model::{Action, HostName};
use crate::plan::{Counts, Lane, Phase, Plan, Step, Undo};

use super::lanes::subject;
use super::record::Record;
use super::recorder::{About, Unrecorded};
use super::{Course, Ending, Engine, find, numbered};

/// What a process that is gone left of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Who goes on with it: 2 for the first who does.
    pub attempt: u32,
    /// The wave that it had come to.
    pub wave: usize,
    /// Hosts that had failed and get no traffic.
    pub left_out: Vec<HostName>,
    /// The steps that may have left something behind.
    pub steps: Vec<StepId>,
    /// Hosts that an abort leaves alone.
    pub outside: Vec<HostName>,
}

impl Left {
    /// As a run's record tells: every step up to the wave that it had come to. `known` are those steps where this
    /// machine's own journal knows them better.
    #[must_use]
    pub fn of(record: &Record, plan: &Plan, known: Option<Vec<StepId>>) -> Self {
        let reached = record.reached.as_ref();
        let wave = reached.map_or(0, |reached| reached.wave);
        let left_out = reached.map(|reached| reached.left_out.clone()).unwrap_or_default();
        let steps = known.unwrap_or_else(|| begun(plan, wave));
        Self { attempt: record.attempt, wave, left_out, steps, outside: Vec::new() }
    }

    /// The steps that an abort takes back.
    #[must_use]
    pub fn inside(&self, plan: &Plan) -> Vec<StepId> {
        let here =
            |at: &&StepId| find(plan, **at).is_some_and(|(_, lane, _)| !self.outside.contains(&lane.host));
        self.steps.iter().filter(here).copied().collect()
    }

    /// Those steps, in the order in which they are taken back.
    #[must_use]
    pub fn ways_back<'p>(&self, plan: &'p Plan) -> Vec<(&'p HostName, &'p Step)> {
        let mut steps = self.inside(plan);
        steps.sort_unstable_by_key(|at| std::cmp::Reverse((at.wave, std::cmp::Reverse(at.lane), at.step)));
        let found = steps.into_iter().filter_map(|at| find(plan, at));
        found.map(|(_, lane, step)| (&lane.host, step)).collect()
    }

    /// Whether an abort takes anything of the target away: its containers, or its files.
    #[must_use]
    pub fn takes_away(&self, plan: &Plan) -> bool {
        self.ways_back(plan).into_iter().any(|(_, step)| matches!(step.undo, Undo::Reverse(_)))
    }

    /// Whether a resume begins after the switch, where all that it does relies on the target being served.
    #[must_use]
    pub fn settles(&self, plan: &Plan) -> bool {
        let phase = plan.waves.get(self.wave).map_or(Phase::Settle, |wave| wave.phase);
        phase == Phase::Settle && plan.steps().any(|(_, step)| matches!(step.action, Action::Swap(_)))
    }

    /// The load balancers that an abort switches back.
    #[must_use]
    pub fn switched(&self, plan: &Plan) -> Vec<HostName> {
        let inside = self.inside(plan).into_iter();
        // The plan is a load balancer's: what it would do there counts, whatever it calls the step.
        let swaps = inside.filter_map(|at| {
            find(plan, at).filter(|(.., step)| {
                let back = matches!(step.undo, Undo::Reverse(Action::Swap(_)));
                back || matches!(step.action, Action::Swap(_))
            })
        });
        swaps.map(|(_, lane, _)| lane.host.clone()).collect()
    }

    /// Steps after the switch that nothing brings back, if they were begun, and why: an abort would be stuck there.
    /// On hosts that it leaves alone, too: traffic would go back to another release there.
    #[must_use]
    pub fn lost(&self, plan: &Plan) -> Vec<String> {
        let found = self.steps.iter().filter_map(|at| find(plan, *at));
        let settled = found.filter(|(wave, ..)| wave.phase == Phase::Settle);
        let lost = settled.filter_map(|(_, lane, step)| match &step.undo {
            Undo::Impossible(why) => Some(format!("{}: {}: {why}", lane.host, step.name)),
            _ => None,
        });
        lost.collect()
    }

    fn event(&self) -> Kind {
        Kind::TookOver { attempt: self.attempt, wave: self.wave, left: self.steps.clone() }
    }
}

/// Every step up to a wave.
fn begun(plan: &Plan, wave: usize) -> Vec<StepId> {
    let waves = plan.waves.iter().enumerate().take(wave.saturating_add(1));
    let lanes = waves.flat_map(|(wave, value)| value.lanes.iter().enumerate().map(move |lane| (wave, lane)));
    lanes.flat_map(|(wave, (lane, value))| numbered(wave, lane, &value.steps).map(|(at, _)| at)).collect()
}

impl Engine<'_> {
    /// Goes on where the process before stopped, and comes to the same ends as [`apply`](Self::apply). The phase
    /// that it was in is passed again: the stage from the wave that was under way, the switch and the settle from
    /// their beginnings. Before traffic moves, all checks of the stage are made again.
    pub async fn resume(&self, plan: Plan, start: Kind, left: &Left) -> Result<Ending, Unrecorded> {
        let began = Instant::now();
        self.recorder.record(About::default(), start)?;
        self.recorder.record(About::default(), left.event())?;
        let from = beginning(&plan, left.wave);
        let course = Course {
            from,
            // Once traffic has moved, the old color's end says nothing about the new one.
            recheck: plan.waves.get(from).is_some_and(|wave| wave.phase != Phase::Settle),
            left_out: left.left_out.clone(),
            known: left.left_out.len(),
            counts: Counts::default(),
        };
        self.carry(plan, course, began).await
    }

    /// Takes back what the process before left. `old` are the checks by which the color that was live before
    /// answers for itself: they come before traffic goes back to it where the settle had begun.
    pub async fn abort(
        &self,
        plan: &Plan,
        start: Kind,
        left: &Left,
        old: &[Lane],
    ) -> Result<Ending, Unrecorded> {
        let began = Instant::now();
        self.recorder.record(About::default(), start)?;
        self.recorder.record(About::default(), left.event())?;
        self.recorder.record(About::default(), Kind::UndoStarted { why: "aborted".to_owned() })?;
        let settle = plan.waves.iter().position(|wave| wave.phase == Phase::Settle).unwrap_or(usize::MAX);
        let (after, before): (Vec<StepId>, Vec<StepId>) =
            left.inside(plan).into_iter().partition(|at| at.wave >= settle);
        let whole = self.take_back(plan, &after).await?
            && (after.is_empty() || self.answers(old, &left.outside).await?)
            && self.take_back(plan, &before).await?;
        let outcome = if whole { Outcome::Undone } else { Outcome::Stuck };
        self.ended(plan, outcome, Counts::default(), began)
    }

    /// Whether the color that traffic is about to go back to answers for itself.
    async fn answers(&self, lanes: &[Lane], but: &[HostName]) -> Result<bool, Unrecorded> {
        for lane in lanes.iter().filter(|lane| !but.contains(&lane.host)) {
            for step in lane.steps.iter().filter(|step| subject(step).is_none_or(|host| !but.contains(host)))
            {
                if let Err(error) = self.look(&lane.host, step).await {
                    let text = format!("{}: {}; traffic stays where it is", step.name, error.message);
                    let about = About { host: Some(lane.host.clone()), ..About::default() };
                    self.recorder.record(about, Kind::Noticed { text })?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Where a run begins again that had come to a wave.
fn beginning(plan: &Plan, wave: usize) -> usize {
    let phase = plan.waves.get(wave).map_or(Phase::Settle, |wave| wave.phase);
    match phase {
        Phase::Stage => wave,
        phase => plan.waves.iter().position(|wave| wave.phase == phase).unwrap_or(wave),
    }
}

/// Whether a step of a wave that is done is passed again: a color that was well may have fallen ill since.
pub(super) fn again(step: &Step) -> bool {
    matches!(step.action, Action::Check(_))
}
