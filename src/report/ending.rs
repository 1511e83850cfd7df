//! The last words of a run: each host's share, what is served now, what to run next.

use super::lines::span;
use super::runs;
use super::tally::{Beginning, Ending, HostTally, Tally};
use crate::event::Outcome;
use crate::model::{Color, HostName, host_list};
use crate::paint::{Paint, one_line};

/// Hosts up to which each has its own line.
const EACH: usize = 10;

/// The ending in full; `None` before there is one.
pub(super) fn full(tally: &Tally, selection: &str, paint: Paint) -> Option<String> {
    let (beginning, ending) = (tally.beginning.as_ref()?, tally.ending?);
    let mut lines = recap(tally, paint);
    lines.push(String::new());
    lines.push(verdict(beginning, &ending, paint));
    if let Some((balancers, skew_ms)) = tally.skew {
        lines.push(format!("  traffic moved on {balancers} load balancers within {skew_ms} ms"));
    }
    if ending.outcome == Outcome::Done {
        // In the plan's order, not in that of the answers.
        let runs = tally.hosts.keys().filter_map(|host| tally.runs.get_key_value(host));
        lines.extend(runs::lines(runs, beginning.target, paint));
    }
    for (host, task) in &tally.stuck {
        lines.push(format!("  {} {host}: {}", paint.red("not undone:"), one_line(task)));
    }
    for (host, text) in &tally.notes {
        lines.push(format!("  {} {host}: {}", paint.yellow("note:"), one_line(text)));
    }
    let next = next(beginning, &ending);
    let width = next.iter().map(|(command, _)| command.len()).max().unwrap_or(0) + selection.len();
    for (place, (command, why)) in next.iter().enumerate() {
        let head = if place == 0 { "next:" } else { "     " };
        let command = format!("{command} {selection}");
        let command = format!("{command:<width$}", width = width + 1);
        lines.push(format!("{head} {} {}", paint.cyan(command), paint.dim(format!(" # {why}"))));
    }
    Some(paint.page(lines))
}

/// One line for a silent run that went well; `None` where nothing changed.
pub(super) fn short(tally: &Tally) -> Option<String> {
    let (beginning, ending) = (tally.beginning.as_ref()?, tally.ending?);
    let hosts = tally.changed_hosts();
    if hosts == 0 {
        return None;
    }
    let (app, serves) = (&beginning.app, serves(beginning, &ending));
    let (live, took) = (served(ending.live, Paint::PLAIN), span(ending.took_ms));
    let noun = if hosts == 1 { "host" } else { "hosts" };
    Some(Paint::PLAIN.page([format!("{app}: {live}{serves}, {hosts} {noun} changed, {took}")]))
}

fn recap(tally: &Tally, paint: Paint) -> Vec<String> {
    let mut rows: Vec<(Vec<&HostName>, HostTally)> = Vec::new();
    for (host, share) in &tally.hosts {
        let alike = rows.iter_mut().find(|(_, other)| tally.hosts.len() > EACH && other == share);
        match alike {
            Some((hosts, _)) => hosts.push(host),
            None => rows.push((vec![host], *share)),
        }
    }
    let names: Vec<String> = rows.iter().map(|(hosts, _)| host_list(hosts)).collect();
    let width = names.iter().map(|name| console::measure_text_width(name)).max().unwrap_or(0);
    let mut lines = vec![String::new(), paint.bold("recap")];
    for (name, (_, share)) in names.iter().zip(&rows) {
        let gap = " ".repeat(width - console::measure_text_width(name));
        lines.push(format!("  {}{gap} : {}", whole(*share, name, paint), numbers(*share, paint)));
    }
    lines
}

fn whole(share: HostTally, name: &str, paint: Paint) -> String {
    match share {
        HostTally { failed: 1.., .. } | HostTally { stuck: 1.., .. } => paint.red(name),
        HostTally { changed: 1.., .. } => paint.yellow(name),
        _ => paint.green(name),
    }
}

fn numbers(share: HostTally, paint: Paint) -> String {
    let number = |name: &str, count: usize, loud: fn(Paint, String) -> String| {
        let text = format!("{name}={count:<3}");
        if count == 0 { paint.dim(text) } else { loud(paint, text) }
    };
    let numbers = [
        number("ok", share.ok, Paint::green),
        number("changed", share.changed, Paint::yellow),
        number("failed", share.failed, Paint::red),
        number("ignored", share.ignored, Paint::yellow),
        number("undone", share.undone, Paint::yellow),
    ];
    numbers.join(" ").trim_end().to_owned()
}

