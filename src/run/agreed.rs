//! What the load balancers keep of the last run, as far as they agree: no single one decides for the others.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Observed, Records};
use crate::model::{HostName, Key, host_list};

use super::record::{BadRecord, Record, plan_hash};

/// The last run, as all load balancers tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    /// Its newest record.
    pub record: Record,
    /// Its plan, where it is unfinished, was asked for and is kept, and this version wrote it.
    pub plan: Option<String>,
    /// The load balancers that keep this plan.
    pub by: BTreeSet<HostName>,
}

/// Why what they keep cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// A record cannot be read.
    #[error("{0}: {1}")]
    Bad(HostName, BadRecord),
    /// They tell of different runs, or keep different plans: who says what.
    #[error("the load balancers keep different records of the last run")]
    Records(Vec<String>),
    /// They keep different keys: who keeps the same one.
    #[error("the load balancers keep different keys of the app")]
    Keys(Vec<String>),
}

/// The app's key, as all load balancers tell that keep one; `None` where none does.
pub fn agreed_key(observed: &Observed) -> Result<Option<Key>, Disagreement> {
    let mut alike: Vec<(&Key, Vec<&HostName>)> = Vec::new();
    for (host, facts) in &observed.hosts {
        let Some(key) = &facts.records.key else { continue };
        match alike.iter_mut().find(|(other, _)| *other == key) {
            Some((_, hosts)) => hosts.push(host),
            None => alike.push((key, vec![host])),
        }
    }
    match alike.as_slice() {
        [] => Ok(None),
        [(key, _)] => Ok(Some((*key).clone())),
        several => {
            let words = std::iter::once("one key").chain(std::iter::repeat("another one"));
            let lines =
                several.iter().zip(words).map(|((_, hosts), what)| format!("{}: {what}", host_list(hosts)));
            Err(Disagreement::Keys(lines.collect()))
        }
    }
}

impl LastRun {
    /// The last run, where there was one.
    pub fn of(observed: &Observed) -> Result<Option<Self>, Disagreement> {
        let kept: BTreeMap<&HostName, &Records> =
            observed.hosts.iter().map(|(host, facts)| (host, &facts.records)).collect();
        let mut records: Vec<(&HostName, Record)> = Vec::new();
        for (host, texts) in &kept {
            let Some(text) = &texts.last_run else { continue };
            let record = Record::read(text).map_err(|error| Disagreement::Bad((*host).clone(), error))?;
            records.push((host, record));
        }
        let Some(newest) =
            records.iter().map(|(_, record)| record).max_by_key(|record| record.number).cloned()
        else {
            return Ok(None);
        };
        // One that began on some of them and has done nothing yet is no reason to stop.
        let matters = records.iter().any(|(_, record)| record.is_unfinished());
        // Nobody goes on with a run that has ended.
        let has_ended = |record: &Record| record.outcome.is_some() && !record.is_unfinished();
        let differs = |record: &Record| {
            record.run != newest.run
                || record.number == newest.number && *record != newest
                || newest.is_unfinished() && has_ended(record)
        };
        if matters && records.iter().any(|(_, record)| differs(record)) {
            return Err(Disagreement::Records(
                records.iter().map(|(host, record)| says(host, record)).collect(),
            ));
        }
        // An earlier version wrote down no hash.
        if !newest.is_unfinished() || newest.plans.is_empty() {
            return Ok(Some(Self { record: newest, plan: None, by: BTreeSet::new() }));
        }
        let plans: Vec<(&HostName, &str)> =
            kept.iter().filter_map(|(host, texts)| Some((*host, texts.plan.as_deref()?))).collect();
        agreed(newest, &plans).map(Some)
    }
}

/// The plan that the record tells of. While hosts are being left out, two are: then the newer one counts where it
/// is kept.
fn agreed(record: Record, plans: &[(&HostName, &str)]) -> Result<LastRun, Disagreement> {
    let hashed: Vec<(&HostName, &str, String)> =
        plans.iter().map(|(host, plan)| (*host, *plan, plan_hash(plan))).collect();
    let known = record.plans.clone();
    if hashed.iter().any(|(.., hash)| !known.contains(hash)) {
        let line = |(host, _, hash): &(&HostName, &str, String)| {
            let ours = if known.contains(hash) { "the one of its record" } else { "another one" };
            format!("{host}: run {}, plan {}: {ours}", record.run, hash.chars().take(12).collect::<String>())
        };
        return Err(Disagreement::Records(hashed.iter().map(line).collect()));
    }
    let newest = known.iter().rev().find(|hash| hashed.iter().any(|(.., kept)| kept == *hash));
    let theirs = hashed.iter().filter(|(.., hash)| Some(hash) == newest);
    let (plan, by) = theirs.fold((None, BTreeSet::new()), |(_, mut by), (host, plan, _)| {
        by.insert((*host).clone());
        (Some((*plan).to_owned()), by)
    });
    Ok(LastRun { record, plan, by })
}

