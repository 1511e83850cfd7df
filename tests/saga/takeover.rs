//! A process dies at every call: its run is finished or taken back by another.

use bgctl::event::Outcome;
use bgctl::model::{Color, HostName};
use bgctl::plan::Goal;
use bgctl::remote::fake::{Call, Fault};

use super::house::{House, Told, Verb, host};
use super::invariants::{self, Worlds};
use super::scenario::{self, Rehearsal, Scenario};

/// A run whose process dies at a call; `None` where there is no such call.
async fn left_at(rehearsal: &Rehearsal, index: usize, done: bool) -> Option<House> {
    let house = rehearsal.house();
    let fate = move |call: &Call, _: &_| (call.index == index).then_some(Fault::Crash { done });
    let told = house.carry_out(&rehearsal.ready, fate).await;
    told.ending.is_none().then_some(house)
}

fn essence(worlds: &Worlds) -> Worlds {
    worlds.iter().map(|(host, world)| (host.clone(), invariants::essence(world))).collect()
}

async fn undisturbed(rehearsal: &Rehearsal) -> Worlds {
    let house = rehearsal.house();
    let told = house.carry_out(&rehearsal.ready, |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Done);
    essence(&house.fleet.worlds())
}

async fn resumed_it_ends_as_if_nothing_had_happened(scenario: Scenario) {
    let rehearsal = scenario.rehearse().await;
    let expected = undisturbed(&rehearsal).await;
    for done in [false, true] {
        let mut index = 0;
        while let Some(house) = left_at(&rehearsal, index, done).await {
            let replay = format!("{}: died at call {index}, done: {done}", scenario.name);
            one_color(&house, &replay);
            let told = house.take_over(Verb::Resume, scenario.version, |_, _| None).await;
            assert_eq!(told.ending().outcome, Outcome::Done, "{replay}\n{}", told.story());
            assert_eq!(essence(&house.fleet.worlds()), expected, "{replay}\n{}", told.story());
            ended(&house, &told, &replay);
            index += 1;
        }
        assert!(index > 0);
    }
}

async fn aborted_it_is_as_before(scenario: Scenario) {
    let rehearsal = scenario.rehearse().await;
    for done in [false, true] {
        let mut index = 0;
        while let Some(house) = left_at(&rehearsal, index, done).await {
            let replay = format!("{}: died at call {index}, done: {done}", scenario.name);
            let told = house.take_over(Verb::Abort, scenario.version, |_, _| None).await;
            assert_eq!(told.ending().outcome, Outcome::Undone, "{replay}\n{}", told.story());
            invariants::hold(&house, &rehearsal.worlds, &told, &replay);
            ended(&house, &told, &replay);
            index += 1;
        }
        assert!(index > 0);
    }
}

/// Each load balancer serves one color from servers that are well, or nothing before a first deploy.
fn one_color(house: &House, replay: &str) {
    for balancer in house.load_balancers() {
        let nothing_yet = house.fleet.worlds()[&balancer].links.is_empty();
        assert!(nothing_yet || house.serves(&balancer).is_ok(), "{replay}: {:?}", house.serves(&balancer));
    }
}

/// No lock is left, nor anything to go on with.
fn ended(house: &House, told: &Told, replay: &str) {
    assert!(!house.record().unwrap().is_unfinished(), "{replay}\n{}", told.story());
    for (host, world) in house.fleet.worlds() {
        assert!(world.plans.is_empty(), "{replay}: {host} still keeps the plan");
        let kept: Vec<&String> = world.files.keys().filter(|path| path.contains(".bgctl.new")).collect();
        assert!(kept.is_empty(), "{replay}: {kept:?}");
    }
}

macro_rules! scenarios {
    ($($name:ident: $scenario:expr;)*) => {
        $(mod $name {
            use super::*;

            #[tokio::test(start_paused = true)]
            async fn resumed() {
                resumed_it_ends_as_if_nothing_had_happened($scenario).await;
            }

            #[tokio::test(start_paused = true)]
            async fn aborted() {
                aborted_it_is_as_before($scenario).await;
            }
        })*
    };
}

