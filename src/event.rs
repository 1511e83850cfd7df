//! Facts about a run, in the past tense. Screen, JSON and journal fold the same events.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{AppName, Color, HostName, Images, ReleaseId, RunId};
use crate::plan::{Counts, Phase};

/// One line of a journal, and of `--output json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in UTC.
    pub time: Timestamp,
    /// In which run.
    pub run: RunId,
    /// On which host, if on one.
    pub host: Option<HostName>,
    /// In which phase, if in one.
    pub phase: Option<Phase>,
    /// Which task, if one.
    pub task: Option<String>,
    /// What.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What happened. Its name is the JSON key `event`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Kind {
    /// The run began.
    RunStarted {
        /// The journal's format.
        format: u32,
        /// The app.
        app: AppName,
        /// What was asked for, as typed after `bgctl`.
        command: String,
        /// Who: `user@machine`.
        by: String,
        /// The color that served.
        live: Option<Color>,
        /// The color it works on.
        target: Color,
        /// The release.
        release: ReleaseId,
        /// Hosts it touches.
        hosts: Vec<HostName>,
        /// Steps in all.
        steps: usize,
    },
    /// The run goes on that another process began, or is taken back.
    TookOver {
        /// Counted from 1, for who began it.
        attempt: u32,
        /// The wave that it had come to.
        wave: usize,
        /// The steps that may have left something behind.
        left: Vec<StepId>,
    },
    /// The lock was taken on a load balancer.
    Locked,
    /// A wave began.
    WaveStarted {
        /// Its number, from 0.
        wave: usize,
        /// Its name.
        name: String,
        /// Its hosts.
        hosts: Vec<HostName>,
    },
    /// A step began; recorded before its effect.
    Started {
        /// Its place in the plan.
        at: StepId,
    },
    /// A check did not succeed yet.
    Waiting {
        /// Its place in the plan.
        at: StepId,
        /// Attempts so far.
        attempt: u32,
        /// Attempts at most.
        of: u32,
        /// What the last one met.
        met: String,
    },
    /// A file is on its way to the host.
    Sending {
        /// Its place in the plan.
        at: StepId,
        /// Bytes that have gone.
        bytes: u64,
        /// Bytes in all.
        of: u64,
    },
    /// A step ended well.
    Ended {
        /// Its place in the plan.
        at: StepId,
        /// Whether it changed the host.
        changed: bool,
        /// A few words for the reader, where there is something to say.
        detail: Option<String>,
        /// How long it took.
        took_ms: u64,
    },
    /// A step failed.
    Failed {
        /// Its place in the plan.
        at: StepId,
        /// Whether the failure does not count (`ignore_errors`).
        ignored: bool,
        /// What was tried and what came of it.
        error: StepError,
        /// How long it took.
        took_ms: u64,
    },
    /// Logs of containers that are about to be taken down.
    Logs {
        /// The compose project.
        project: String,
        /// Their last lines.
        text: String,
    },
    /// Traffic moved on a load balancer, proved by new workers.
    Switched {
        /// From.
        from: Option<Color>,
        /// To.
        to: Color,
        /// From the swap of the link until new workers ran.
        took_ms: u64,
    },
    /// Traffic moved on all of several load balancers.
    AllSwitched {
        /// How many.
        load_balancers: usize,
        /// From the first to the last of them, by this machine's clock: the time between the arrivals of their
        /// reports that new workers run.
        skew_ms: u64,
    },
    /// The undo began.
    UndoStarted {
        /// Why, in a sentence.
        why: String,
    },
    /// A step was taken back.
    Undone {
        /// Its place in the plan.
        at: StepId,
        /// How long it took.
        took_ms: u64,
    },
    /// A step could not be taken back.
    UndoFailed {
        /// Its place in the plan.
        at: StepId,
        /// What was tried and what came of it.
        error: StepError,
    },
    /// Hosts that failed within `max_fail_percentage` were left out of the switch.
    LeftOut {
        /// Those hosts.
        hosts: Vec<HostName>,
    },
    /// A host was asked what it runs of a color.
    Fingerprinted {
        /// The color.
        color: Color,
        /// What runs there.
        images: Images,
    },
    /// All app servers run the same images of a color, from the files that were rendered for it.
    Converged {
        /// The color.
        color: Color,
        /// What runs.
        images: Images,
    },
    /// Something worth saying that is no step.
    Noticed {
        /// The sentence.
        text: String,
    },
    /// Whether there is a way back, after a run that moved traffic.
    Rollback {
        /// Whether there is.
        ready: bool,
        /// By which way: `flip` or `start`.
        how: Option<String>,
        /// Why, in a sentence.
        reason: String,
    },
    /// The run ended.
    RunEnded {
        /// How.
        outcome: Outcome,
        /// The color that is served now, as far as is known.
        live: Option<Color>,
        /// What was done.
        done: Counts,
        /// How long it took.
        took_ms: u64,
    },
}

/// A step's place in its plan: wave, host's lane and step, each from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId {
    /// The wave.
    pub wave: usize,
    /// The lane in it.
    pub lane: usize,
    /// The step in that.
    pub step: usize,
}

/// Why a step failed, for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    /// What was tried and what came of it, in one line.
    pub message: String,
    /// What the host said, if anything.
    pub stderr: Option<String>,
    /// What to do next, where there is something to say.
    pub hint: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All done.
    Done,
    /// It failed and was undone: traffic is where it was.
    Undone,
    /// It was interrupted and undone: traffic is where it was.
    Interrupted,
    /// It failed and could not be undone whole: a person is needed.
    Stuck,
    /// Traffic moved, and something after that failed: a person should look.
    Unsettled,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Undone => "undone",
            Self::Interrupted => "interrupted",
            Self::Stuck => "stuck",
            Self::Unsettled => "unsettled",
        }
    }
}

/// A duration in whole milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
