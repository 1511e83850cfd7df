//! What a run has come to so far.

use indexmap::IndexMap;

use crate::event::{Event, Kind, Outcome};
use crate::model::{AppName, Color, HostName, Images, ReleaseId};
use crate::plan::Counts;

/// One host's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HostTally {
    /// Steps that ended well, changed or not.
    pub ok: usize,
    /// Of those, the ones that changed the host.
    pub changed: usize,
    /// Steps that failed and count.
    pub failed: usize,
    /// Steps that failed and do not count.
    pub ignored: usize,
    /// Steps that were taken back.
    pub undone: usize,
    /// Steps that could not be taken back.
    pub stuck: usize,
}

/// How the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// The app.
    pub app: AppName,
    /// The command as typed after `bgctl`.
    pub command: String,
    /// The color that served.
    pub live: Option<Color>,
    /// The color it works on.
    pub target: Color,
    /// The release.
    pub release: ReleaseId,
}

impl Beginning {
    /// The command's first word.
    pub(super) fn verb(&self) -> &str {
        self.command.split_whitespace().next().unwrap_or_default()
    }
}

/// How the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// How.
    pub outcome: Outcome,
    /// The color that is served now, as far as is known.
    pub live: Option<Color>,
    /// What was done.
    pub done: Counts,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A fold over a run's events.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How it began.
    pub beginning: Option<Beginning>,
    /// Each host's share, in the order of the plan.
    pub hosts: IndexMap<HostName, HostTally>,
    /// Steps in the plan.
    pub steps: usize,
    /// Steps that ended, well or not.
    pub over: usize,
    /// Whether the undo has begun.
    pub undoing: bool,
    /// What could not be taken back: host and task.
    pub stuck: Vec<(HostName, String)>,
    /// What a reader of the result should know: host and sentence.
    pub notes: Vec<(HostName, String)>,
    /// What each host runs of the color that the run works on, where that was asked.
    pub runs: IndexMap<HostName, Images>,
    /// How many load balancers switched, and within how many milliseconds, where there are several.
    pub skew: Option<(usize, u64)>,
    /// How it ended, once it has.
    pub ending: Option<Ending>,
}

impl Tally {
    /// Takes note of an event.
    pub fn event(&mut self, event: &Event) {
        match &event.kind {
            Kind::RunStarted { app, command, live, target, release, hosts, steps, .. } => {
                let (app, command, release) = (app.clone(), command.clone(), release.clone());
                self.beginning = Some(Beginning { app, command, live: *live, target: *target, release });
                self.hosts = hosts.iter().map(|host| (host.clone(), HostTally::default())).collect();
                self.steps = *steps;
            }
            Kind::UndoStarted { .. } => {
                self.undoing = true;
                self.skew = None;
            }
            Kind::AllSwitched { load_balancers, skew_ms } => self.skew = Some((*load_balancers, *skew_ms)),
            Kind::UndoFailed { .. } => {
                let task = event.task.clone().unwrap_or_default();
                self.stuck.extend(event.host.clone().map(|host| (host, task)));
            }
            Kind::Noticed { text } => {
                self.notes.extend(event.host.clone().map(|host| (host, text.clone())));
            }
            Kind::Fingerprinted { images, .. } => {
                self.runs.extend(event.host.clone().map(|host| (host, images.clone())));
            }
            Kind::RunEnded { outcome, live, done, took_ms } => {
                self.ending = Some(Ending { outcome: *outcome, live: *live, done: *done, took_ms: *took_ms });
            }
            Kind::Ended { .. } | Kind::Failed { .. } => self.over += 1,
            _ => {}
        }
        if let Some(host) = &event.host {
            count(self.hosts.entry(host.clone()).or_default(), &event.kind);
        }
    }

    /// All hosts together.
    #[must_use]
    pub fn total(&self) -> HostTally {
        self.hosts.values().fold(HostTally::default(), |sum, host| HostTally {
            ok: sum.ok + host.ok,
            changed: sum.changed + host.changed,
            failed: sum.failed + host.failed,
            ignored: sum.ignored + host.ignored,
            undone: sum.undone + host.undone,
            stuck: sum.stuck + host.stuck,
        })
    }

    /// Hosts on which something changed.
    #[must_use]
    pub fn changed_hosts(&self) -> usize {
        self.hosts.values().filter(|host| host.changed > 0).count()
    }
}

fn count(host: &mut HostTally, kind: &Kind) {
    match kind {
        Kind::Ended { changed, .. } => {
            host.ok += 1;
            host.changed += usize::from(*changed);
        }
        Kind::Failed { ignored: true, .. } => host.ignored += 1,
        Kind::Failed { .. } => host.failed += 1,
        Kind::Undone { .. } => host.undone += 1,
        Kind::UndoFailed { .. } => host.stuck += 1,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripts;
    use super::*;

    #[test]
    fn a_failed_run_adds_up() {
        let mut tally = Tally::default();
        for event in &scripts::failure() {
            tally.event(event);
        }
        let app2: HostName = "app2".parse().unwrap();
        let total = HostTally { ok: 4, changed: 4, failed: 1, ignored: 0, undone: 4, stuck: 0 };
        assert_eq!(tally.total(), total);
        assert_eq!(tally.hosts[&app2].failed, 1);
        assert_eq!((tally.changed_hosts(), tally.over), (2, 5));
        assert_eq!(tally.ending.unwrap().outcome, Outcome::Undone);
        assert_eq!(tally.hosts.len(), 3);
    }
}
