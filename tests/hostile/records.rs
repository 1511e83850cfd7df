//! Load balancers that keep another record than they were given. What one of two says alone decides nothing; what the
//! only one says makes nothing happen that its playbook does not make.

use std::collections::BTreeSet;

use bgctl::facts::Observed;
use bgctl::model::{Color, HostName};
use bgctl::plan::{self, Blocked, Goal, KeptPlan, Model, Open, Reopening, Request, Undo};
use bgctl::remote::fake::{Call, Fault};
use bgctl::run::{Disagreement, LastRun, Left, Record};
use serde_json::{Value, json};

use super::answers;
use super::house::{House, host};
use super::plans::each_place;

/// What stands in a value's place: every one for each value.
fn lies(value: &Value) -> Vec<Value> {
    let texts = [
        "../../h0st1le",
        "20260101T000000Z-0000ffff",
        "19700101T000000Z-00000009",
        "0123456789ab",
        "as-it-was",
        "blue",
        "green",
        "apply",
        "rollback",
        "switch",
        "settle",
        "stage",
        "done",
        "undone",
        "stuck",
        "unsettled",
        "interrupted",
        "app1",
        "lb1",
        "stranger",
        "\u{1b}[2Jh0st1le",
        "2026-01-01T00:00:00Z",
        "",
    ];
    let others = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(7),
        json!(-1),
        json!(u64::MAX),
        json!(1_u64 << 47),
        json!(u32::MAX),
        json!(1.5),
        json!([]),
        json!(["app1"]),
        json!(["app1", "app2", "lb1"]),
        json!({}),
        json!({ "switch": "blue" }),
        json!({ "phase": "settle", "wave": 3, "waves": 4, "undoing": true, "left_out": ["app2"] }),
        json!({ "phase": "stage", "wave": u64::MAX, "waves": u64::MAX, "undoing": false, "left_out": [] }),
        json!({ "phase": "stage", "wave": 1 << 30, "waves": 1 << 30, "undoing": false, "left_out": [] }),
        json!({ "web": { "ids": ["h0st1le"] } }),
    ];
    let mut all: Vec<Value> = texts.iter().map(|text| json!(text)).chain(others).collect();
    all.push(json!("h0st1le".repeat(1 << 17)));
    all.retain(|lie| lie != value);
    all
}

/// A run that its process left, as the load balancers keep it.
struct Kept {
    house: House,
    model: Model,
    observed: Observed,
    record: Value,
}

async fn left(at: &'static str, balancers: usize) -> Kept {
    let house = answers::house(balancers).await;
    let crash = move |call: &Call, _: &_| (call.what == at).then_some(Fault::Crash { done: true });
    assert!(house.run(Goal::Apply, "3", crash).await.ending.is_none());
    let record = house.record().unwrap();
    let mut model = house.model("3");
    model.run = record.run.to_string();
    let observed = house.observe(&model).await;
    Kept { house, model, observed, record: json!(record) }
}

/// The same fleet where a load balancer keeps this record.
fn with(observed: &Observed, liar: &str, record: &Value) -> Observed {
    let mut observed = observed.clone();
    observed.hosts.get_mut(&host(liar)).unwrap().records.last_run = Some(record.to_string());
    observed
}

/// Every value of a record replaced by some lies, by others in each place, and taken out; of two the one is newer.
fn forgeries(record: &Value) -> Vec<(String, Value)> {
    let (mut all, mut place) = (Vec::new(), 0);
    each_place(record, "", &mut |path, value| {
        // Of an image's many ids one is as good as the other.
        if path.contains("/web/") {
            return;
        }
        place += 1;
        for (index, lie) in lies(value).into_iter().enumerate().skip(place % 4).step_by(4) {
            let mut forged = record.clone();
            *forged.pointer_mut(path).unwrap() = lie.clone();
            let shown: String = lie.to_string().chars().take(60).collect();
            let is_newer = (index / 4) % 2 == 0 && forged.is_object() && path != "/number";
            if is_newer {
                forged["number"] = json!(record["number"].as_u64().unwrap() + 1);
            }
            all.push((format!("{path}: {shown}, newer: {is_newer}"), forged));
        }
        if let Some((folder, key)) = path.rsplit_once('/') {
            let mut forged = record.clone();
            if let Some(Value::Object(map)) = forged.pointer_mut(folder) {
                map.remove(key);
                all.push((format!("{path} gone"), forged));
            }
        }
    });
    all
}

