//! What the load balancers keep of a run, so that anybody can see it, finish it or take it back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::event::Outcome;
use crate::model::{Color, HostName, Images, ReleaseId, RunId};
use crate::plan::{Began, Goal, Phase};

/// The format that this version writes and reads.
const FORMAT: u32 = 1;
/// No app has been deployed so often: who counts further wants to be the newest for good.
const MOST: u64 = 1 << 48;
/// No plan has so many waves.
const MOST_WAVES: usize = 1 << 20;

/// A run's record. The newest of several is the one with the highest number, whatever clocks say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its format.
    pub format: u32,
    /// Counted up with every record that is written for an app.
    pub number: u64,
    /// Which run.
    pub run: RunId,
    /// 1 for who began it; each `resume` and `abort` counts one up.
    pub attempt: u32,
    /// What was asked for.
    pub goal: Goal,
    /// `user@machine`.
    pub by: String,
    /// What was typed after `bgctl`.
    pub command: String,
    /// When this attempt began or ended, by the clock of who writes it, in UTC.
    pub at: Timestamp,
    /// How far it has come; `None`: it has done nothing yet.
    pub reached: Option<Reached>,
    /// How it ended; `None`: it began, and nobody wrote down its end.
    pub outcome: Option<Outcome>,
    /// The color that holds a release which never was live: staged only, or left by a run that was killed.
    pub staged: Option<Color>,
    /// The color of such a release before the run.
    pub staged_before: Option<Color>,
    /// The color that was served before.
    pub before: Option<Color>,
    /// The color that is served now, as far as is known.
    pub live: Option<Color>,
    /// The color that it works on.
    pub target: Color,
    /// The release that it is about.
    pub release: ReleaseId,
    /// What the target ran when it was let pass to the switch.
    #[serde(default)]
    pub passed: Option<Images>,
    /// The hashes of the plan that load balancers keep of it; of two while hosts are being left out.
    #[serde(default)]
    pub plans: Vec<String>,
    /// Whether its settle brings the old color to what is live.
    #[serde(default)]
    pub refreshes: bool,
    /// What each color ran when it last went live.
    #[serde(default)]
    pub went_live: BTreeMap<Color, WentLive>,
}

/// A color as it was when traffic moved to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WentLive {
    /// The release that it held.
    pub release: ReleaseId,
    /// When the run ended that moved traffic to it, in UTC.
    pub at: Timestamp,
    /// What it ran.
    pub images: Images,
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The phase of its wave.
    pub phase: Phase,
    /// The furthest wave that it was about to begin, from 0; while it is taken back, the first one that is not.
    pub wave: usize,
    /// Waves in all.
    pub waves: usize,
    /// Whether its undo has begun.
    pub undoing: bool,
    /// Hosts that failed within `max_fail_percentage` and get no traffic.
    pub left_out: Vec<HostName>,
}

/// Why a record cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// A newer version wrote it.
    #[error("a newer bgctl wrote the record of the last run (format {0})")]
    Newer(u64),
    /// It makes no sense.
    #[error("the record of the last run cannot be read: {0}")]
    Unreadable(String),
}

/// What a run is like that begins.
#[derive(Debug, Clone)]
pub struct Beginning<'a> {
    /// The plan.
    pub plan: &'a crate::plan::Plan,
    /// Which run.
    pub run: RunId,
    /// `user@machine`.
    pub by: String,
    /// What was typed after `bgctl`.
    pub command: String,
    /// When.
    pub at: Timestamp,
    /// The color that holds a release which never was live.
    pub staged: Option<Color>,
    /// The newest record so far.
    pub last: Option<&'a Record>,
}

impl Record {
    /// The record of a run that begins.
    #[must_use]
    pub fn begin(beginning: Beginning<'_>) -> Self {
        let Beginning { plan, run, by, command, at, staged, last } = beginning;
        let mut record = Self {
            format: FORMAT,
            number: last.map_or(1, |last| last.number.saturating_add(1)),
            run,
            attempt: 1,
            goal: plan.goal,
            by,
            command,
            at,
            reached: None,
            outcome: None,
            staged,
            staged_before: staged,
            before: plan.live,
            live: plan.live,
            target: plan.target,
            release: plan.release.clone(),
            passed: None,
            plans: Vec::new(),
            refreshes: plan.refreshes(),
            went_live: last.map(|last| last.went_live.clone()).unwrap_or_default(),
        };
        record.staged = record.staged_after(None);
        record
    }

    /// The record of the same run when somebody else, or somebody again, takes it over.
    #[must_use]
    pub fn taken_over(&self, by: String, command: String, at: Timestamp) -> Self {
        let (number, attempt) = (self.number.saturating_add(1), self.attempt.saturating_add(1));
        Self { number, attempt, by, command, at, outcome: None, ..self.clone() }
    }

