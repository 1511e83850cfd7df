//! A run that its process left: nothing else begins before it is finished or taken back.

use crate::facts::Observed;
use crate::run::{BadRecord, Record};

use super::failure::{Failure, FailureKind};
use super::session::{Session, clock};

/// The newest record on the load balancers.
pub(super) fn newest(observed: &Observed) -> Result<Option<Record>, Failure> {
    let records = observed.hosts.values().filter_map(|facts| facts.records.last_run.as_deref());
    Record::newest(records).map_err(|error| unreadable(&error))
}

/// Whether somebody holds the lock on a load balancer: then the run is under way, not left.
pub(super) fn is_held(observed: &Observed) -> bool {
    observed.hosts.values().any(|facts| facts.records.holder.is_some())
}

/// Refuses to begin anything over a run that was left.
pub(super) fn refuse(session: &Session, observed: &Observed) -> Result<(), Failure> {
    let Some(record) = newest(observed)?.filter(|record| record.is_unfinished() && !is_held(observed)) else {
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
    format!("`{command}` by {by} at {}, {how_far} (run {run})", clock(*at))
}

fn unreadable(error: &BadRecord) -> Failure {
    let hint = match error {
        BadRecord::Newer(_) => "use that version, or a later one",
        BadRecord::Unreadable(_) => {
            "look at the file last-run in bgctl_state_dir on the load balancers; once you know that no run is left \
             half done, move it away"
        }
    };
    Failure::of(FailureKind::NeedsPerson, error).hint(hint)
}