/// What is opened of a run with this record: every effect of it, by host.
fn opened(left: &Kept, observed: &Observed, last: &LastRun, open: Open) -> Option<BTreeSet<String>> {
    let LastRun { record, plan, by } = last;
    let kept = KeptPlan { text: plan.as_deref()?, by };
    let plan = Reopening::new(record.began(), &left.model, observed).ok()?.open(kept, open).ok()?;
    let left = Left::of(record, &plan, None);
    let _ = (left.lost(&plan), left.switched(&plan), left.takes_away(&plan));
    let whole = plan.waves.iter().flat_map(|wave| &wave.lanes);
    let steps: Vec<(HostName, bgctl::plan::Step)> = match open {
        Open::Whole => {
            whole.flat_map(|lane| lane.steps.iter().map(|step| (lane.host.clone(), step.clone()))).collect()
        }
        Open::Undos => {
            left.ways_back(&plan).into_iter().map(|(host, step)| (host.clone(), step.clone())).collect()
        }
    };
    let effects = steps.into_iter().flat_map(|(host, step)| {
        let undo = match step.undo {
            Undo::Reverse(action) => json!(action),
            _ => Value::Null,
        };
        let action = if open == Open::Whole { json!(step.action) } else { Value::Null };
        [json!([host, step.escalate, undo]).to_string(), json!([host, step.escalate, action]).to_string()]
    });
    Some(effects.collect())
}

/// What one of two says alone is refused, with who says what; or it is as if it had said nothing.
#[tokio::test(start_paused = true)]
async fn one_of_two_decides_nothing() {
    let left = left("confirm", 2).await;
    let honest = LastRun::of(&left.observed).unwrap().unwrap();
    let effects = opened(&left, &left.observed, &honest, Open::Undos).unwrap();
    let (mut tried, mut refused) = (0, 0);
    for (what, forged) in forgeries(&left.record) {
        tried += 1;
        let observed = with(&left.observed, "lb2", &forged);
        let last = match LastRun::of(&observed) {
            Err(Disagreement::Records(lines)) => {
                refused += 1;
                assert!(
                    lines.iter().any(|line| line.starts_with("lb1: ")) && lines.len() == 2,
                    "{what}: {lines:?}"
                );
                continue;
            }
            Err(Disagreement::Bad(host, _)) => {
                refused += 1;
                assert_eq!(host.as_str(), "lb2", "{what}");
                continue;
            }
            Err(error @ Disagreement::Keys(_)) => panic!("{what}: {error}"),
            Ok(last) => last.unwrap(),
        };
        // It may say that the run has ended: a connection that was cut at the end says the same.
        assert_eq!(last.record.run, honest.record.run, "{what}");
        if !last.record.is_unfinished() {
            continue;
        }
        if let Some(theirs) = opened(&left, &observed, &last, Open::Undos) {
            assert!(
                theirs.is_subset(&effects),
                "{what}: {:#?}",
                theirs.difference(&effects).collect::<Vec<_>>()
            );
        }
    }
    assert!(tried > 200 && refused * 3 > tried, "{refused} of {tried}");
}

