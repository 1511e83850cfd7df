//! Who listens to a run.

use crate::event::Event;

/// A listener: it is told of every event, after it was written down.
pub trait Report: Send {
    /// One more event.
    fn event(&mut self, event: &Event);
}
