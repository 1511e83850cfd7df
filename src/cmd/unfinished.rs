//! A run that its process left: nothing else begins before it is finished or taken back.

use crate::facts::Observed;
use crate::paint::one_line;
use crate::run::{BadRecord, Disagreement, LastRun, Record};

use super::failure::{Failure, FailureKind};
use super::session::{Session, clock};

/// The last run, as all load balancers tell it.
pub(super) fn last(observed: &Observed) -> Result<Option<LastRun>, Failure> {
    LastRun::of(observed).map_err(|error| unusable(&error))
}

/// The newest record on the load balancers.
pub(super) fn newest(observed: &Observed) -> Result<Option<Record>, Failure> {
    Ok(last(observed)?.map(|last| last.record))
}

/// Whether somebody holds the lock on a load balancer: then the run is under way, not left. Nobody else is asked for it.
pub(super) fn is_held(observed: &Observed) -> bool {
    observed.hosts.values().any(|facts| facts.records.holder.is_some())
}

/// Whose lock it is while this is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locked {
    /// Somebody else's, or nobody's.
    NotByUs,
    /// Ours: then no other run is under way, whatever a load balancer says.
    ByUs,
}

/// Refuses to begin anything over a run that was left.
pub(super) fn refuse(session: &Session, observed: &Observed, locked: Locked) -> Result<(), Failure> {
    let is_under_way = locked == Locked::NotByUs && is_held(observed);
    let Some(record) = newest(observed)?.filter(|record| record.is_unfinished() && !is_under_way) else {
        return Ok(());
    };
    let error = format!("a run did not end: {}; nothing was done", words(&record));
    let selection = session.cli.selection();
    let failure = Failure::new(FailureKind::NeedsPerson, error);
    if !record.can_resume() {
        return Err(failure.hint("its undo is finished by").run(format!("bgctl abort {selection}")));
    }
    Err(failure
        .hint("take it back, or go on with it (with the same files and -e)")
        .run(format!("bgctl abort {selection}"))
        .run(format!("bgctl resume {selection}")))
}

/// A run in words: who, what, when, how far.
pub(super) fn words(record: &Record) -> String {
    let Record { by, command, at, run, .. } = record;
    let how_far = match &record.reached {
        None => "before its first step".to_owned(),
        Some(reached) => {
            let undoing = if reached.undoing { ", taking it back" } else { "" };
            let (wave, waves) = (reached.wave + 1, reached.waves);
            format!("in {} (wave {wave} of {waves}{undoing})", reached.phase.as_str())
        }
    };
    one_line(&format!("`{command}` by {by} at {}, {how_far} (run {run})", clock(*at)))
}

/// Why what load balancers keep cannot be gone by.
pub(super) fn unusable(error: &Disagreement) -> Failure {
    let failure = Failure::of(FailureKind::NeedsPerson, error);
    match error {
        Disagreement::Bad(_, BadRecord::Newer(_)) => failure.hint("use that version, or a later one"),
        Disagreement::Bad(..) => failure.hint(
            "look at the file last-run in bgctl_state_dir on that load balancer; once you know that no run is left \
             half done, move it away",
        ),
        Disagreement::Keys(lines) => failure.lines(lines).hint(
            "nothing was done: what was made with one key means nothing with another. Find out which one is the app's (a \
             load balancer of another fleet brings its own), and move the file key in bgctl_state_dir of the other one away",
        ),
        Disagreement::Records(lines) => failure.lines(lines).hint(
            "nothing was done: no load balancer decides for the others. Find out which of them is right, and why the \
             other is not; then move the files last-run and plan in bgctl_state_dir of that one away",
        ),
    }
}
