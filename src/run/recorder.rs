//! Every event goes through here: is it legal, is it on disk, who wants to see it.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::event::{Event, Kind};
use crate::journal::{Illegal, Journal, RunState};
use crate::model::{HostName, RunId};
use crate::plan::Phase;
use crate::report::Report;

/// The run can no longer be recorded, so nothing more may be done.
#[derive(Debug, thiserror::Error)]
pub enum Unrecorded {
    /// The journal cannot be written.
    #[error("the journal cannot be written")]
    Journal(#[from] std::io::Error),
    /// The engine broke its own rules.
    #[error("the run broke its own rules")]
    Illegal(#[from] Illegal),
}

/// Folds, writes and shows events, in that order.
pub struct Recorder<'a> {
    run: RunId,
    clock: fn() -> Timestamp,
    inner: Mutex<Inner<'a>>,
}

struct Inner<'a> {
    state: RunState,
    journal: Option<Journal>,
    reports: Vec<&'a mut dyn Report>,
}

/// What an event is about.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The host, if one.
    pub host: Option<HostName>,
    /// The phase, if one.
    pub phase: Option<Phase>,
    /// The task's name, if one.
    pub task: Option<String>,
}

impl<'a> Recorder<'a> {
    /// A recorder for one run. Without a journal nothing is kept: for tests only.
    #[must_use]
    pub fn new(
        run: RunId,
        clock: fn() -> Timestamp,
        journal: Option<Journal>,
        reports: Vec<&'a mut dyn Report>,
    ) -> Self {
        Self { run, clock, inner: Mutex::new(Inner { state: RunState::default(), journal, reports }) }
    }

    /// Records an event; when this returns `Ok`, it is on disk.
    pub fn record(&self, about: About, kind: Kind) -> Result<(), Unrecorded> {
        let About { host, phase, task } = about;
        let event = Event { time: (self.clock)(), run: self.run.clone(), host, phase, task, kind };
        // A panic of one lane leaves the state whole: it is changed in single steps.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.state.fold(&event)?;
        if let Some(journal) = &mut inner.journal {
            // Attempts of a check and the progress of a file are for the screen: they say nothing about what is to be undone.
            if !matches!(event.kind, Kind::Waiting { .. } | Kind::Sending { .. }) {
                journal.append(&event)?;
            }
        }
        for report in &mut inner.reports {
            report.event(&event);
        }
        Ok(())
    }

    /// What the events add up to so far.
    #[must_use]
    pub fn state(&self) -> RunState {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).state.clone()
    }
}
