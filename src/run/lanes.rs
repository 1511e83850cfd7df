//! One wave forward: its lanes side by side, each lane's steps one after another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::event::{Kind, StepId, millis};
use crate::model::{Action, HostName, Images};
use crate::plan::{Counts, Lane, Phase, Plan, Step, Wave};

use super::perform::{Done, Performance};
use super::recorder::{About, Unrecorded};
use super::secrecy;
use super::takeover::again;
use super::{Course, Engine, Setback, find, numbered};

/// How a lane ended.
struct LaneEnd {
    host: HostName,
    counts: Counts,
    /// The first failure, where there was one.
    failure: Option<String>,
    /// When its load balancer said that traffic had moved there.
    moved: Option<Instant>,
    /// Hosts that did not answer it as they should, and which question that was.
    unheard: Vec<(HostName, String)>,
    /// What it runs, where the lane asked.
    images: Option<Images>,
}

impl Engine<'_> {
    /// Runs a wave; `Some` when it makes the run turn back. Hosts that failed within the limit are put down
    /// again at once and added to `left_out`.
    pub(super) async fn wave(
        &self,
        plan: &Plan,
        index: usize,
        course: &mut Course,
    ) -> Result<Option<Setback>, Unrecorded> {
        let Some(wave) = plan.waves.get(index) else { return Ok(None) };
        let over = index < course.from;
        let left_out = &course.left_out;
        let gets_traffic = |host: &HostName| !left_out.contains(host);
        let wanted = |step: &Step| {
            let again = course.recheck && wave.phase == Phase::Stage && again(step);
            (!over || again) && subject(step).is_none_or(gets_traffic)
        };
        let lanes: Vec<(usize, &Lane)> = wave
            .lanes
            .iter()
            .enumerate()
            .filter(|(_, lane)| !left_out.contains(&lane.host) && lane.steps.iter().any(wanted))
            .collect();
        if lanes.is_empty() {
            return Ok(None);
        }
        let hosts = lanes.iter().map(|(_, lane)| lane.host.clone()).collect();
        let about = About { phase: Some(wave.phase), ..About::default() };
        self.recorder.record(about, Kind::WaveStarted { wave: index, name: wave.name.clone(), hosts })?;
        let failed = AtomicBool::new(false);
        let runs = lanes.iter().map(|(lane, value)| {
            let steps = numbered(index, *lane, &value.steps).filter(|(_, step)| wanted(step)).collect();
            self.lane(plan, wave, &value.host, steps, &failed)
        });
        let ends: Vec<LaneEnd> = stream::iter(runs).buffer_unordered(self.forks.max(1)).try_collect().await?;
        for end in &ends {
            course.counts.add(end.counts);
        }
        self.tell_skew(&ends)?;
        let seen: BTreeMap<HostName, Images> =
            ends.iter().filter_map(|end| Some((end.host.clone(), end.images.clone()?))).collect();
        match self.judge(plan, wave, ends, &mut course.left_out).await? {
            None => {
                let seen = seen.into_iter().filter(|(host, _)| !course.left_out.contains(host)).collect();
                self.compare(plan, wave, &seen)
            }
            setback => Ok(setback),
        }
    }

    /// How far apart in time traffic moved on several load balancers, as their answers came in here.
    fn tell_skew(&self, ends: &[LaneEnd]) -> Result<(), Unrecorded> {
        let moved = || ends.iter().filter_map(|end| end.moved);
        let (Some(first), Some(last)) = (moved().min(), moved().max()) else { return Ok(()) };
        let hosts = moved().count();
        if hosts < 2 || hosts < ends.len() {
            return Ok(());
        }
        let skew_ms = millis(last.duration_since(first));
        let about = About { phase: Some(Phase::Switch), ..About::default() };
        self.recorder.record(about, Kind::AllSwitched { load_balancers: hosts, skew_ms })
    }

    async fn judge(
        &self,
        plan: &Plan,
        wave: &Wave,
        ends: Vec<LaneEnd>,
        left_out: &mut Vec<HostName>,
    ) -> Result<Option<Setback>, Unrecorded> {
        let (all, already, failed) = failures(wave, ends, left_out);
        let Some(first) = failed.first() else { return Ok(None) };
        if self.stop.is_cancelled() {
            return Ok(Some(Setback::Interrupted));
        }
        if wave.phase != Phase::Stage || too_many(already + failed.len(), all, wave.max_fail_percentage) {
            let others = failed.len() - 1;
            let more = if others == 0 { String::new() } else { format!(" (and {others} more)") };
            return Ok(Some(Setback::Failed(format!("{} failed on {}{more}", first.what, first.on))));
        }
        let failed: Vec<HostName> = failed.into_iter().map(|failure| failure.host).collect();
        let theirs: Vec<StepId> = self.recorder.state().to_undo();
        let theirs: Vec<StepId> = theirs
            .into_iter()
            .filter(|at| find(plan, *at).is_some_and(|(_, lane, _)| failed.contains(&lane.host)))
            .collect();
        if !self.put_down(plan, &theirs).await? {
            return Ok(Some(Setback::Failed("a host that failed could not be put down again".to_owned())));
        }
        left_out.extend(failed);
        Ok(None)
    }

    async fn lane(
        &self,
        plan: &Plan,
        wave: &Wave,
        host: &HostName,
        steps: Vec<(StepId, &Step)>,
        failed: &AtomicBool,
    ) -> Result<LaneEnd, Unrecorded> {
        let (counts, unheard) = (Counts::default(), Vec::new());
        let mut end =
            LaneEnd { host: host.clone(), counts, failure: None, moved: None, unheard, images: None };
        for (at, step) in steps {
            if self.stop.is_cancelled() {
                end.failure = Some("interrupted".to_owned());
                break;
            }
            // The wave is lost already: traffic that still is where it was had better stay there.
            if matches!(step.action, Action::Swap(_)) && failed.load(Ordering::Relaxed) {
                break;
            }
            let done = self.step(plan, wave.phase, host, at, step).await?;
            if let Some(images) = done {
                end.counts.add(Counts::of(&step.action));
                end.moved = end.moved.or(matches!(step.action, Action::Swap(_)).then(Instant::now));
                if let Some(images) = images {
                    end.images.get_or_insert_default().0.extend(images.0);
                }
            } else if let (Some(of), false) = (subject(step), step.ignore_errors) {
                // It says nothing about the other hosts that this lane asks.
                end.unheard.push((of.clone(), format!("`{}`", step.name)));
            } else if !step.ignore_errors {
                end.failure = Some(format!("`{}`", step.name));
                failed.store(true, Ordering::Relaxed);
                break;
            }
        }
        Ok(end)
    }

    /// One step: recorded, then done, then recorded. `None` when it failed; else what it saw running, where it
    /// asked.
    async fn step(
        &self,
        plan: &Plan,
        phase: Phase,
        host: &HostName,
        at: StepId,
        step: &Step,
    ) -> Result<Option<Option<Images>>, Unrecorded> {
        let about = About { host: Some(host.clone()), phase: Some(phase), task: Some(step.name.clone()) };
        self.recorder.record(about.clone(), Kind::Started { at })?;
        let began = Instant::now();
        let waiting = |attempt, of, met: String| {
            let met = secrecy::text(step, met);
            // Only the screen cares; a journal that fails is met at the step's end.
            let _ = self.recorder.record(about.clone(), Kind::Waiting { at, attempt, of, met });
        };
        let sending = |bytes, of| {
            let _ = self.recorder.record(about.clone(), Kind::Sending { at, bytes, of });
        };
        let performance = Performance {
            remote: self.remote,
            host,
            escalate: self.escalation(host, step.escalate.as_ref()),
            timeout: step.timeout,
            stop: self.stop,
            waiting: &waiting,
            sending: &sending,
            logins: plan.logins(at.wave, at.lane, at.step),
        };
        let result = performance.perform(&step.action).await;
        let took_ms = millis(began.elapsed());
        match result {
            Ok(mut done) => {
                let images = done.images.take();
                self.succeeded(plan, about.clone(), at, step, done, took_ms)?;
                if let Some(images) = images.clone() {
                    let color = plan.target;
                    self.recorder.record(about, Kind::Fingerprinted { color, images })?;
                }
                Ok(Some(images))
            }
            Err(error) => {
                let error = secrecy::error(step, error);
                let failed = Kind::Failed { at, ignored: step.ignore_errors, error, took_ms };
                self.recorder.record(about, failed).map(|()| None)
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
        if let Some(text) = done.notice.map(|text| secrecy::text(step, text)) {
            self.recorder.record(about.clone(), Kind::Noticed { text })?;
        }
        if let Action::Swap(_) = step.action {
            let took_ms = switched.unwrap_or(took_ms);
            let from = about.host.as_ref().map_or(plan.live, |host| plan.served_by(host));
            self.recorder.record(about, Kind::Switched { from, to: plan.target, took_ms })?;
        }
        Ok(())
    }
}

/// A host that is not as it should be.
struct Failure {
    host: HostName,
    what: String,
    /// Where that was met: on the host itself, or on one that asked it.
    on: HostName,
}

/// Of how many hosts a wave is, how many of those had failed before, and which failed now, each once.
fn failures(wave: &Wave, ends: Vec<LaneEnd>, left_out: &[HostName]) -> (usize, usize, Vec<Failure>) {
    let asked: BTreeSet<&HostName> =
        wave.lanes.iter().flat_map(|lane| &lane.steps).filter_map(subject).collect();
    let all = if asked.is_empty() { ends.len() } else { asked.len() };
    let mut failed: Vec<Failure> = Vec::new();
    for LaneEnd { host: on, failure, unheard, .. } in ends {
        let own = failure.into_iter().map(|what| (on.clone(), what));
        for (host, what) in own.chain(unheard) {
            if failed.iter().all(|failure| failure.host != host) {
                failed.push(Failure { host, what, on: on.clone() });
            }
        }
    }
    let already = asked.iter().filter(|host| left_out.contains(host)).count();
    (all, already, failed)
}

/// The host that a step asks from another one.
pub(super) fn subject(step: &Step) -> Option<&HostName> {
    match &step.action {
        Action::Check(check) => check.of.as_ref(),
        _ => None,
    }
}

/// As Ansible: a wave fails when more than this share has failed; one whose every lane failed always does.
fn too_many(failed: usize, all: usize, percentage: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "fleets have fewer than 2^52 hosts")]
    let share = failed as f64 * 100.0 / all as f64;
    failed == all || share > percentage
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
