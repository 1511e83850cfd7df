//! What an abort takes back, for who is asked about it.

use super::{Show, host_list, way_back};
use crate::model::HostName;
use crate::paint::{Paint, one_line};
use crate::plan::Step;

/// Steps that are to be taken back, in that order. What several hosts share is told once.
#[must_use]
pub fn show_undo(steps: &[(&HostName, &Step)], options: Show) -> String {
    let paint = Paint::new(options.color);
    let mut alike: Vec<(String, Vec<&HostName>)> = Vec::new();
    for (host, step) in steps {
        let Some(back) = way_back(step) else { continue };
        let back = back.strip_prefix("undo: ").unwrap_or(&back);
        let text = one_line(&format!("{}: {back}", step.name));
        match alike.iter_mut().find(|(other, _)| *other == text) {
            Some((_, hosts)) => hosts.push(host),
            None => alike.push((text, vec![host])),
        }
    }
    if alike.is_empty() {
        return format!("{}\n", paint.bold("there is nothing to take back"));
    }
    let mut lines = vec![paint.bold("takes back, as far as it was done:")];
    lines.extend(alike.into_iter().map(|(text, hosts)| {
        format!("  {} {text}{}", paint.yellow("-"), paint.dim(format!("  # {}", host_list(&hosts))))
    }));
    lines.join("\n") + "\n"
}
