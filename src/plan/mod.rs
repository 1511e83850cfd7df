//! Everything that will be done, and how each thing would be undone.
//!
//! A [`Wave`] is a barrier across hosts, a [`Lane`] one host's share of it, a [`Step`] one action with its undo.

mod address;
mod build;
mod compare;
mod deed;
mod fill;
mod hosts;
mod idle;
mod json;
mod kept;
mod observe;
mod one_off;
mod project;
mod reopen;
mod scope;
mod seal;
mod show;
mod site;
mod strayed;
mod words;

use serde::{Deserialize, Serialize};

use crate::model::{Action, AppName, Color, HostName, ReleaseId};

pub use build::{Blocked, Request, answers, build, pointers};
pub use hosts::check_hosts;
pub use json::to_json;
pub use kept::open_kept;
pub use observe::{
    Standing, app_servers, archives, check, kept_places, lock_places, never_live, probes, questions,
    release_of, standings,
};
pub use project::kept;
pub use reopen::{Began, KeptPlan, Open, Reopening, Unopened};
pub use scope::Model;
pub use seal::seal;
pub use show::{Show, show, show_undo};
pub use strayed::{strayed, went_live};

/// A plan: a value, printed by `plan`, carried out by `apply`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The app.
    pub app: AppName,
    /// What was asked for.
    pub goal: Goal,
    /// The color that is served now.
    pub live: Option<Color>,
    /// The color that the run works on: staged and switched to, or retired.
    pub target: Color,
    /// The release that the inputs make.
    pub release: ReleaseId,
    /// In order.
    pub waves: Vec<Wave>,
    /// The load balancers, in inventory order: the first one's lock is taken first.
    pub load_balancers: Vec<HostName>,
    /// What each of them was configured for, and what it served.
    #[serde(default)]
    pub standings: Vec<Standing>,
    /// The app servers, in inventory order.
    pub app_servers: Vec<HostName>,
    /// What a reader should know: drift that was noticed, hosts that were left out, what cannot be known yet.
    pub notes: Vec<Note>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Stage, switch, settle.
    Apply,
    /// Stage only.
    Stage,
    /// Switch and settle what is staged.
    Promote,
    /// Back to the other color.
    Rollback,
    /// Back to a kept release, staged again on the other color.
    Restage,
    /// Settle the old color.
    Retire,
    /// All load balancers to this color, as it runs.
    Switch(Color),
}

impl Goal {
    /// The command's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Stage => "apply --stage-only",
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Restage => "rollback --to",
            Self::Retire => "retire",
            Self::Switch(Color::Blue) => "switch --to blue",
            Self::Switch(Color::Green) => "switch --to green",
        }
    }
}

/// Part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// On the idle color, undone when anything fails.
    Stage,
    /// The one moment traffic moves, undone when it cannot be proved.
    Switch,
    /// On the old color; a failure is reported and never moves traffic.
    Settle,
}

impl Phase {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Switch => "switch",
            Self::Settle => "settle",
        }
    }

    /// The word and a wave's name for a heading, without saying one thing twice.
    #[must_use]
    pub fn titled(self, name: &str) -> String {
        if name.eq_ignore_ascii_case(self.as_str()) {
            name.to_lowercase()
        } else {
            format!("{}: {name}", self.as_str())
        }
    }
}

/// A barrier: all its lanes end before the next wave begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// Its phase.
    pub phase: Phase,
    /// The play's name, with the batch where there are several.
    pub name: String,
    /// It fails when more than this share of its lanes has failed, in percent.
    pub max_fail_percentage: f64,
    /// One for each host, side by side.
    pub lanes: Vec<Lane>,
}

/// One host's share of a wave: its steps one after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// The host.
    pub host: HostName,
    /// In order; the first failure ends the lane.
    pub steps: Vec<Step>,
    /// Tasks that need nothing done here, for the reader.
    pub skipped: Vec<Skipped>,
}

