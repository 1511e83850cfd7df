//! `bgctl history`: what earlier runs came to, as the load balancers remember.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::HistoryArgs;
use crate::event::Outcome;
use crate::facts::Observed;
use crate::paint::{Paint, one_line};
use crate::remote::readonly::ReadOnly;
use crate::run::Record;

use super::failure::{Failure, FailureKind};
use super::load;
use super::observe::{self, Round};
use super::session::{Session, clock};
use super::unfinished;

pub(super) async fn run(session: &Session, args: &HistoryArgs) -> Result<u8, Failure> {
    let loaded = load::load(session)?;
    let round = Round::prepare(&loaded)?.only_history();
    let fleet = observe::connect_all(session, &loaded, &round).await?;
    let remote = ReadOnly::new(fleet);
    let observed = observe::all(round.ask(&remote, &loaded).await);
    remote.into_inner().close().await;
    let records = records(&observed?, args.lines)?;
    if session.json() {
        let document: Vec<Value> = records.iter().map(document).collect();
        let text = serde_json::to_string_pretty(&document);
        let text = text.map_err(|error| Failure::of(FailureKind::Failed, &error))?;
        return session.document(&(text + "\n")).map(|()| 0);
    }
    session.result(&text(&records, session.ui.out_paint())).map(|()| 0)
}

/// The latest runs, oldest first; the one that is under way or was left is the last.
fn records(observed: &Observed, lines: usize) -> Result<Vec<Record>, Failure> {
    let mut all: BTreeMap<u64, Record> = BTreeMap::new();
    for text in observed.hosts.values().flat_map(|facts| &facts.records.history) {
        // A line that a newer version wrote is no reason to hide the others.
        if let Ok(record) = Record::read(text) {
            all.insert(record.number, record);
        }
    }
    if let Some(last) = unfinished::newest(observed)?.filter(|last| last.outcome != Some(Outcome::Done)) {
        all.insert(last.number, last);
    }
    let skipped = all.len().saturating_sub(lines);
    Ok(all.into_values().skip(skipped).collect())
}

fn text(records: &[Record], paint: Paint) -> String {
    if records.is_empty() {
        return "no run is on record\n".to_owned();
    }
    let lines = records.iter().map(|record| {
        let live = record.live.map_or_else(|| "no color live".to_owned(), |live| format!("{live} live"));
        let release = record.release.known().map(|id| format!(" (release {id})")).unwrap_or_default();
        let words =
            format!("{}{release} by {}: {live} after it (run {})", record.command, record.by, record.run);
        format!("{}  {}  {}", clock(record.at), outcome(record, paint), one_line(&words))
    });
    paint.page(lines)
}

/// The outcome in one word, as wide as the widest.
fn outcome(record: &Record, paint: Paint) -> String {
    match record.outcome {
        Some(Outcome::Done) => paint.green("done       "),
        Some(Outcome::Undone) => paint.yellow("undone     "),
        Some(Outcome::Interrupted) => paint.yellow("interrupted"),
        Some(Outcome::Stuck) => paint.red("stuck      "),
        Some(Outcome::Unsettled) => paint.red("unsettled  "),
        None => paint.red("not ended  "),
    }
}

fn document(record: &Record) -> Value {
    json!({
        "run": record.run,
        "attempt": record.attempt,
        "command": record.command,
        "by": record.by,
        "at": clock(record.at),
        "outcome": record.outcome,
        "before": record.before,
        "live": record.live,
        "release": record.release.known(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paint::hostile::{assert_tame, forgeries};

    #[test]
    fn no_text_of_a_record_steers_or_passes_for_another_run() {
        let honest = r#"{"format": 1, "number": 7, "run": "20261121T032500Z-00000007", "attempt": 1, "goal": "apply",
            "by": "me@here", "command": "apply -i prod.yml", "at": "2026-11-21T03:25:00Z", "reached": null,
            "outcome": "done", "staged": null, "staged_before": null, "before": "blue", "live": "green",
            "target": "green", "release": "0123456789ab"}"#;
        let honest = Record::read(honest).unwrap();
        assert!(text(std::slice::from_ref(&honest), Paint::PLAIN).contains("apply -i prod.yml"));
        let forged = forgeries(&honest);
        for paint in [Paint::PLAIN, Paint::new(true)] {
            assert_tame(&text(&forged, paint));
            for record in &forged {
                assert_tame(&unfinished::words(record));
            }
        }
    }
}
