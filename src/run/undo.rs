//! The one way back: waves last first, lanes side by side, steps last first.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::event::{Kind, StepError, StepId, millis};
use crate::model::{Action, HostName};
use crate::plan::{Phase, Plan, Step, Undo};

use super::lock::Retaken;
use super::perform::Performance;
use super::record::Reached;
use super::recorder::{About, Unrecorded};
use super::secrecy;
use super::{Engine, find, reached};

/// How long a lock that was lost is tried to be taken again: longer than a load balancer takes to notice that the
/// connection before is gone.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_secs(2);

impl Engine<'_> {
    /// Takes these steps back. `false` when not all of them could be. On the load balancers nothing beneath a wave
    /// that is stuck is touched, so that nothing is undone out of order; in the stage, where hosts know nothing of
    /// each other, a host that is stuck is left alone and the others are put down. Nothing is touched without the
    /// lock.
    pub(super) async fn take_back(&self, plan: &Plan, started: &[StepId]) -> Result<bool, Unrecorded> {
        let mut stuck: Vec<HostName> = Vec::new();
        let mut mark = None;
        for wave in waves_of(started).into_iter().rev() {
            // Whoever goes on with this undo begins at the last wave that is not undone whole.
            let here = reached(plan, mark.unwrap_or(wave), true, &[]);
            self.mark(here.clone()).await;
            let was_lost = self.lock.is_some_and(|lock| lock.lost().is_some());
            if !self.may_take_back().await? {
                return Ok(false);
            }
            if was_lost {
                self.mark(here).await;
            }
            let failed = self.wave_back(plan, wave, started, &stuck).await?;
            if failed.is_empty() {
                continue;
            }
            mark = mark.or(Some(wave));
            stuck.extend(failed);
            if plan.waves.get(wave).is_none_or(|wave| wave.phase != Phase::Stage) {
                return Ok(false);
            }
        }
        Ok(stuck.is_empty())
    }

    /// Has the load balancers know how far the undo is, where they can be told. It goes on all the same.
    async fn mark(&self, reached: Reached) {
        if let Some(lock) = self.lock.filter(|lock| lock.lost().is_none()) {
            lock.enter(reached).await;
        }
    }

    /// Puts hosts down again that failed while the run goes on without them.
    pub(super) async fn put_down(&self, plan: &Plan, started: &[StepId]) -> Result<bool, Unrecorded> {
        for wave in waves_of(started).into_iter().rev() {
            if !self.may_take_back().await? || !self.wave_back(plan, wave, started, &[]).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Between waves of the undo: a second Ctrl-C ends it, and without the lock another run may have begun, on the
    /// very color that would be put down here.
    async fn may_take_back(&self) -> Result<bool, Unrecorded> {
        if self.halt.is_cancelled() {
            return self
                .notice("the undo was stopped; nothing more is taken back".to_owned())
                .map(|()| false);
        }
        let Some(lock) = self.lock else { return Ok(true) };
        let Some(host) = lock.lost() else { return Ok(true) };
        self.notice(format!("the lock on {host} is gone: it is taken again before anything is taken back"))?;
        let until = Instant::now() + PATIENCE;
        loop {
            let why = match lock.retake(self.remote).await {
                Retaken::Whole => return self.notice("the lock is held again".to_owned()).map(|()| true),
                Retaken::Passed(host) => format!("another run has begun on {host}"),
                Retaken::NotYet(_) if Instant::now() < until && !self.halt.is_cancelled() => {
                    tokio::select! {
                        () = tokio::time::sleep(PAUSE) => {}
                        () = self.halt.cancelled() => {}
                    }
                    continue;
                }
                Retaken::NotYet(why) => why,
            };
            return self.notice(format!("{why}: nothing more is taken back")).map(|()| false);
        }
    }

    fn notice(&self, text: String) -> Result<(), Unrecorded> {
        self.recorder.record(About::default(), Kind::Noticed { text })
    }

    /// Takes back a wave's steps, but for these hosts; the hosts on which that failed.
    async fn wave_back(
        &self,
        plan: &Plan,
        wave: usize,
        started: &[StepId],
        but: &[HostName],
    ) -> Result<Vec<HostName>, Unrecorded> {
        let mut lanes: BTreeMap<usize, Vec<StepId>> = BTreeMap::new();
        for at in started.iter().filter(|at| at.wave == wave) {
            lanes.entry(at.lane).or_default().push(*at);
        }
        let backs = lanes.into_values().filter_map(|steps| {
            let host = find(plan, *steps.first()?)?.1.host.clone();
            (!but.contains(&host)).then_some(async move {
                let whole = self.lane_back(plan, &steps).await?;
                Ok::<_, Unrecorded>((!whole).then_some(host))
            })
        });
        let stuck: Vec<Option<HostName>> =
            stream::iter(backs).buffer_unordered(self.forks.max(1)).try_collect().await?;
        Ok(stuck.into_iter().flatten().collect())
    }

    async fn lane_back(&self, plan: &Plan, steps: &[StepId]) -> Result<bool, Unrecorded> {
        let mut steps = steps.to_vec();
        steps.sort_unstable();
        for at in steps.into_iter().rev() {
            if self.halt.is_cancelled() {
                return Ok(false);
            }
            if !self.step_back(plan, at).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn step_back(&self, plan: &Plan, at: StepId) -> Result<bool, Unrecorded> {
        let Some((wave, lane, step)) = find(plan, at) else { return Ok(true) };
        let about =
            About { host: Some(lane.host.clone()), phase: Some(wave.phase), task: Some(step.name.clone()) };
        match &step.undo {
            Undo::NotNeeded => Ok(true),
            Undo::Impossible(why) => {
                let error = StepError { message: why.clone(), stderr: None, hint: None };
                // What cannot be taken back on the idle color harms nobody: say so and go on.
                self.recorder
                    .record(about, Kind::UndoFailed { at, error })
                    .map(|()| wave.phase == Phase::Stage)
            }
            Undo::Reverse(action) => self.reverse(about, at, step, action).await,
        }
    }

    /// Makes a step's check outside of the plan: nothing is recorded of it.
    pub(super) async fn look(&self, host: &HostName, step: &Step) -> Result<(), StepError> {
        let performance = Performance {
            remote: self.remote,
            host,
            escalate: self.escalation(host, step.escalate.as_ref()),
            timeout: step.timeout,
            stop: self.halt,
            waiting: &|_, _, _| {},
            sending: &|_, _| {},
            logins: Vec::new(),
        };
        performance.perform(&step.action).await.map(|_| ()).map_err(|error| secrecy::error(step, error))
    }

    async fn reverse(
        &self,
        about: About,
        at: StepId,
        step: &Step,
        action: &Action,
    ) -> Result<bool, Unrecorded> {
        let Some(host) = about.host.clone() else { return Ok(true) };
        let began = Instant::now();
        // Ctrl-C began this undo: it must not end it.
        let performance = Performance {
            remote: self.remote,
            host: &host,
            escalate: self.escalation(&host, step.escalate.as_ref()),
            timeout: step.timeout,
            stop: &CancellationToken::new(),
            waiting: &|_, _, _| {},
            sending: &|_, _| {},
            logins: Vec::new(),
        };
        match performance.perform(action).await {
            Ok(done) => {
                if let (Some(text), Action::ComposeDown(project)) =
                    (done.logs.filter(|_| !step.no_log), action)
                {
                    self.recorder
                        .record(about.clone(), Kind::Logs { project: project.name.clone(), text })?;
                }
                // What a way back met, a line of the screen has no room for.
                if let (Some(text), Action::Swap(_)) = (done.detail, action) {
                    self.recorder.record(about.clone(), Kind::Noticed { text })?;
                }
                let took_ms = millis(began.elapsed());
                self.recorder.record(about, Kind::Undone { at, took_ms }).map(|()| true)
            }
            Err(error) => {
                let error = secrecy::error(step, error);
                self.recorder.record(about, Kind::UndoFailed { at, error }).map(|()| false)
            }
        }
    }
}

/// The waves of some steps, in order.
fn waves_of(steps: &[StepId]) -> Vec<usize> {
    let mut waves: Vec<usize> = steps.iter().map(|at| at.wave).collect();
    waves.sort_unstable();
    waves.dedup();
    waves
}
