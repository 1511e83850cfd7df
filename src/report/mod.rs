//! What a run tells while it runs: listeners that fold the same events.

mod ending;
mod human;
mod json;
mod lines;
mod live;
mod runs;
mod tally;

#[cfg(test)]
mod scripts;

pub use human::{Human, Options};
pub use json::Json;
pub use tally::{HostTally, Tally};

use crate::event::Event;

/// A listener. It never fails: a screen that has gone must not end a run.
pub trait Report: Send {
    /// Takes note of what happened.
    fn event(&mut self, event: &Event);
}