/// One action and its undo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The task's name.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// How it is taken back.
    pub undo: Undo,
    /// How sure the plan is of it.
    pub certainty: Certainty,
    /// Whom it becomes on the host; `None`: nobody else.
    pub escalate: Option<String>,
    /// The deadline of each remote operation in it, in seconds; `None`: the action's usual one.
    pub timeout: Option<std::time::Duration>,
    /// Its failure is reported and does not count.
    pub ignore_errors: bool,
    /// Its content and output are not shown.
    pub no_log: bool,
    /// What a file is like now, for the diff; `None` where it does not exist or nothing is written.
    pub before: Option<String>,
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every undo is an action: a box would serve the few others"
)]
pub enum Undo {
    /// By this.
    Reverse(Action),
    /// It leaves nothing to take back.
    NotNeeded,
    /// It cannot be taken back: the run does what it can around it and says so.
    Impossible(String),
}

/// Where a line of the plan comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Read on the host.
    Observed,
    /// Worked out from files and facts.
    Computed,
    /// Only the run itself will tell: an image tag that may have moved.
    Unknowable,
}

/// A task that needs nothing done on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The task's name.
    pub name: String,
    /// Why, in a few words.
    pub why: String,
}

/// Something a reader should know before saying yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Where it comes from.
    pub certainty: Certainty,
    /// The host it concerns, if one.
    pub host: Option<HostName>,
    /// The sentence.
    pub text: String,
}

/// What a plan comes to, for its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Compose projects brought up.
    pub recreate: usize,
    /// Files written.
    pub files: usize,
    /// Load balancers switched.
    pub switch: usize,
    /// Compose projects stopped or removed.
    pub retire: usize,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps().next().is_none()
    }

    /// Whether its settle brings the old color to what is live.
    #[must_use]
    pub fn refreshes(&self) -> bool {
        let settle = self.waves.iter().filter(|wave| wave.phase == Phase::Settle);
        let mut steps = settle.flat_map(|wave| &wave.lanes).flat_map(|lane| &lane.steps);
        steps.any(|step| matches!(step.action, Action::ComposeUp(_)))
    }

    /// All steps, with their host, in the order in which they stand.
    pub fn steps(&self) -> impl Iterator<Item = (&HostName, &Step)> {
        let lanes = self.waves.iter().flat_map(|wave| &wave.lanes);
        lanes.flat_map(|lane| lane.steps.iter().map(move |step| (&lane.host, step)))
    }

    /// The hosts that a wave touches, each once, in the plan's order.
    #[must_use]
    pub fn hosts(&self) -> Vec<&HostName> {
        let mut hosts: Vec<&HostName> = Vec::new();
        for (host, _) in self.steps() {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }

    /// The color that a load balancer served.
    #[must_use]
    pub fn served_by(&self, host: &HostName) -> Option<Color> {
        let standing = self.standings.iter().find(|standing| standing.host == *host);
        standing.map_or(self.live, |standing| standing.served.or(standing.configured))
    }

    /// What it comes to.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, step) in self.steps() {
            counts.add(Counts::of(&step.action));
        }
        counts
    }
}

impl Counts {
    /// What one action comes to.
    #[must_use]
    pub fn of(action: &Action) -> Self {
        let mut counts = Self::default();
        match action {
            Action::ComposeUp(_) => counts.recreate = 1,
            Action::PutFile(_) | Action::RestoreFile { .. } | Action::RemoveFile { .. } => counts.files = 1,
            Action::Swap(_) => counts.switch = 1,
            Action::ComposeDown(_) | Action::ComposeStop(_) => counts.retire = 1,
            _ => {}
        }
        counts
    }

    /// Adds others to these.
    pub fn add(&mut self, other: Self) {
        self.recreate += other.recreate;
        self.files += other.files;
        self.switch += other.switch;
        self.retire += other.retire;
    }
}