fn served(live: Option<Color>, paint: Paint) -> String {
    live.map_or_else(|| "no color is live".to_owned(), |live| format!("{} is live", paint.color(live)))
}

/// Where traffic is after an undo. Load balancers that disagreed disagree again.
fn as_before(beginning: &Beginning, ending: &Ending, paint: Paint) -> String {
    match ending.live {
        None if beginning.verb() == "switch" => "each load balancer serves what it served before".to_owned(),
        live => format!("traffic is where it was, {}", served(live, paint)),
    }
}

fn verdict(beginning: &Beginning, ending: &Ending, paint: Paint) -> String {
    let (live, took) = (served(ending.live, paint), span(ending.took_ms));
    let Beginning { app, target, release, .. } = beginning;
    match ending.outcome {
        Outcome::Done if staged(beginning, ending) => {
            let target = paint.color(*target);
            format!(
                "{} {app}: {target} is staged (release {release}), {live}.",
                paint.green(format!("Done in {took}."))
            )
        }
        Outcome::Done => {
            let serves = serves(beginning, ending);
            format!("{} {app}: {live}{serves}.", paint.green(format!("Done in {took}.")))
        }
        Outcome::Undone if beginning.verb() == "abort" => {
            let head = paint.green(format!("Aborted in {took}."));
            format!("{head} {app}: traffic is where it was before that run, {live}.")
        }
        Outcome::Undone => {
            let head = paint.red(format!("Failed and undone in {took}."));
            format!("{head} {app}: {}.", as_before(beginning, ending, paint))
        }
        Outcome::Interrupted => {
            let head = paint.yellow(format!("Interrupted and undone in {took}."));
            format!("{head} {app}: {}.", as_before(beginning, ending, paint))
        }
        Outcome::Stuck => {
            let head = paint.red("A person is needed: the run failed and could not be undone whole.");
            match ending.live {
                Some(_) => format!("{head} {app}: {live}, as far as is known."),
                None => format!(
                    "{head} {app}: what is served is not known here; a load balancer whose switch nobody confirmed \
                     swaps back by itself."
                ),
            }
        }
        Outcome::Unsettled => {
            let head = paint
                .yellow("A person should look: traffic moved, and what comes after that did not end well.");
            format!("{head} {app}: {live}.")
        }
    }
}

/// The release in brackets, where it is what is served now: a rollback serves an older one.
fn serves(beginning: &Beginning, ending: &Ending) -> String {
    let deploys = matches!(beginning.verb(), "apply" | "promote" | "resume");
    match beginning.release.known() {
        Some(release) if deploys && ending.live == Some(beginning.target) => format!(" (release {release})"),
        _ => String::new(),
    }
}

fn staged(beginning: &Beginning, ending: &Ending) -> bool {
    ending.done.switch == 0 && ending.done.recreate > 0 && ending.live != Some(beginning.target)
}

