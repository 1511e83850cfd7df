//! The one way back: waves last first, lanes side by side, steps last first.

use std::time::Instant;

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use crate::event::{Kind, StepError, StepId, millis};
use crate::model::Action;
use crate::plan::{Phase, Plan, Step, Undo};

use super::lock::Lock;
use super::perform::Performance;
use super::recorder::{About, Unrecorded};
use super::{Engine, find};

impl Engine<'_> {
    /// Takes these steps back. `false` when a wave could not be taken back whole: nothing beneath it was
    /// touched then, so that nothing is undone out of order. Nor is anything touched without the lock.
    pub(super) async fn take_back(&self, plan: &Plan, started: &[StepId]) -> Result<bool, Unrecorded> {
        let mut waves: Vec<usize> = started.iter().map(|at| at.wave).collect();
        waves.sort_unstable();
        waves.dedup();
        for wave in waves.into_iter().rev() {
            if let Some(host) = self.lock.and_then(Lock::lost) {
                // Another run may have begun, on the very color that would be put down here.
                let text = format!("the lock on {host} is gone: nothing more is taken back");
                self.recorder.record(About::default(), Kind::Noticed { text })?;
                return Ok(false);
            }
            let steps: Vec<StepId> = started.iter().copied().filter(|at| at.wave == wave).collect();
            if !self.wave_back(plan, &steps).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn wave_back(&self, plan: &Plan, steps: &[StepId]) -> Result<bool, Unrecorded> {
        let mut lanes: Vec<usize> = steps.iter().map(|at| at.lane).collect();
        lanes.sort_unstable();
        lanes.dedup();
        let backs = lanes.into_iter().map(|lane| async move {
            let theirs: Vec<StepId> = steps.iter().copied().filter(|at| at.lane == lane).collect();
            self.lane_back(plan, &theirs).await
        });
        let whole: Vec<bool> = stream::iter(backs).buffer_unordered(self.forks.max(1)).try_collect().await?;
        Ok(whole.into_iter().all(|whole| whole))
    }

    async fn lane_back(&self, plan: &Plan, steps: &[StepId]) -> Result<bool, Unrecorded> {
        let mut steps = steps.to_vec();
        steps.sort_unstable();
        for at in steps.into_iter().rev() {
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
        };
        match performance.perform(action).await {
            Ok(done) => {
                if let (Some(text), Action::ComposeDown(project)) =
                    (done.logs.filter(|_| !step.no_log), action)
                {
                    self.recorder
                        .record(about.clone(), Kind::Logs { project: project.name.clone(), text })?;
                }
                let took_ms = millis(began.elapsed());
                self.recorder.record(about, Kind::Undone { at, took_ms }).map(|()| true)
            }
            Err(error) => self.recorder.record(about, Kind::UndoFailed { at, error }).map(|()| false),
        }
    }
}
