//! A plan for a person: the one printer of `plan` and of the preview of every command that changes hosts.

mod heading;
mod undo;

use console::measure_text_width;
use similar::{ChangeTag, TextDiff};

use super::words::{Sign, deed, way_back};
use super::{Certainty, Goal, Lane, Phase, Plan, Skipped, Step, Wave};
use crate::model::{Action, HostName, host_list};
use crate::paint::{Paint, one_line};

pub use undo::show_undo;

/// How a plan is shown.
#[derive(Debug, Clone, Copy)]
pub struct Show {
    /// With color.
    pub color: bool,
    /// With the differences of files.
    pub diff: bool,
    /// Columns that there are.
    pub width: usize,
}

/// The plan as text. Hosts with the same steps share one block, so that it grows with what differs, not
/// with the fleet. Its last line never changes shape: programs read it.
#[must_use]
pub fn show(plan: &Plan, options: Show) -> String {
    let paint = Paint::new(options.color);
    let mut lines = heading::heading(plan, paint);
    if !plan.is_empty() {
        for wave in &chapters(&plan.waves) {
            lines.extend(wave_lines(plan, wave, options, paint));
        }
    }
    lines.extend(notes(plan, paint));
    lines.push(String::new());
    lines.push(paint.bold(last_line(plan)));
    paint.page(lines)
}

fn last_line(plan: &Plan) -> String {
    if plan.is_empty() {
        let why = match plan.goal {
            Goal::Retire => "Nothing of the old color is there to settle.".to_owned(),
            Goal::Switch(color) => format!("Every load balancer is configured for {color} and serves it."),
            _ => "The live release matches.".to_owned(),
        };
        return format!("No changes. {why}");
    }
    let counts = plan.counts();
    format!(
        "Plan: {} to recreate, {} files to write, {} to switch, {} to retire.",
        counts.recreate, counts.files, counts.switch, counts.retire
    )
}

fn notes(plan: &Plan, paint: Paint) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for note in &plan.notes {
        let host = note.host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
        let sure = paint.dim(format!("  # {}", certainty(note.certainty)));
        lines.push(format!("  {} {host}{}{sure}", paint.yellow("!"), one_line(&note.text)));
    }
    if !lines.is_empty() {
        lines.splice(0..0, [String::new(), paint.bold("notes")]);
    }
    lines
}

/// The waves as a reader thinks of them: the switch is one thing, however many barriers it has.
fn chapters(waves: &[Wave]) -> Vec<Wave> {
    let mut chapters: Vec<Wave> = Vec::new();
    for wave in waves {
        match chapters.last_mut() {
            Some(last) if last.phase == Phase::Switch && wave.phase == Phase::Switch => join(last, wave),
            _ if wave.phase == Phase::Switch => {
                chapters.push(Wave { name: wave.phase.as_str().to_owned(), ..wave.clone() });
            }
            _ => chapters.push(wave.clone()),
        }
    }
    chapters
}

fn join(chapter: &mut Wave, wave: &Wave) {
    for lane in &wave.lanes {
        match chapter.lanes.iter_mut().find(|other| other.host == lane.host) {
            Some(other) => {
                other.steps.extend(lane.steps.iter().cloned());
                other.skipped.extend(lane.skipped.iter().cloned());
            }
            None => chapter.lanes.push(lane.clone()),
        }
    }
}

fn wave_lines(plan: &Plan, wave: &Wave, options: Show, paint: Paint) -> Vec<String> {
    let groups = groups(wave, options, paint);
    let skipped = skipped(wave, paint);
    if groups.is_empty() && skipped.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), paint.bold(one_line(&wave.phase.titled(&wave.name)))];
    let swapped: Vec<&HostName> =
        wave.lanes.iter().filter(|lane| swaps(lane)).map(|lane| &lane.host).collect();
    if wave.phase == Phase::Switch && !swapped.is_empty() {
        lines.push(format!(
            "  {} {} on {}",
            paint.bold("traffic:"),
            moves(plan, &swapped, paint),
            host_list(&swapped)
        ));
    }
    for (hosts, block) in groups {
        lines.push(format!("  {}", paint.bold(host_list(&hosts))));
        lines.extend(block);
    }
    lines.extend(skipped);
    lines
}

/// From where to where traffic moves on these load balancers.
fn moves(plan: &Plan, hosts: &[&HostName], paint: Paint) -> String {
    let mut from = hosts.iter().map(|host| plan.served_by(host));
    let first = from.next().flatten();
    if from.all(|color| color == first) {
        return paint.switch(first, plan.target);
    }
    format!("all → {}", paint.color(plan.target))
}