fn says(host: &HostName, record: &Record) -> String {
    let Record { run, number, by, command, .. } = record;
    let end = match (&record.outcome, &record.reached) {
        (None, None) => "not begun".to_owned(),
        (None, Some(reached)) => format!("not ended, in {}", reached.phase.as_str()),
        (Some(outcome), _) => format!("ended: {}", outcome.as_str()),
    };
    format!("{host}: run {run} (`{command}` by {by}), {end}, record {number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use crate::facts::Facts;
    use crate::run::record::tests::under_way;

    fn observed(hosts: &[(&str, Option<&Record>, Option<&str>)]) -> Observed {
        let facts = hosts.iter().map(|(host, record, plan)| {
            let last_run = record.map(|record| serde_json::to_string(record).unwrap());
            let records = Records { last_run, plan: plan.map(str::to_owned), ..Records::default() };
            (host.parse().unwrap(), Facts { records, ..Facts::default() })
        });
        Observed { hosts: facts.collect(), ..Observed::default() }
    }

    fn of(hosts: &[(&str, Option<&Record>, Option<&str>)]) -> Result<Option<LastRun>, Disagreement> {
        LastRun::of(&observed(hosts))
    }

    #[test]
    fn the_newest_record_of_one_run_counts_and_its_plan() {
        let (one, mut two) = (under_way(1, &["plan"]), under_way(1, &["plan"]));
        two.number += 3;
        let last =
            of(&[("lb1", Some(&two), Some("plan")), ("lb2", Some(&one), Some("plan"))]).unwrap().unwrap();
        assert_eq!((last.record, last.plan.as_deref(), last.by.len()), (two, Some("plan"), 2));
        assert_eq!(of(&[("lb1", None, None)]), Ok(None));
        // One that is new, or whose disk was full, has no say.
        let last = of(&[("lb1", None, None), ("lb2", Some(&one), Some("plan"))]).unwrap().unwrap();
        assert_eq!(last.by, ["lb2".parse().unwrap()].into());
    }

    #[test]
    fn while_hosts_are_left_out_either_plan_may_stand() {
        let both = under_way(1, &["old", "new"]);
        let last = of(&[("lb1", Some(&both), Some("old")), ("lb2", Some(&both), Some("new"))]);
        let last = last.unwrap().unwrap();
        assert_eq!((last.plan.as_deref(), last.by), (Some("new"), ["lb2".parse().unwrap()].into()));
        let last = of(&[("lb1", Some(&both), Some("old")), ("lb2", Some(&both), Some("old"))]);
        assert_eq!(last.unwrap().unwrap().plan.as_deref(), Some("old"));
    }

    #[test]
    fn keys_are_one_key_or_none_counts() {
        let text = |byte: &str| byte.repeat(32);
        let keys = |keys: &[Option<&str>]| {
            let facts = keys.iter().enumerate().map(|(index, key)| {
                let key = key.map(|byte| text(byte).parse().unwrap());
                let records = Records { key, ..Records::default() };
                (format!("lb{index}").parse().unwrap(), Facts { records, ..Facts::default() })
            });
            agreed_key(&Observed { hosts: facts.collect(), ..Observed::default() })
        };
        assert_eq!(keys(&[None, None]), Ok(None));
        assert_eq!(keys(&[None, Some("ab"), Some("ab")]).unwrap().unwrap().expose().as_str(), text("ab"));
        let error = keys(&[Some("ab"), Some("cd"), None, Some("ab")]).unwrap_err();
        assert_eq!(
            error,
            Disagreement::Keys(vec!["lb0, lb3 (2 hosts): one key".to_owned(), "lb1: another one".to_owned()])
        );
    }

    /// One load balancer that lies stops everything, and decides nothing.
    #[test]
    fn who_says_something_else_is_named() {
        let (ours, other) = (under_way(1, &["plan"]), under_way(2, &["plan"]));
        let ended = ours.ended(Outcome::Done, ours.live, jiff::Timestamp::UNIX_EPOCH);
        let mut forged = ours.clone();
        forged.live = None;
        for (record, plan) in
            [(&other, Some("plan")), (&ours, Some("forged")), (&forged, Some("plan")), (&forged, None)]
        {
            let error = of(&[("lb1", Some(&ours), Some("plan")), ("lb2", Some(record), plan)]).unwrap_err();
            let Disagreement::Records(lines) = &error else { panic!("{error:?}") };
            assert!(lines.len() == 2 && lines[1].starts_with("lb2: run 1970"), "{lines:?}");
        }
        // Runs that ended are past: the next one writes both records anew.
        assert!(of(&[("lb1", Some(&ended), None), ("lb2", Some(&ours), Some("plan"))]).is_ok());
        let mut later = under_way(2, &[]);
        later.reached = None;
        assert!(of(&[("lb1", Some(&ended), None), ("lb2", Some(&later), None)]).is_ok());
    }

    /// One that says that a run goes on which has ended elsewhere does not bring it back.
    #[test]
    fn a_run_that_has_ended_is_not_opened_again_by_one_of_them() {
        let ended = under_way(1, &["plan"]).ended(Outcome::Done, None, jiff::Timestamp::UNIX_EPOCH);
        let mut again = under_way(1, &["plan"]);
        again.number = ended.number + 1;
        let error = of(&[("lb1", Some(&ended), None), ("lb2", Some(&again), Some("plan"))]).unwrap_err();
        let Disagreement::Records(lines) = &error else { panic!("{error:?}") };
        assert!(lines[0].contains("ended: done") && lines[1].contains("not ended"), "{lines:?}");
        let stuck = under_way(1, &["plan"]).ended(Outcome::Stuck, None, jiff::Timestamp::UNIX_EPOCH);
        again.number = stuck.number + 1;
        assert!(of(&[("lb1", Some(&stuck), Some("plan")), ("lb2", Some(&again), Some("plan"))]).is_ok());
    }

    #[test]
    fn a_record_that_counts_beyond_all_measure_is_none() {
        let mut absurd = under_way(1, &["plan"]);
        absurd.number = u64::MAX;
        let error = of(&[("lb1", Some(&absurd), Some("plan"))]).unwrap_err();
        assert!(matches!(error, Disagreement::Bad(host, _) if host.as_str() == "lb1"));
    }
}
