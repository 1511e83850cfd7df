//! One wave forward: its lanes side by side, each lane's steps one after another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::event::{Kind, StepError, StepId, millis};
use crate::model::{Action, HostName};
use crate::plan::{Counts, Lane, Phase, Plan, Step, Wave};

use super::perform::{Done, Performance};
use super::recorder::{About, Unrecorded};
use super::{Engine, Setback, find, numbered};

/// How a lane ended.
struct LaneEnd {
    host: HostName,
    counts: Counts,
    /// The first failure, where there was one.
    failure: Option<String>,
}

impl Engine<'_> {
    /// Runs a wave; `Some` when it makes the run turn back. Hosts that failed within the limit are put down
    /// again at once and added to `left_out`.
    pub(super) async fn wave(
        &self,
        plan: &Plan,
        index: usize,
        left_out: &mut Vec<HostName>,
        counts: &mut Counts,
    ) -> Result<Option<Setback>, Unrecorded> {
        let Some(wave) = plan.waves.get(index) else { return Ok(None) };
        let lanes: Vec<(usize, &Lane)> = wave
            .lanes
            .iter()
            .enumerate()
            .filter(|(_, lane)| !left_out.contains(&lane.host) && !lane.steps.is_empty())
            .collect();
        if lanes.is_empty() {
            return Ok(None);
        }
        let hosts = lanes.iter().map(|(_, lane)| lane.host.clone()).collect();
        let about = About { phase: Some(wave.phase), ..About::default() };
        self.recorder.record(about, Kind::WaveStarted { wave: index, name: wave.name.clone(), hosts })?;
        let failed = AtomicBool::new(false);
        let runs = lanes.iter().map(|(lane, value)| self.lane(plan, wave, (index, *lane), value, &failed));
        let ends: Vec<LaneEnd> = stream::iter(runs).buffer_unordered(self.forks.max(1)).try_collect().await?;
        for end in &ends {
            counts.add(end.counts);
        }
        self.judge(plan, wave, ends, left_out).await
    }

    async fn judge(
        &self,
        plan: &Plan,
        wave: &Wave,
        ends: Vec<LaneEnd>,
        left_out: &mut Vec<HostName>,
    ) -> Result<Option<Setback>, Unrecorded> {
        let all = ends.len();
        let failed: Vec<LaneEnd> = ends.into_iter().filter(|end| end.failure.is_some()).collect();
        let Some(first) = failed.first() else { return Ok(None) };
        if self.stop.is_cancelled() {
            return Ok(Some(Setback::Interrupted));
        }
        if wave.phase != Phase::Stage || too_many(failed.len(), all, wave.max_fail_percentage) {
            let others = failed.len() - 1;
            let more = if others == 0 { String::new() } else { format!(" (and {others} more)") };
            let what = first.failure.as_deref().unwrap_or_default();
            return Ok(Some(Setback::Failed(format!("{} failed on {}{more}", what, first.host))));
        }
        let failed: Vec<HostName> = failed.into_iter().map(|end| end.host).collect();
        let theirs: Vec<StepId> = self.recorder.state().to_undo();
        let theirs: Vec<StepId> = theirs
            .into_iter()
            .filter(|at| find(plan, *at).is_some_and(|(_, lane, _)| failed.contains(&lane.host)))
            .collect();
        if !self.take_back(plan, &theirs).await? {
            return Ok(Some(Setback::Failed("a host that failed could not be put down again".to_owned())));
        }
        left_out.extend(failed);
        Ok(None)
    }

    async fn lane(
        &self,
        plan: &Plan,
        wave: &Wave,
        (index, lane): (usize, usize),
        value: &Lane,
        failed: &AtomicBool,
    ) -> Result<LaneEnd, Unrecorded> {
        let mut end = LaneEnd { host: value.host.clone(), counts: Counts::default(), failure: None };
        for (at, step) in numbered(index, lane, &value.steps) {
            if self.stop.is_cancelled() {
                end.failure = Some("interrupted".to_owned());
                break;
            }
            // The wave is lost already: traffic that still is where it was had better stay there.
            if matches!(step.action, Action::Swap(_)) && failed.load(Ordering::Relaxed) {
                break;
            }
            let done = self.step(plan, wave.phase, &value.host, at, step).await?;
            if done {
                end.counts.add(Counts::of(&step.action));
            } else if !step.ignore_errors {
                end.failure = Some(format!("`{}`", step.name));
                failed.store(true, Ordering::Relaxed);
                break;
            }
        }
        Ok(end)
    }

    /// One step: recorded, then done, then recorded. `false` when it failed.
    async fn step(
        &self,
        plan: &Plan,
        phase: Phase,
        host: &HostName,
        at: StepId,
        step: &Step,
    ) -> Result<bool, Unrecorded> {
        let about = About { host: Some(host.clone()), phase: Some(phase), task: Some(step.name.clone()) };
        self.recorder.record(about.clone(), Kind::Started { at })?;
        let began = Instant::now();
        let waiting = |attempt, of, met: String| {
            let met = if step.no_log { "(not shown)".to_owned() } else { met };
            // Only the screen cares; a journal that fails is met at the step's end.
            let _ = self.recorder.record(about.clone(), Kind::Waiting { at, attempt, of, met });
        };
        let performance = Performance {
            remote: self.remote,
            host,
            escalate: self.escalation(host, step.escalate.as_ref()),
            timeout: step.timeout,
            stop: self.stop,
            waiting: &waiting,
        };
        let result = performance.perform(&step.action).await;
        let took_ms = millis(began.elapsed());
        match result {
            Ok(done) => self.succeeded(plan, about, at, step, done, took_ms).map(|()| true),
            Err(error) => {
                let error = if step.no_log { hidden(&error) } else { error };
                let failed = Kind::Failed { at, ignored: step.ignore_errors, error, took_ms };
                self.recorder.record(about, failed).map(|()| false)
            }
        }
    }

    fn succeeded(
        &self,
        plan: &Plan,
        about: About,
        at: StepId,
        step: &Step,
        done: Done,
        took_ms: u64,
    ) -> Result<(), Unrecorded> {
        let detail = done.detail.filter(|_| !step.no_log);
        let switched = done.switched_ms;
        if let (Some(text), Action::ComposeDown(project)) = (done.logs.filter(|_| !step.no_log), &step.action)
        {
            self.recorder.record(about.clone(), Kind::Logs { project: project.name.clone(), text })?;
        }
        self.recorder.record(about.clone(), Kind::Ended { at, changed: done.changed, detail, took_ms })?;
        if let Action::Swap(_) = step.action {
            let took_ms = switched.unwrap_or(took_ms);
            self.recorder.record(about, Kind::Switched { from: plan.live, to: plan.target, took_ms })?;
        }
        Ok(())
    }
}

/// As Ansible: a wave fails when more than this share has failed; one whose every lane failed always does.
fn too_many(failed: usize, all: usize, percentage: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "fleets have fewer than 2^52 hosts")]
    let share = failed as f64 * 100.0 / all as f64;
    failed == all || share > percentage
}

pub(super) fn hidden(error: &StepError) -> StepError {
    StepError {
        message: "it failed; what it said is not shown (no_log)".to_owned(),
        stderr: None,
        hint: error.hint.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_over_the_limit_fails_and_a_share_at_it_does_not() {
        assert!(too_many(1, 2, 0.0));
        assert!(!too_many(1, 2, 50.0));
        assert!(too_many(2, 3, 50.0));
        assert!(too_many(2, 2, 100.0), "nobody is left");
    }
}
