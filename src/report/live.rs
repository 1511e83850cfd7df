//! Lines that move: one for each of a few hosts that are being worked on, and a summary beneath.

use std::time::Duration;

use console::measure_text_width;
use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::Tally;
use super::lines::progress;
use crate::event::{Event, Kind};
use crate::model::HostName;
use crate::paint::{Paint, one_line};

/// Hosts that have a line of their own at a time.
const SHOWN: usize = 10;
/// Between two turns of a spinner.
const TURN: Duration = Duration::from_millis(100);

/// The moving part of the screen, on stderr. What is finished scrolls away above it.
pub(super) struct Live {
    paint: Paint,
    screen: MultiProgress,
    summary: Option<ProgressBar>,
    /// What each busy host is at and since when, first come first.
    busy: IndexMap<HostName, (String, Timestamp)>,
    shown: IndexMap<HostName, ProgressBar>,
    phase: &'static str,
    now: Timestamp,
    host_width: usize,
}

impl Live {
    pub(super) fn new(paint: Paint) -> Self {
        let screen = MultiProgress::new();
        let (busy, shown) = (IndexMap::new(), IndexMap::new());
        Self {
            paint,
            screen,
            summary: None,
            busy,
            shown,
            phase: "",
            now: Timestamp::UNIX_EPOCH,
            host_width: 0,
        }
    }

    /// Prints finished lines above, and brings the moving ones up to date.
    pub(super) fn show(&mut self, event: &Event, tally: &Tally, lines: &[String]) {
        if let Some(phase) = event.phase {
            self.phase = phase.as_str();
        }
        self.now = event.time;
        self.host_width = tally.hosts.keys().map(|host| measure_text_width(host.as_str())).max().unwrap_or(0);
        self.follow(event);
        if matches!(event.kind, Kind::WaveStarted { .. } | Kind::UndoStarted { .. }) {
            let _ = self.screen.println("");
        }
        for line in lines {
            let _ = self.screen.println(self.paint.line(line));
        }
        if matches!(event.kind, Kind::RunEnded { .. }) { self.clear() } else { self.draw(tally) }
    }

    fn follow(&mut self, event: &Event) {
        let Some(host) = &event.host else { return };
        let task = one_line(event.task.as_deref().unwrap_or("step"));
        match &event.kind {
            Kind::Started { .. } => drop(self.busy.insert(host.clone(), (task, event.time))),
            Kind::Waiting { attempt, of, met, .. } => {
                let met = self.paint.dim(format!("({attempt}/{of}: {})", one_line(met)));
                self.busy.entry(host.clone()).or_insert((String::new(), event.time)).0 =
                    format!("{task} {met}");
            }
            Kind::Sending { bytes, of, .. } => {
                let sent = self.paint.dim(format!("({})", progress(*bytes, *of)));
                self.busy.entry(host.clone()).or_insert((String::new(), event.time)).0 =
                    format!("{task} {sent}");
            }
            Kind::Ended { .. } | Kind::Failed { .. } | Kind::Undone { .. } | Kind::UndoFailed { .. } => {
                self.busy.shift_remove(host);
                if let Some(bar) = self.shown.shift_remove(host) {
                    self.screen.remove(&bar);
                }
            }
            _ => {}
        }
    }

    fn draw(&mut self, tally: &Tally) {
        let summary =
            self.summary.get_or_insert_with(|| self.screen.add(spinner("{spinner} {wide_msg} {elapsed}")));
        for (host, (doing, since)) in &self.busy {
            let gap = " ".repeat(self.host_width.saturating_sub(measure_text_width(host.as_str())));
            let text = self.paint.line(&format!("{}{gap}  {doing}", self.paint.bold(host)));
            if let Some(bar) = self.shown.get(host) {
                bar.set_message(text);
            } else if self.shown.len() < SHOWN {
                let bar = self.screen.insert_before(summary, spinner("  {spinner} {wide_msg} {elapsed}"));
                let waited = self.now.duration_since(*since).unsigned_abs();
                let bar = bar.with_elapsed(waited).with_message(text);
                bar.enable_steady_tick(TURN);
                self.shown.insert(host.clone(), bar);
            }
        }
        let word = if tally.undoing { "undo" } else { self.phase };
        let more = match self.busy.len().saturating_sub(self.shown.len()) {
            0 => String::new(),
            more => format!(", {more} more hosts at work"),
        };
        let total = tally.total();
        let changed = format!("{} changed, {} failed", total.changed, total.failed);
        summary.set_message(format!("{word} {}/{} steps, {changed}{more}", tally.over, tally.steps));
        summary.enable_steady_tick(TURN);
    }

    fn clear(&mut self) {
        self.shown.clear();
        self.summary = None;
        let _ = self.screen.clear();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}

fn spinner(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style.tick_strings(&["-", "\\", "|", "/", " "]))
}