/// What needs nothing done, with the hosts where that is so.
fn skipped(wave: &Wave, paint: Paint) -> Vec<String> {
    let mut alike: Vec<(&Skipped, Vec<&HostName>)> = Vec::new();
    for lane in &wave.lanes {
        for skipped in &lane.skipped {
            match alike.iter_mut().find(|(other, _)| *other == skipped) {
                Some((_, hosts)) => hosts.push(&lane.host),
                None => alike.push((skipped, vec![&lane.host])),
            }
        }
    }
    let line = |(skipped, hosts): (&Skipped, Vec<&HostName>)| {
        let (name, why) = (one_line(&skipped.name), one_line(&skipped.why));
        paint.dim(format!("  skipped on {}: {name} ({why})", host_list(&hosts)))
    };
    alike.into_iter().map(line).collect()
}

fn swaps(lane: &Lane) -> bool {
    lane.steps.iter().any(|step| matches!(step.action, Action::Swap(_)))
}

/// Lanes whose blocks read the same, with their hosts, in order of first appearance.
fn groups(wave: &Wave, options: Show, paint: Paint) -> Vec<(Vec<&HostName>, Vec<String>)> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<(Vec<&HostName>, Vec<String>)> = Vec::new();
    for lane in &wave.lanes {
        let block = block(lane, options, paint);
        if block.is_empty() {
            continue;
        }
        let place = *places.entry(block.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((hosts, _)) => hosts.push(&lane.host),
            None => groups.push((vec![&lane.host], block)),
        }
    }
    groups
}

fn block(lane: &Lane, options: Show, paint: Paint) -> Vec<String> {
    let parts: Vec<(&Step, String, String)> =
        lane.steps.iter().map(|step| (step, text(step), comment(step))).collect();
    // Comments stand in one column where there is room for all of them.
    let column = parts.iter().map(|(_, text, _)| measure_text_width(text)).max().unwrap_or(0);
    let fits = |comment: &str| INDENT + column + GAP + measure_text_width(comment) <= options.width;
    let column = if parts.iter().all(|(_, _, comment)| fits(comment)) { column } else { 0 };
    let mut lines = Vec::new();
    for (step, text, comment) in &parts {
        let sign = Sign::of(step).paint(paint);
        let head = if matches!(step.action, Action::Swap(_)) { paint.bold(text) } else { text.clone() };
        let (used, comment_width) = (measure_text_width(text), measure_text_width(comment));
        let comment = paint.dim(comment);
        if INDENT + used + GAP + comment_width <= options.width {
            let gap = " ".repeat(column.saturating_sub(used) + GAP);
            lines.push(format!("    {sign} {head}{gap}{comment}"));
        } else {
            lines.push(format!("    {sign} {head}"));
            lines.push(format!("{}{comment}", " ".repeat(INDENT + GAP)));
        }
        if options.diff {
            lines.extend(difference(step, paint));
        }
    }
    lines
}

/// Columns before a step's text.
const INDENT: usize = 8;
/// Columns between it and its comment.
const GAP: usize = 2;

/// The task's name and what it does.
fn text(step: &Step) -> String {
    one_line(&format!("{}: {}", step.name, deed(step)))
}

/// How sure the plan is of a step, and its way back.
fn comment(step: &Step) -> String {
    let sure = certainty(step.certainty);
    way_back(step).map_or_else(|| format!("# {sure}"), |back| format!("# {sure}; {}", one_line(&back)))
}

const fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Observed => "observed",
        Certainty::Computed => "computed",
        Certainty::Unknowable => "unknowable until apply",
    }
}

/// What a file's content turns into.
fn difference(step: &Step, paint: Paint) -> Vec<String> {
    let (path, after) = match &step.action {
        Action::PutFile(file) => (&file.path, file.content.as_slice()),
        Action::RemoveFile { path, .. } => (path, b"".as_slice()),
        _ => return Vec::new(),
    };
    let indented = |line: String| format!("          {line}");
    if step.no_log {
        return vec![indented(paint.dim("(content not shown)"))];
    }
    let before = step.before.as_deref().unwrap_or_default();
    match std::str::from_utf8(after) {
        Ok(after) if !after.contains('\0') && !before.contains('\0') => {
            unified(before, after, path, step.before.is_some(), paint).into_iter().map(indented).collect()
        }
        _ => vec![indented(paint.dim(format!("(binary: {} bytes, was {})", after.len(), before.len())))],
    }
}

fn unified(before: &str, after: &str, path: &str, existed: bool, paint: Paint) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let from = if existed { path } else { "/dev/null" };
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        lines.push(paint.cyan(hunk.header()));
        for change in hunk.iter_changes() {
            // What two lines differ in may be a color.
            let line = Paint::PLAIN.line(change.value().trim_end_matches('\n'));
            lines.push(match change.tag() {
                ChangeTag::Insert => paint.green(format!("+{line}")),
                ChangeTag::Delete => paint.red(format!("-{line}")),
                ChangeTag::Equal => format!(" {line}"),
            });
        }
    }
    if !lines.is_empty() {
        lines.insert(0, paint.bold(format!("--- {}", one_line(from))));
        lines.insert(1, paint.bold(format!("+++ {}", one_line(path))));
    }
    lines
}

#[cfg(test)]
mod tests;
