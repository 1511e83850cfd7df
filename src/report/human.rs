//! The screen of a run.

use std::io::Write;

use jiff::tz::TimeZone;

use super::lines::Lines;
use super::live::Live;
use super::{Report, Tally, ending};
use crate::event::{Event, Kind, Outcome};
use crate::model::HostName;
use crate::paint::Paint;

/// How a run is shown.
#[derive(Debug, Clone)]
pub struct Options {
    /// Silent unless something changed or failed.
    pub quiet: bool,
    /// What selects the same app again, for the commands that are offered at the end: `-i prod.yml`.
    pub selection: String,
    /// The zone of the clock in front of plain lines.
    pub zone: TimeZone,
    /// For what is said on the way.
    pub progress: Paint,
    /// For the ending.
    pub result: Paint,
}

/// Shows a run to a person: lines that move at a terminal, plain lines anywhere else.
pub struct Human {
    options: Options,
    lines: Lines,
    tally: Tally,
    /// Logs that were shown, and of which host.
    logs: Vec<(String, HostName)>,
    screen: Screen,
    result: Box<dyn Write + Send>,
}

enum Screen {
    Plain(Box<dyn Write + Send>),
    Live(Box<Live>),
}

impl Human {
    /// Plain lines to `progress`, the ending to `result`.
    #[must_use]
    pub fn plain(options: Options, progress: Box<dyn Write + Send>, result: Box<dyn Write + Send>) -> Self {
        Self::new(options, Screen::Plain(progress), result, true)
    }

    /// Lines that move on stderr, which must be a terminal; the ending to `result`.
    #[must_use]
    pub fn terminal(options: Options, result: Box<dyn Write + Send>) -> Self {
        let live = Live::new(options.progress);
        Self::new(options, Screen::Live(Box::new(live)), result, false)
    }

    fn new(options: Options, screen: Screen, result: Box<dyn Write + Send>, waiting: bool) -> Self {
        let lines = Lines { paint: options.progress, quiet: options.quiet, waiting, host_width: 0 };
        Self { options, lines, tally: Tally::default(), logs: Vec::new(), screen, result }
    }

    /// What there is to say of an event. A release that fails usually fails alike on all hosts: the same
    /// logs are shown once.
    fn said(&mut self, event: &Event) -> Vec<String> {
        if let (Kind::Logs { project, text }, Some(host)) = (&event.kind, &event.host) {
            if let Some((_, first)) = self.logs.iter().find(|(shown, _)| shown == text) {
                return vec![self.lines.same_logs(event, project, first)];
            }
            self.logs.push((text.clone(), host.clone()));
        }
        self.lines.of(event)
    }

    fn clock(&self, event: &Event) -> String {
        self.options.progress.dim(event.time.to_zoned(self.options.zone.clone()).strftime("%H:%M:%S"))
    }

    fn end(&mut self, outcome: Outcome) {
        let silent = self.options.quiet && outcome == Outcome::Done;
        let text = if silent {
            ending::short(&self.tally)
        } else {
            ending::full(&self.tally, &self.options.selection, self.options.result)
        };
        if let Some(text) = text {
            let _ = self.result.write_all(text.as_bytes()).and_then(|()| self.result.flush());
        }
    }
}

impl Report for Human {
    fn event(&mut self, event: &Event) {
        self.tally.event(event);
        if let Kind::RunStarted { hosts, .. } = &event.kind {
            self.lines.host_width =
                hosts.iter().map(|host| console::measure_text_width(host.as_str())).max().unwrap_or(0);
        }
        let lines = self.said(event);
        let clock = self.clock(event);
        match &mut self.screen {
            Screen::Plain(to) => {
                let text = self.options.progress.page(lines.iter().map(|line| format!("{clock} {line}")));
                let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
            }
            Screen::Live(live) => live.show(event, &self.tally, &lines),
        }
        if let Kind::RunEnded { outcome, .. } = event.kind {
            self.end(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripts::{self, Buffer};
    use super::*;
    use crate::paint::hostile::{assert_tame, forgeries};

    fn shown(script: &[Event], quiet: bool) -> String {
        shown_in(script, quiet, Paint::PLAIN)
    }

    fn shown_in(script: &[Event], quiet: bool, paint: Paint) -> String {
        let (progress, result) = (Buffer::default(), Buffer::default());
        let selection = "-i prod.yml".to_owned();
        let zone = TimeZone::UTC;
        let options = Options { quiet, selection, zone, progress: paint, result: paint };
        let mut report = Human::plain(options, Box::new(progress.clone()), Box::new(result.clone()));
        for event in script {
            report.event(event);
        }
        format!("{}--- stdout ---\n{}", progress.text(), result.text())
    }

    #[test]
    fn a_run_that_went_well() {
        insta::assert_snapshot!(shown(&scripts::success(), false));
    }

    #[test]
    fn a_run_that_failed_and_was_undone() {
        insta::assert_snapshot!(shown(&scripts::failure(), false));
    }

    #[test]
    fn no_text_of_an_event_steers_or_passes_for_a_line_of_ours() {
        let kinds =
            [scripts::success(), scripts::failure(), scripts::interrupted(), scripts::stuck()].concat();
        let forged: Vec<Event> = kinds.iter().chain(&scripts::others()).flat_map(forgeries).collect();
        for (paint, quiet) in [(Paint::new(true), false), (Paint::PLAIN, true)] {
            for (event, mut run) in forged
                .iter()
                .flat_map(|event| [scripts::stuck(), scripts::success()].map(|run| (event.clone(), run)))
            {
                let end = run.len() - 1;
                run.insert(end, event);
                assert_tame(&shown_in(&run, quiet, paint));
            }
        }
    }

    #[test]
    fn a_run_that_was_interrupted() {
        insta::assert_snapshot!(shown(&scripts::interrupted(), false));
    }

    #[test]
    fn a_run_that_needs_a_person() {
        insta::assert_snapshot!(shown(&scripts::stuck(), false));
    }

    #[test]
    fn a_silent_run_says_one_line_when_something_changed() {
        let expected =
            "--- stdout ---\nmy-server: green is live (release 0123456789ab), 3 hosts changed, 9.8s\n";
        assert_eq!(shown(&scripts::success(), true), expected);
    }

    #[test]
    fn a_silent_run_without_changes_says_nothing() {
        let mut script = scripts::success();
        script.retain(|event| !matches!(event.kind, Kind::Ended { changed: true, .. }));
        assert_eq!(shown(&script, true), "--- stdout ---\n");
    }

    #[test]
    fn a_silent_run_says_all_about_a_failure() {
        let text = shown(&scripts::failure(), true);
        for part in ["failed (30.2s)", "panic: no database", "web-1 | no database", "undo:", "recap", "next:"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("changed ("), "{text}");
    }
}