scenarios! {
    first: scenario::FIRST;
    first_on_two: scenario::FIRST_ON_TWO;
    second: scenario::SECOND;
    second_on_two: scenario::SECOND_ON_TWO;
    third: scenario::THIRD;
    images: scenario::IMAGES;
    stops: scenario::STOPS;
    removes: scenario::REMOVES;
    migrates: scenario::MIGRATES;
    migrates_on_each: scenario::MIGRATES_EACH;
    stage: scenario::STAGE;
    promotion: scenario::PROMOTION;
    rollback: scenario::ROLLBACK;
    rollback_to_stopped: scenario::ROLLBACK_TO_STOPPED;
    rollback_to_a_kept_release: scenario::RESTAGE;
    retirement: scenario::RETIREMENT;
}

/// What is never kept with a plan, commands and their environment, is known again to who has the same files.
#[tokio::test(start_paused = true)]
async fn commands_and_environments_are_found_again_from_the_same_files() {
    for verb in [Verb::Resume, Verb::Abort] {
        for goal in [Goal::Apply, Goal::Rollback] {
            let house = House::new(1)
                .playbook("        compose: {", "        environment: { TOKEN: hunter2 }\n        compose: {")
                .playbook("    link:", "    reload: \"reload --token hunter2\"\n    link:")
                .playbook("old: keep", "old: stop");
            house.does(Goal::Apply, "1").await;
            house.does(Goal::Apply, "2").await;
            let crash = |call: &Call, _: &_| (call.what == "swap").then_some(Fault::Crash { done: true });
            let told = house.run(goal, "3", crash).await;
            assert!(told.ending.is_none(), "{}", told.story());
            let kept = house.fleet.worlds()[&host("lb1")].plans.values().next().unwrap().clone();
            assert!(kept.contains("sealed") && !kept.contains("hunter"), "{kept}");
            let told = house.take_over(verb, "3", |_, _| None).await;
            let expected = if verb == Verb::Resume { Outcome::Done } else { Outcome::Undone };
            assert_eq!(told.ending().outcome, expected, "{verb:?} {goal:?}\n{}", told.story());
        }
    }
}

/// The site without a host that failed is made again from the same files.
#[tokio::test(start_paused = true)]
async fn a_host_that_was_left_out_stays_left_out() {
    let house = House::with_app_servers(1, 3).playbook("max_fail_percentage: 0", "max_fail_percentage: 40");
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("app2"), |world| {
        world.ill.insert("my-server:2".to_owned());
    });
    let crash = |call: &Call, _: &_| (call.what == "swap").then_some(Fault::Crash { done: true });
    assert!(house.run(Goal::Apply, "2", crash).await.ending.is_none());
    let told = house.take_over(Verb::Resume, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Done, "{}", told.story());
    let site = house.fleet.worlds()[&host("lb1")].nginx.as_ref().unwrap().loaded.clone().unwrap();
    assert!(site.contains("app1:") && !site.contains("app2:") && site.contains("app3:"), "{site}");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_gone_for_good_does_not_keep_the_others_from_being_put_down() {
    let house = House::new(1);
    house.does(Goal::Apply, "1").await;
    let gone: HostName = host("app1");
    let told = house
        .run(Goal::Apply, "2", |call, _| {
            (call.host.as_str() == "app1" && call.what != "facts").then_some(Fault::Lost { done: false })
        })
        .await;
    assert_eq!(told.ending().outcome, Outcome::Stuck, "{}", told.story());
    assert!(
        !house.fleet.worlds()[&host("app2")].projects.contains_key("my-server-green"),
        "{}",
        told.story()
    );
    assert!(house.record().unwrap().is_unfinished(), "a person must look at {gone}");
}