/// Commands to run next, and why.
fn next(beginning: &Beginning, ending: &Ending) -> Vec<(&'static str, String)> {
    let status = |why: &str| ("bgctl status", why.to_owned());
    match (ending.outcome, beginning.live) {
        (Outcome::Done, _) if staged(beginning, ending) => {
            vec![
                ("bgctl promote", format!("moves traffic to {}", beginning.target)),
                status("what runs where"),
            ]
        }
        (Outcome::Done, Some(old)) if ending.done.switch > 0 && beginning.verb() != "rollback" => {
            vec![("bgctl rollback", format!("back to {old}")), status("what runs where")]
        }
        (Outcome::Done, _) => vec![status("what runs where")],
        (Outcome::Undone | Outcome::Interrupted, _) => {
            vec![status("what runs where"), ("bgctl plan", "what the next apply would do".to_owned())]
        }
        (Outcome::Stuck, _) => vec![
            status("which host serves what, and what still runs"),
            ("bgctl abort", "takes back the rest, once what is in the way is mended".to_owned()),
        ],
        (Outcome::Unsettled, _) => {
            let retire = "stops the old color now, or does with it what `retire:` says";
            vec![status("what runs where"), ("bgctl retire", retire.to_owned())]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripts::Script;
    use super::*;
    use crate::event::Kind;
    use crate::plan::Counts;

    fn last_lines(command: &str, outcome: Outcome, live: Color, done: Counts) -> String {
        let mut script = Script::started(command, &["app1"], 3);
        script.say(Kind::RunEnded { outcome, live: Some(live), done, took_ms: 1_500 });
        let mut tally = Tally::default();
        for event in &script.events() {
            tally.event(event);
        }
        let text = full(&tally, "-i prod.yml", Paint::PLAIN).unwrap();
        text.rsplit_once("\n\n").unwrap().1.to_owned()
    }

    #[test]
    fn several_load_balancers_have_a_skew_unless_they_went_back() {
        let mut script = Script::started("apply -i prod.yml", &["lb1", "lb2"], 3);
        script.say(Kind::AllSwitched { load_balancers: 2, skew_ms: 34 });
        let tell = |mut script: Script, outcome| {
            let done = Counts { switch: 2, ..Counts::default() };
            script.say(Kind::RunEnded { outcome, live: Some(Color::Green), done, took_ms: 1_500 });
            let mut tally = Tally::default();
            script.events().iter().for_each(|event| tally.event(event));
            full(&tally, "-i prod.yml", Paint::PLAIN).unwrap()
        };
        let skew = "traffic moved on 2 load balancers within 34 ms";
        assert!(tell(script.clone(), Outcome::Done).contains(skew));
        script.say(Kind::UndoStarted { why: "Verify failed on lb2".to_owned() });
        assert!(!tell(script, Outcome::Undone).contains(skew));
    }

    #[test]
    fn load_balancers_that_disagreed_disagree_again_after_an_undo() {
        let mut script = Script::started("switch --to green -i prod.yml", &["lb1"], 3);
        script.say(Kind::RunEnded {
            outcome: Outcome::Undone,
            live: None,
            done: Counts::default(),
            took_ms: 9,
        });
        let mut tally = Tally::default();
        script.events().iter().for_each(|event| tally.event(event));
        let text = full(&tally, "-i prod.yml", Paint::PLAIN).unwrap();
        assert!(text.contains("each load balancer serves what it served before"), "{text}");
    }

    #[test]
    fn what_is_staged_can_be_promoted() {
        let done = Counts { recreate: 1, ..Counts::default() };
        insta::assert_snapshot!(last_lines("apply -i prod.yml --stage-only", Outcome::Done, Color::Blue, done), @"
        Done in 1.5s. my-server: green is staged (release 0123456789ab), blue is live.
        next: bgctl promote -i prod.yml  # moves traffic to green
              bgctl status -i prod.yml   # what runs where
        ");
    }

    #[test]
    fn what_was_noticed_on_a_host_is_part_of_the_result() {
        let mut script = Script::started("apply -i prod.yml", &["lb1"], 1);
        let text = "2 connections will be cut".to_owned();
        script.on("lb1", crate::plan::Phase::Settle, "Drain", Kind::Noticed { text });
        let done = Counts { switch: 1, ..Counts::default() };
        script.say(Kind::RunEnded { outcome: Outcome::Done, live: Some(Color::Green), done, took_ms: 1_500 });
        let mut tally = Tally::default();
        for event in &script.events() {
            tally.event(event);
        }
        let text = full(&tally, "-i prod.yml", Paint::PLAIN).unwrap();
        assert!(
            text.contains(
                "green is live (release 0123456789ab).\n  note: lb1: 2 connections will be cut\nnext:"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_rollback_does_not_offer_itself() {
        let done = Counts { switch: 1, ..Counts::default() };
        insta::assert_snapshot!(last_lines("rollback -i prod.yml", Outcome::Done, Color::Green, done), @"
        Done in 1.5s. my-server: green is live.
        next: bgctl status -i prod.yml  # what runs where
        ");
    }

    #[test]
    fn what_failed_after_the_switch_is_for_a_person() {
        let done = Counts { switch: 1, ..Counts::default() };
        insta::assert_snapshot!(last_lines("apply -i prod.yml", Outcome::Unsettled, Color::Green, done), @"
        A person should look: traffic moved, and what comes after that did not end well. my-server: green is live.
        next: bgctl status -i prod.yml  # what runs where
              bgctl retire -i prod.yml  # stops the old color now, or does with it what `retire:` says
        ");
    }
}
