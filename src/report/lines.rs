//! Events as lines for a person.

use console::measure_text_width;

use crate::event::{Event, Kind, StepError};
use crate::model::{HostName, host_list};
use crate::paint::{Paint, harmless, one_line, size};

/// How many attempts of a check pass between two lines about it.
const EVERY: u32 = 10;

/// How lines look.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    pub(super) paint: Paint,
    /// Only what a silent run must still say.
    pub(super) quiet: bool,
    /// Also waiting checks: where no other line shows that the run is alive.
    pub(super) waiting: bool,
    /// The widest host name.
    pub(super) host_width: usize,
}

impl Lines {
    /// What there is to say of an event; often nothing.
    pub(super) fn of(&self, event: &Event) -> Vec<String> {
        if self.quiet && !matters(&event.kind) {
            return Vec::new();
        }
        let paint = self.paint;
        match &event.kind {
            Kind::RunStarted { app, live, target, release, hosts, steps, .. } => {
                let noun = if hosts.len() == 1 { "host" } else { "hosts" };
                let release =
                    release.known().map(|release| format!("release {release}, ")).unwrap_or_default();
                let text = format!("{release}{steps} steps on {} {noun}", hosts.len());
                let colors =
                    format!("live: {}, target: {}", paint.color_or_none(*live), paint.color(*target));
                vec![format!("{} {colors}, {text}", paint.bold(format!("{app}:")))]
            }
            Kind::TookOver { wave, left, .. } => {
                let text =
                    format!("taken over at wave {}: {} steps may have been done", wave + 1, left.len());
                vec![paint.dim(text)]
            }
            Kind::Locked => vec![self.line(event, &paint.dim("lock taken"))],
            Kind::WaveStarted { name, hosts, .. } => {
                let title = event.phase.map_or_else(|| name.clone(), |phase| phase.titled(name));
                let hosts: Vec<&HostName> = hosts.iter().collect();
                vec![format!("{} on {}", paint.bold(one_line(&title)), host_list(&hosts))]
            }
            Kind::Sending { bytes, of, .. } if self.waiting => {
                let text = format!("{} … {}", task(event), progress(*bytes, *of));
                vec![self.line(event, &paint.dim(text))]
            }
            // The steps themselves have said what each host runs, and the way back is said after the run.
            Kind::Started { .. }
            | Kind::Sending { .. }
            | Kind::Fingerprinted { .. }
            | Kind::Converged { .. }
            | Kind::Rollback { .. }
            | Kind::RunEnded { .. } => Vec::new(),
            Kind::Waiting { attempt, of, met, .. } => self.waiting(event, *attempt, *of, met),
            Kind::Ended { changed, detail, took_ms, .. } => {
                let word = if *changed { paint.yellow("changed") } else { paint.green("ok") };
                let detail =
                    detail.as_ref().map(|detail| format!(": {}", one_line(detail))).unwrap_or_default();
                vec![self.step(event, &word, *took_ms, &detail)]
            }
            Kind::Failed { ignored, error, took_ms, .. } => {
                let word = if *ignored { paint.yellow("failed, ignored") } else { paint.red("failed") };
                let mut lines = vec![self.step(event, &word, *took_ms, "")];
                lines.extend(self.error(error));
                lines
            }
            Kind::Logs { project, text } => {
                let mut lines = vec![self.line(event, &format!("logs of {}", one_line(project)))];
                lines.extend(self.indented(text));
                lines
            }
            Kind::Switched { from, to, took_ms } => {
                let on = event.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
                vec![format!("{} {}{on} ({took_ms} ms)", paint.bold("traffic:"), paint.switch(*from, *to))]
            }
            Kind::AllSwitched { load_balancers, skew_ms } => {
                vec![format!(
                    "{} {load_balancers} load balancers within {skew_ms} ms",
                    paint.bold("traffic:")
                )]
            }
            Kind::UndoStarted { why } => {
                vec![format!("{} {}", paint.yellow(paint.bold("undo:")), one_line(why))]
            }
            Kind::Undone { took_ms, .. } => vec![self.step(event, &paint.green("undone"), *took_ms, "")],
            Kind::UndoFailed { error, .. } => {
                let mut lines =
                    vec![self.line(event, &format!("{} … {}", task(event), paint.red("NOT UNDONE")))];
                lines.extend(self.error(error));
                lines
            }
            Kind::LeftOut { hosts } => {
                let hosts: Vec<&HostName> = hosts.iter().collect();
                vec![format!("{} {}", paint.yellow("left out of the switch:"), host_list(&hosts))]
            }
            Kind::Noticed { text } => {
                vec![self.line(event, &format!("{} {}", paint.yellow("note:"), one_line(text)))]
            }
        }
    }

