//! Ten switches in a row under load: nobody notices, whatever kind of client they are.
#![expect(clippy::disallowed_macros, reason = "the numbers are worth a look; nextest shows them")]

use std::time::Instant;

use crate::harness::{Client, Lab, Served, Tally};

/// Healthy releases, one after the other.
const VERSIONS: [&str; 7] = ["0.0.1", "0.0.2", "0.0.4", "0.0.5", "0.0.6", "0.0.7", "0.0.8"];
const SWITCHES: usize = 10;

/// A deploy: what it brought, from when to when it ran, and how long the switch itself took.
struct Deploy {
    brings: Served,
    began: Instant,
    ended: Instant,
    switched_ms: u64,
}

fn deploy(lab: &Lab, number: usize) -> Deploy {
    let version = VERSIONS[number % VERSIONS.len()];
    let began = Instant::now();
    let said = lab.bgctl(&["apply", "-y", "-e", &format!("version={version}"), "--output", "json"]).exits(0);
    let switched = said.events("switched");
    assert_eq!(switched.len(), 1, "{switched:?}");
    Deploy {
        brings: Served::new(version, ["blue", "green"][number % 2]),
        began,
        ended: Instant::now(),
        switched_ms: switched[0]["took_ms"].as_u64().unwrap(),
    }
}

/// Every answer came from a release that was not yet, or no longer, stopped: it may answer from when its own
/// deploy began until the next one, which stops it, has ended.
fn strays<'t>(tally: &'t Tally, deploys: &[Deploy]) -> Vec<&'t Served> {
    let may_answer = |served: &Served, from: Instant, to: Instant| {
        deploys.iter().enumerate().any(|(number, deploy)| {
            let gone = deploys.get(number + 1).is_some_and(|next| from > next.ended);
            deploy.brings == *served && to >= deploy.began && !gone
        })
    };
    let strays = tally.samples.iter().filter_map(|sample| {
        let served = sample.result.as_ref().ok()?;
        (!may_answer(served, sample.began, sample.ended)).then_some(served)
    });
    strays.collect()
}

fn report(client: Client, tally: &Tally) -> String {
    let answers: Vec<String> =
        tally.answers().iter().map(|(served, count)| format!("{served} {count}")).collect();
    format!(
        "{client:?}: {} requests, {} failed, {} retried; {}",
        tally.samples.len(),
        tally.failures().len(),
        tally.retried,
        answers.join(", ")
    )
}

#[test]
fn ten_switches_under_load_lose_no_request() {
    let lab = Lab::fresh();
    // Stopped for certain, so that an answer of the old color would be wrong rather than late.
    lab.edit("playbook.yml", "retire: { old: keep }", "retire: { old: stop }");
    let mut deploys = vec![deploy(&lab, 0)];
    let loads = [Client::New, Client::KeepAlive].map(|client| (client, lab.load(client, 4)));
    deploys.extend((1..=SWITCHES).map(|number| deploy(&lab, number)));
    let tallies = loads.map(|(client, load)| (client, load.end()));

    let mut took: Vec<u64> = deploys.iter().skip(1).map(|deploy| deploy.switched_ms).collect();
    took.sort_unstable();
    let mut lines = vec![format!("{SWITCHES} switches, each took ms: {took:?}")];
    lines.extend(tallies.iter().map(|(client, tally)| report(*client, tally)));
    println!("{}", lines.join("\n"));
    for (client, tally) in &tallies {
        assert_eq!(tally.failures(), Vec::<&String>::new(), "{client:?}");
        assert!(tally.samples.len() > 100 * SWITCHES, "{client:?}: too little load to prove anything");
        assert_eq!(strays(tally, &deploys), Vec::<&Served>::new(), "{client:?} met a stopped release");
        assert_eq!(tally.answers().len(), SWITCHES + 1, "{:?}", tally.answers());
    }
}
