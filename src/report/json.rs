//! Events for programs.

use std::io::Write;

use super::Report;
use crate::event::Event;
use crate::paint::json;

/// Writes one event a line, each at once.
pub struct Json {
    to: Box<dyn Write + Send>,
}

impl Json {
    /// Writes there: to stdout.
    #[must_use]
    pub fn new(to: Box<dyn Write + Send>) -> Self {
        Self { to }
    }
}

impl Report for Json {
    fn event(&mut self, event: &Event) {
        if let Ok(line) = serde_json::to_string(event) {
            let line = json(&line) + "\n";
            let _ = self.to.write_all(line.as_bytes()).and_then(|()| self.to.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripts::{self, Buffer};
    use super::*;

    #[test]
    fn every_line_is_an_event_that_reads_back() {
        for script in [scripts::success(), scripts::failure(), scripts::interrupted()] {
            let buffer = Buffer::default();
            let mut report = Json::new(Box::new(buffer.clone()));
            for event in &script {
                report.event(event);
            }
            let text = buffer.text();
            let read: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(read, script);
        }
    }

    #[test]
    fn a_line_has_the_promised_keys() {
        let buffer = Buffer::default();
        let mut report = Json::new(Box::new(buffer.clone()));
        for event in &scripts::success() {
            report.event(event);
        }
        for line in buffer.text().lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            for key in ["time", "run", "host", "phase", "task", "event"] {
                assert!(value.get(key).is_some(), "{key} in {line}");
            }
        }
    }
}