/// A host that is gone for good keeps nobody from taking the others back, in the stage and after the switch.
#[tokio::test(start_paused = true)]
async fn a_host_that_is_gone_is_left_alone_by_an_abort() {
    for what in ["compose_up", "keep"] {
        let house = House::new(1);
        house.does(Goal::Apply, "1").await;
        let on_app1 = host("app1");
        let crash = move |call: &Call, _: &_| {
            (call.what == what && call.host == on_app1).then_some(Fault::Crash { done: true })
        };
        let told = house.run(Goal::Apply, "2", crash).await;
        assert!(told.ending.is_none(), "{what}: {}", told.story());
        let gone = host("app2");
        let is_gone = {
            let gone = gone.clone();
            move |call: &Call, _: &_| {
                (call.host == gone || call.about.contains("app2")).then_some(Fault::Before)
            }
        };
        let told = house.take_over_without(std::slice::from_ref(&gone), Verb::Abort, "2", is_gone).await;
        assert_eq!(told.ending().outcome, Outcome::Undone, "{what}\n{}", told.story());
        assert!(told.calls().all(|call| call.host != gone), "{what}\n{}", told.story());
        assert_eq!(house.serves(&host("lb1")), Ok(Color::Blue), "{what}");
        let app1 = house.fleet.worlds()[&host("app1")].clone();
        assert!(!app1.projects.contains_key("my-server-green"), "{what}");
    }
}

/// What a refresh replaced is gone: before it begins a run can be taken back, from then on only finished.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_back_any_more_is_told_before_anything_is_taken_back() {
    for (settles, lost) in [(false, 0), (true, 2)] {
        let house = House::new(1).playbook("old: keep", "old: refresh");
        house.does(Goal::Apply, "1").await;
        let mut swapped = false;
        let crash = move |call: &Call, _: &_| {
            let refreshes = swapped && call.what == "compose_up" && call.host == host("app1");
            let here = if settles { refreshes } else { call.what == "swap" };
            swapped |= call.what == "swap";
            here.then_some(Fault::Crash { done: true })
        };
        let told = house.run(Goal::Apply, "2", crash).await;
        assert!(told.ending.is_none(), "{}", told.story());
        let (ready, mut left, _) = house.left(Verb::Abort, "2").await;
        left.outside = vec![host("app2")];
        assert_eq!(left.lost(&ready.plan).len(), lost, "{:?}", left.lost(&ready.plan));
        if settles {
            // An undo that got stuck there has moved no traffic: the way forward stays open.
            let told = house.take_over(Verb::Abort, "2", |_, _| None).await;
            assert_eq!(told.ending().outcome, Outcome::Stuck, "{}", told.story());
            assert!(house.record().unwrap().can_resume());
        }
        let verb = if settles { Verb::Resume } else { Verb::Abort };
        let told = house.take_over(verb, "2", |_, _| None).await;
        let ending = if settles { Outcome::Done } else { Outcome::Undone };
        assert_eq!(told.ending().outcome, ending, "{verb:?}\n{}", told.story());
        assert!(!house.record().unwrap().is_unfinished(), "{verb:?}\n{}", told.story());
    }
}

/// Before a resumed switch the stage's checks are made again, and nothing else of it.
#[tokio::test(start_paused = true)]
async fn a_resumed_switch_asks_again_and_makes_nothing_anew() {
    let house = House::new(1);
    house.does(Goal::Apply, "1").await;
    let crash = |call: &Call, _: &_| (call.what == "swap").then_some(Fault::Crash { done: false });
    house.run(Goal::Apply, "2", crash).await;
    let told = house.take_over(Verb::Resume, "2", |_, _| None).await;
    let before_the_swap: Vec<&Call> = told.calls().take_while(|call| call.what != "swap").collect();
    assert!(before_the_swap.iter().any(|call| call.what == "probe"), "{}", told.story());
    let of_the_stage =
        |call: &&Call| call.what == "compose_up" || call.what == "put" && call.host != host("lb1");
    assert!(!before_the_swap.iter().any(of_the_stage), "{}", told.story());

    // Once traffic has moved, only the settle is left.
    let house = House::new(1);
    house.does(Goal::Apply, "1").await;
    let crash = |call: &Call, _: &_| (call.what == "keep").then_some(Fault::Crash { done: false });
    house.run(Goal::Apply, "2", crash).await;
    let told = house.take_over(Verb::Resume, "2", |_, _| None).await;
    assert!(told.calls().all(|call| call.what != "probe"), "{}", told.story());
}

