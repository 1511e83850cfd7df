//! The key of an app: its load balancers have it, everybody who deploys gets the same ids by it, and nothing tells it.

use std::collections::BTreeSet;

use bgctl::facts::Observed;
use bgctl::model::{BadKept, Key, ReleaseId};
use bgctl::plan::{self, Goal, Plan, Request, Show, Unopened};
use bgctl::remote::fake::{Call, Fault};
use bgctl::run::{self, Disagreement};

use super::house::{House, KEY, Verb, host, nothing};

const FOLDER: &str = "/var/lib/bgctl/my-server";
/// What somebody else's process makes at its start.
const THEIRS: &str = "0000000000000000000000000000000000000000000000000000000000000007";

const SECRET: &str = "        environment: { TOKEN: hunter2 }\n        compose: {";

fn with_secret(load_balancers: usize) -> House {
    House::new(load_balancers).playbook("        compose: {", SECRET)
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

/// The keys that hosts keep.
fn kept(house: &House) -> Vec<(String, String)> {
    let worlds = house.fleet.worlds();
    let keys = worlds.iter().flat_map(|(host, world)| {
        world.keys.iter().map(|(folder, key)| {
            assert_eq!(folder, FOLDER);
            (host.to_string(), key.clone())
        })
    });
    keys.collect()
}

fn planned(house: &House, observed: &Observed, version: &str) -> Plan {
    let request = Request { goal: Goal::Apply, force: true };
    plan::build(request, &house.model(version), observed, &[]).unwrap()
}

async fn release(house: &House, fresh: &str) -> ReleaseId {
    let observed = house.observe_with(&house.model("1"), key(fresh)).await;
    planned(house, &observed, "1").release
}

#[tokio::test(start_paused = true)]
async fn the_first_run_leaves_the_key_on_all_load_balancers_and_others_take_it() {
    let house = with_secret(2);
    assert_ne!(release(&house, KEY).await, release(&house, THEIRS).await, "two keys make two ids");
    let told = house.does(Goal::Apply, "1").await;
    let on = |name: &str| (name.to_owned(), KEY.to_owned());
    assert_eq!(kept(&house), [on("lb1"), on("lb2")]);
    assert_eq!(release(&house, THEIRS).await, told.plan.release, "a second operator makes the same id");
    // One that came new, or lost it, gets that of the others.
    house.fleet.change(&host("lb1"), |world| world.keys.clear());
    assert_eq!(release(&house, THEIRS).await, told.plan.release);
    house.does(Goal::Apply, "2").await;
    assert_eq!(kept(&house), [on("lb1"), on("lb2")]);
}

#[tokio::test(start_paused = true)]
async fn a_first_run_that_is_taken_back_leaves_it_too() {
    let house = with_secret(2);
    let fails = |call: &Call, _: &_| (call.what == "swap").then_some(Fault::Before);
    house.run(Goal::Apply, "1", fails).await;
    assert_eq!(kept(&house).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_with_a_run_opens_it_by_that_key_and_by_no_other() {
    for verb in [Verb::Resume, Verb::Abort] {
        let house = with_secret(2);
        let dies = |call: &Call, _: &_| (call.what == "test_site").then_some(Fault::Crash { done: true });
        assert!(house.run(Goal::Apply, "1", dies).await.ending.is_none());
        let other = house.again(&house.fleet.worlds());
        for balancer in other.load_balancers() {
            other
                .fleet
                .change(&balancer, |world| drop(world.keys.insert(FOLDER.to_owned(), THEIRS.to_owned())));
        }
        if verb == Verb::Resume {
            let error = other.try_left(verb, "1").await.err().unwrap();
            assert!(matches!(error, Unopened::OtherRelease(_)), "{error:?}");
        }
        // Another process, which would make another key.
        let left = house.observe_with(&house.model("1"), key(THEIRS)).await;
        assert_eq!(left.key, key(KEY));
        house.left(verb, "1").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_environment_is_of_the_key() {
    let house = with_secret(1);
    for version in ["1", "2", "3"] {
        house.does(Goal::Apply, version).await;
    }
    let release = house.kept("1").release;
    let texts = house.kept_texts(&release);
    let observed = Observed { key: key(THEIRS), ..Observed::default() };
    let bad = plan::open_kept(&release, &texts, &house.model("1"), &observed).unwrap_err();
    assert!(bad.len() == 2 && bad.iter().all(|(_, why)| *why == BadKept::OtherEnvironment), "{bad:?}");
    assert_eq!(plan::open_kept(&release, &texts, &house.model("1"), &nothing()).unwrap().hosts.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn different_keys_are_nobodys() {
    let house = with_secret(3);
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("lb2"), |world| drop(world.keys.insert(FOLDER.to_owned(), THEIRS.to_owned())));
    let model = house.model("1");
    let mut observed = Observed::default();
    for (host, questions) in plan::questions(&model).unwrap() {
        use bgctl::remote::{Exec, Remote as _};
        let exec = Exec::reads(bgctl::facts::SCRIPT).args(questions.args());
        let output = house.fleet.exec(&host, exec).await.unwrap();
        observed.hosts.insert(host, bgctl::facts::read(&output.text(), &questions).unwrap().facts);
    }
    let error = run::agreed_key(&observed).unwrap_err();
    let lines = ["lb1, lb3 (2 hosts): one key", "lb2: another one"].map(str::to_owned).to_vec();
    assert_eq!(error, Disagreement::Keys(lines));
}

/// Not in what people and programs see of a plan and its run, nor in what any host keeps beside it.
#[tokio::test(start_paused = true)]
async fn nothing_tells_the_key() {
    let house = with_secret(2);
    for version in ["1", "2"] {
        let told = house.does(Goal::Apply, version).await;
        let observed = house.observe(&house.model(version)).await;
        let shown = plan::show(&told.plan, Show { color: false, diff: true, width: 200 });
        let json = plan::to_json(&told.plan).to_string();
        let sealed = plan::seal(&told.plan, &observed.key);
        let events: Vec<String> = told.events().map(|event| serde_json::to_string(event).unwrap()).collect();
        let facts = serde_json::to_string(&observed).unwrap();
        for text in [shown, json, sealed, facts, format!("{observed:?}"), told.story(), events.join("\n")] {
            assert!(!text.is_empty() && !text.contains(KEY), "{text}");
        }
    }
    for (host, mut world) in house.fleet.worlds() {
        let had: BTreeSet<String> = std::mem::take(&mut world.keys).into_values().collect();
        assert_eq!(had.contains(KEY), host.as_str().starts_with("lb"), "{host}");
        assert!(!format!("{world:?}").contains(KEY), "{host}");
    }
}