    /// Logs that were shown already, of another host.
    pub(super) fn same_logs(&self, event: &Event, project: &str, first: &HostName) -> String {
        self.line(event, &format!("logs of {}: the same as on {first}", one_line(project)))
    }

    fn waiting(&self, event: &Event, attempt: u32, of: u32, met: &str) -> Vec<String> {
        if !self.waiting || (attempt != 1 && !attempt.is_multiple_of(EVERY)) {
            return Vec::new();
        }
        let text = format!("{} … waiting ({attempt}/{of}): {}", task(event), one_line(met));
        vec![self.line(event, &self.paint.dim(text))]
    }

    fn step(&self, event: &Event, word: &str, took_ms: u64, detail: &str) -> String {
        let took = self.paint.dim(format!("({})", span(took_ms)));
        self.line(event, &format!("{} … {word} {took}{detail}", task(event)))
    }

    fn line(&self, event: &Event, text: &str) -> String {
        match &event.host {
            Some(host) => {
                let gap = " ".repeat(self.host_width.saturating_sub(measure_text_width(host.as_str())));
                format!("{}{gap}  {text}", self.paint.bold(host))
            }
            None => text.to_owned(),
        }
    }

    fn error(&self, error: &StepError) -> Vec<String> {
        let mut lines = vec![format!("    {} {}", self.paint.red("error:"), one_line(&error.message))];
        lines.extend(error.stderr.iter().flat_map(|stderr| self.indented(stderr)));
        if let Some(hint) = &error.hint {
            lines.push(format!("    {} {}", self.paint.cyan("hint:"), one_line(hint)));
        }
        lines
    }

    fn indented(&self, text: &str) -> Vec<String> {
        let bar = self.paint.dim("|");
        harmless(text.trim_end()).lines().map(|line| format!("    {bar} {line}")).collect()
    }
}

fn task(event: &Event) -> String {
    one_line(event.task.as_deref().unwrap_or("step"))
}

const fn matters(kind: &Kind) -> bool {
    match kind {
        Kind::Failed { ignored, .. } => !*ignored,
        Kind::Logs { .. } | Kind::UndoStarted { .. } | Kind::UndoFailed { .. } | Kind::LeftOut { .. } => true,
        _ => false,
    }
}

/// How much of a file has gone: `sent 40 %, 96 MB of 240 MB`.
pub(super) fn progress(bytes: u64, of: u64) -> String {
    let percent = bytes.saturating_mul(100) / of.max(1);
    format!("sent {percent} %, {} of {}", size(bytes), size(of))
}

/// `38 ms`, `1.2s`, `2m 05s`.
pub(super) fn span(ms: u64) -> String {
    match ms {
        0..100 => format!("{ms} ms"),
        100..60_000 => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        _ => format!("{}m {:02}s", ms / 60_000, ms % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_short() {
        let spans = [0, 99, 100, 1_249, 59_999, 60_000, 125_500].map(span);
        assert_eq!(spans, ["0 ms", "99 ms", "0.1s", "1.2s", "59.9s", "1m 00s", "2m 05s"]);
    }
}