/// The certificates of a check are no secret, but long: the record has their hash, as it has of contents.
#[tokio::test(start_paused = true)]
async fn a_run_that_asks_over_https_is_resumed() {
    let plain = "verify: { http: \"http://127.0.0.1/\",";
    let house = House::new(1).playbook(plain, "verify: { http: \"https://127.0.0.1:80/\", ca: ca.pem,");
    house.does(Goal::Apply, "1").await;
    let dies = |call: &Call, _: &_| (call.what == "confirm").then_some(Fault::Crash { done: false });
    let told = house.run(Goal::Apply, "2", dies).await;
    assert!(told.ending.is_none(), "{}", told.story());
    let plan = house.fleet.worlds().values().find_map(|world| world.plans.values().next().cloned()).unwrap();
    assert!(!plan.contains("https://127.0.0.1:80/") && !plan.contains("BEGIN CERTIFICATE"), "{plan}");
    let told = house.take_over(Verb::Resume, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Done, "{}", told.story());
}

/// Every history, at every fifth call: the plan that was left is one that the same playbook makes.
#[tokio::test(start_paused = true)]
async fn every_plan_that_was_left_is_opened_again_with_the_same_files() {
    let all = [
        scenario::REFRESHES,
        scenario::FIRST_BY_FILE,
        scenario::THIRD_BY_FILE,
        scenario::ROLLBACK_BY_FILE,
        scenario::SECOND_BY_COMMAND,
        scenario::ROLLBACK_BY_COMMAND,
        scenario::BY_HAND,
        scenario::AGREEMENT,
    ];
    for scenario in all {
        let rehearsal = scenario.rehearse().await;
        let (mut index, mut opened) = (0, 0);
        while let Some(house) = left_at(&rehearsal, index, index % 2 == 0).await {
            index += 5;
            let Some(record) = house.record().filter(bgctl::run::Record::is_unfinished) else { continue };
            for verb in [Verb::Resume, Verb::Abort] {
                if verb == Verb::Resume && !record.can_resume() {
                    continue;
                }
                let left = house.try_left(verb, scenario.version).await;
                assert!(left.is_ok(), "{}, call {index}, {verb:?}: {:?}", scenario.name, left.err());
                opened += 1;
            }
        }
        assert!(opened >= 4, "{}: {opened}", scenario.name);
    }
}

/// Batches, conditions, users, hosts that one task runs on for all: also of a run that was limited.
#[tokio::test(start_paused = true)]
async fn a_plan_of_many_parts_is_opened_again() {
    let tasks = "      - name: Once
        command: { argv: [prepare], undo: [unprepare] }
        run_once: true
        become: true
      - name: Sometimes
        command: { argv: [sometimes], creates: /srv/there }
        when: (eq inventory_hostname \"app2\")
      - name: Recreate";
    let house = || {
        House::with_app_servers(2, 5)
            .playbook("      - name: Recreate", tasks)
            .playbook("serial: 100%", "serial: [1, 2]")
            .playbook("old: keep", "old: stop, after: 3s")
            .playbook("max_fail_percentage: 0", "max_fail_percentage: 50")
    };
    for limit in [None, Some("app1,app3,app5")] {
        for at in ["put", "compose_up", "swap", "compose_state"] {
            let house = house();
            house.does(Goal::Apply, "1").await;
            let goal = if limit.is_some() { Goal::Stage } else { Goal::Apply };
            let ready = house.ready_within(goal, "2", limit).await;
            let mut seen = 0;
            let crash = move |call: &Call, _: &_| {
                seen += usize::from(call.what == at);
                (call.what == at && seen == 2).then_some(Fault::Crash { done: true })
            };
            let told = house.carry_out(&ready, crash).await;
            if told.ending.is_some() {
                assert!(limit.is_some() && !at.starts_with("put"), "{at}: {}", told.story());
                continue;
            }
            for verb in [Verb::Resume, Verb::Abort] {
                let left = house.try_left(verb, "2").await;
                assert!(left.is_ok(), "{limit:?}, {at}, {verb:?}: {:?}", left.err());
            }
            let told = house.take_over(Verb::Resume, "2", |_, _| None).await;
            assert_eq!(told.ending().outcome, Outcome::Done, "{limit:?}, {at}: {}", told.story());
        }
    }
}