    /// The record of the run that ended so.
    #[must_use]
    pub fn ended(&self, outcome: Outcome, live: Option<Color>, at: Timestamp) -> Self {
        let staged = self.staged_after(Some(outcome));
        let number = self.number.saturating_add(1);
        let mut went_live = self.went_live.clone();
        if matches!(outcome, Outcome::Done | Outcome::Unsettled) && live == Some(self.target) {
            went_live.extend(self.moved(at).map(|moved| (self.target, moved)));
            let refreshed = went_live.get(&self.target).filter(|_| self.refreshes).cloned();
            went_live.extend(refreshed.map(|refreshed| (self.target.other(), refreshed)));
        }
        Self { number, at, outcome: Some(outcome), live, staged, went_live, ..self.clone() }
    }

    /// What the target ran as traffic moved to it. A run that renders nothing leaves the release as it was.
    fn moved(&self, at: Timestamp) -> Option<WentLive> {
        let before = self.went_live.get(&self.target).map(|before| &before.release);
        // Another release was staged over it, and then moved to by hand.
        let before = before.filter(|_| self.staged_before != Some(self.target));
        let release = self.release.known().or(before).unwrap_or(&self.release).clone();
        Some(WentLive { release, at, images: self.passed.clone()? })
    }

    /// The record one step further. Who goes on with a run passes waves again that it had come to before; what was
    /// done beyond them is there until it is taken back.
    #[must_use]
    pub fn further(&self, reached: Reached) -> Self {
        let reached = match &self.reached {
            Some(before) if !reached.undoing && before.wave > reached.wave => {
                Reached { phase: before.phase, wave: before.wave, ..reached }
            }
            _ => reached,
        };
        Self { number: self.number.saturating_add(1), reached: Some(reached), ..self.clone() }
    }

    /// The record of the run whose plan this is from here on.
    #[must_use]
    pub fn planned(&self, plan: &str) -> Self {
        let mut record = Self { number: self.number.saturating_add(1), ..self.clone() };
        let hash = plan_hash(plan);
        record.plans.retain(|known| *known != hash);
        record.plans.push(hash);
        record
    }

    /// What the run was asked for: what its kept plan is held against.
    #[must_use]
    pub fn began(&self) -> Began<'_> {
        Began {
            goal: self.goal,
            live: self.before,
            target: self.target,
            release: &self.release,
            left_out: self.reached.as_ref().map_or(&[][..], |reached| &reached.left_out),
        }
    }

    /// Whether it can still be gone on with: once traffic may be on its way back, only the way back is left. An undo
    /// of the settle alone has moved none.
    #[must_use]
    pub fn can_resume(&self) -> bool {
        self.reached.as_ref().is_none_or(|reached| !reached.undoing || reached.phase == Phase::Settle)
    }

    /// Whether it left something that must be finished or taken back before anything else.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.reached.is_some() && matches!(self.outcome, None | Some(Outcome::Stuck))
    }

    /// Reads a record as it was written.
    pub fn read(text: &str) -> Result<Self, BadRecord> {
        let unreadable = |error: serde_json::Error| BadRecord::Unreadable(error.to_string());
        let value: serde_json::Value = serde_json::from_str(text).map_err(unreadable)?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format > u64::from(FORMAT) => return Err(BadRecord::Newer(format)),
            _ => {}
        }
        let record: Self = serde_json::from_value(value).map_err(unreadable)?;
        if record.number > MOST {
            return Err(BadRecord::Unreadable(format!("it would be the {}th of its app", record.number)));
        }
        if let Some(reached) = record.reached.as_ref().filter(|it| it.wave.max(it.waves) > MOST_WAVES) {
            return Err(BadRecord::Unreadable(format!(
                "it has come to wave {} of {}",
                reached.wave, reached.waves
            )));
        }
        Ok(record)
    }

    /// The color that holds a release which never was live, after this outcome, or while there is none yet.
    fn staged_after(&self, outcome: Option<Outcome>) -> Option<Color> {
        let moved = matches!(outcome, Some(Outcome::Done | Outcome::Unsettled));
        let undone = matches!(outcome, Some(Outcome::Undone | Outcome::Interrupted));
        match self.goal {
            Goal::Switch(color) if moved && self.staged_before == Some(color) => None,
            // What traffic was moved to by hand has been live.
            Goal::Switch(_) if moved => self.staged_before.filter(|color| *color != self.target),
            Goal::Rollback | Goal::Retire | Goal::Switch(_) => self.staged_before,
            Goal::Apply | Goal::Stage | Goal::Restage if undone => self.staged_before,
            Goal::Apply | Goal::Promote | Goal::Restage if moved => None,
            Goal::Apply | Goal::Promote | Goal::Stage | Goal::Restage => Some(self.target),
        }
    }
}

/// What stands for a plan in its run's record.
pub(super) fn plan_hash(plan: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(plan))
}

#[cfg(test)]
pub(super) mod tests;