/// What the only one says may be anything: what is opened does nothing but what the run's playbook makes.
async fn the_only_one(at: &'static str, skip: usize) {
    let left = left(at, 1).await;
    let honest = LastRun::of(&left.observed).unwrap().unwrap();
    let whole = opened(&left, &left.observed, &honest, Open::Whole).unwrap();
    let mut undos = opened(&left, &left.observed, &honest, Open::Undos).unwrap();
    undos.extend(whole.clone());
    let (mut tried, mut opens) = (0, 0);
    for (index, (what, forged)) in forgeries(&left.record).into_iter().enumerate().skip(skip).step_by(2) {
        tried += 1;
        let observed = with(&left.observed, "lb1", &forged);
        let Ok(Some(last)) = LastRun::of(&observed) else { continue };
        let (open, honest) = if index % 4 < 2 { (Open::Whole, &whole) } else { (Open::Undos, &undos) };
        let Some(theirs) = opened(&left, &observed, &last, open) else { continue };
        opens += 1;
        assert!(theirs.is_subset(honest), "{what}: {:#?}", theirs.difference(honest).collect::<Vec<_>>());
    }
    assert!(tried > 100 && opens > 10, "{opens} of {tried}");
    assert!(left.house.record().unwrap().is_unfinished());
}

#[tokio::test(start_paused = true)]
async fn the_only_one_makes_nothing_up_before_the_switch() {
    the_only_one("test_site", 0).await;
}

#[tokio::test(start_paused = true)]
async fn the_only_one_makes_nothing_up_after_it() {
    the_only_one("confirm", 1).await;
}

/// What a color was live with is not for one of two to say: neither what may get traffic again, nor what is spared.
#[tokio::test(start_paused = true)]
async fn one_of_two_does_not_say_what_may_be_rolled_back_to() {
    let house = answers::house(2).await;
    let model = house.model("2");
    let observed = house.observe(&model).await;
    let rollback = Request { goal: Goal::Rollback, force: false };
    assert!(plan::build(rollback, &model, &observed, &[]).is_ok());
    let record = json!(house.record().unwrap());
    let target = plan::build(rollback, &model, &observed, &[]).unwrap().target;
    let live = target.other();
    let mut forged = Vec::new();
    let mut forge = |change: &dyn Fn(&mut Value)| {
        let mut record = record.clone();
        record["number"] = json!(record["number"].as_u64().unwrap() + 1);
        change(&mut record);
        forged.push(record);
    };
    forge(&|record| record["staged"] = json!(target));
    forge(&|record| drop(record["went_live"].as_object_mut().unwrap().remove(target.as_str())));
    forge(&|record| record["went_live"][target.as_str()]["images"] = json!({}));
    forge(&|record| record["went_live"][target.as_str()]["release"] = json!("0ddba110ddba"));
    for record in forged {
        let observed = with(&observed, "lb2", &record);
        let Err(Blocked::NotReady { what, details, .. }) = plan::build(rollback, &model, &observed, &[])
        else {
            panic!("{record} was believed");
        };
        assert!(what.contains("different records") && details.len() == 2, "{what}: {details:?}");
        assert!(details[0].starts_with("lb1: ") && details[1].starts_with("lb2: "), "{details:?}");
    }
    let mut record = record;
    record["went_live"][live.as_str()]["release"] = json!("0ddba110ddba");
    assert!(plan::release_of(&observed, live).is_some());
    assert_eq!(plan::release_of(&with(&observed, "lb2", &record), live), None);
}

/// Nothing that a record says makes a reader of it fail.
#[tokio::test(start_paused = true)]
async fn every_forged_record_is_read_or_refused() {
    let left = left("swap", 1).await;
    let reads = forgeries(&left.record).into_iter().filter_map(|(what, forged)| {
        let record = Record::read(&forged.to_string()).ok()?;
        assert!(record.number <= 1 << 48, "{what}");
        // What comes after it is still a record.
        let next = record.taken_over("you".into(), "abort".into(), record.at);
        assert!(next.number > record.number || record.number == u64::MAX, "{what}");
        Some(next.ended(bgctl::event::Outcome::Undone, Some(Color::Blue), record.at))
    });
    assert!(reads.count() > 50);
}
