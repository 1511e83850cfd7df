//! Commands in containers, those that one host runs for all, and pauses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bgctl::event::{Kind, Outcome};
use bgctl::model::{Action, Pull};
use bgctl::plan::{Blocked, Goal, Plan, Undo};
use bgctl::remote::fake::{Call, Fault};
use tokio_util::sync::CancellationToken;

use super::house::{House, Told, host};

const TASK: &str = "      - name: Migrate
        command: { in: container, service: web, argv: [migrate, up] }
        run_once: true
";

/// A house whose stage has these tasks between the compose file and the containers.
fn with(tasks: &str) -> House {
    let compose = "      - name: Recreate";
    House::new(1).playbook(compose, &format!("{tasks}{compose}"))
}

/// What ran on a host, each in one line.
fn ran(house: &House, name: &str) -> Vec<String> {
    house.fleet.worlds()[&host(name)].ran.iter().map(|words| words.join(" ")).collect()
}

/// The names of a plan's waves with the hosts that do something in them.
fn waves(plan: &Plan) -> Vec<String> {
    let stage = plan.waves.iter().take_while(|wave| wave.phase == bgctl::plan::Phase::Stage);
    let busy = stage.map(|wave| {
        let lanes = wave.lanes.iter().filter(|lane| !lane.steps.is_empty());
        let hosts: Vec<&str> = lanes.map(|lane| lane.host.as_str()).collect();
        format!("{} [{}] {}", wave.name, hosts.join(" "), wave.max_fail_percentage)
    });
    busy.collect()
}

/// The calls that changed something, by host and script.
fn changes(told: &Told) -> Vec<String> {
    let calls = told.calls().filter(|call| ["put", "compose_run", "compose_up"].contains(&call.what));
    calls.map(|call| format!("{} {}", call.host, call.what)).collect()
}

#[tokio::test(start_paused = true)]
async fn it_runs_once_in_the_new_image_and_all_hosts_wait_for_it() {
    let house = with(TASK);
    house.does(Goal::Apply, "1").await;
    let told = house.does(Goal::Apply, "2").await;
    assert_eq!(
        waves(&told.plan),
        [
            "Recreate the idle color [app1 app2] 0",
            "Recreate the idle color: Migrate [app1] 0",
            "Recreate the idle color, after Migrate [app1 app2] 0",
            "Recreate the idle color, seen from the load balancers [lb1] 0",
        ]
    );
    let changes = changes(&told);
    let at = |what: &str| changes.iter().position(|change| change == what).unwrap();
    for server in ["app1", "app2"] {
        assert!(at(&format!("{server} put")) < at("app1 compose_run"), "{changes:?}");
        assert!(at("app1 compose_run") < at(&format!("{server} compose_up")), "{changes:?}");
    }
    let image =
        |version: &str, color: &str| format!("my-server:{version} in web of my-server-{color} migrate up");
    assert_eq!(ran(&house, "app1"), [image("1", "blue"), image("2", "green")]);
    assert_eq!(ran(&house, "app2"), Vec::<String>::new());
    house.does(Goal::Rollback, "2").await;
    assert_eq!(ran(&house, "app1").len(), 2, "a rollback migrates nothing");
}

#[tokio::test(start_paused = true)]
async fn a_promotion_does_not_run_it_again() {
    let house = with(TASK);
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Stage, "2").await;
    house.does(Goal::Promote, "2").await;
    assert_eq!(ran(&house, "app1").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn in_batches_it_runs_in_the_first_one_only() {
    let house = with(TASK).playbook("serial: 100%", "serial: 1");
    let plan = house.plan(Goal::Apply, "1").await.unwrap();
    let runs = plan.steps().filter(|(_, step)| matches!(step.action, Action::ComposeRun(_)));
    assert_eq!(runs.map(|(host, _)| host.as_str()).collect::<Vec<_>>(), ["app1"]);
    // A batch of one has nobody who waits.
    assert_eq!(waves(&plan).iter().filter(|wave| wave.contains("Migrate")).count(), 0, "{:?}", waves(&plan));
    house.does(Goal::Apply, "1").await;
    assert_eq!((ran(&house, "app1").len(), ran(&house, "app2").len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn before_it_no_host_may_fail_and_after_it_none_where_that_would_take_it_back() {
    let some = |tasks: &str| with(tasks).playbook("max_fail_percentage: 0", "max_fail_percentage: 50");
    let shares = |plan: &Plan| -> Vec<f64> {
        let stage = plan.waves.iter().filter(|wave| wave.phase == bgctl::plan::Phase::Stage);
        stage.map(|wave| wave.max_fail_percentage).collect()
    };
    let plan = some(TASK).plan(Goal::Apply, "1").await.unwrap();
    assert_eq!(shares(&plan), [0.0, 0.0, 50.0, 50.0]);
    let taken_back = TASK.replace("[migrate, up]", "[migrate, up], undo: [migrate, down]");
    let plan = some(&taken_back).plan(Goal::Apply, "1").await.unwrap();
    assert_eq!(shares(&plan), [0.0; 4]);

    // The host that was to run it fails first: nobody goes on without it.
    let house = some(TASK);
    house.does(Goal::Apply, "1").await;
    let fails =
        |call: &Call, _: &_| (call.host == host("app1") && call.what == "put").then_some(Fault::Before);
    let told = house.run(Goal::Apply, "2", fails).await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    assert_eq!(ran(&house, "app1").len(), 1);
}

/// What is undone has no login, and must know what was done: it runs in the image that is there.
#[tokio::test(start_paused = true)]
async fn its_undo_pulls_and_builds_nothing() {
    let task = TASK.replace("[migrate, up]", "[migrate, up], undo: [migrate, down]");
    let house = with(&task).playbook("compose: {", "compose: { pull: always, build: true,");
    let plan = house.plan(Goal::Apply, "1").await.unwrap();
    let there_and_back = plan.steps().find_map(|(_, step)| match (&step.action, &step.undo) {
        (Action::ComposeRun(there), Undo::Reverse(Action::ComposeRun(back))) => Some((there, back)),
        _ => None,
    });
    let (there, back) = there_and_back.unwrap();
    assert_eq!((there.pull, there.build), (Pull::Always, true));
    assert_eq!((back.pull, back.build), (Pull::Missing, false));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_undoes_the_stage_and_says_why() {
    let house = with(TASK);
    house.does(Goal::Apply, "1").await;
    let before = house.fleet.worlds();
    house.fleet.change(&host("app1"), |world| world.refuses = Some("up".to_owned()));
    let told = house.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    let why: Vec<String> = told
        .events()
        .filter_map(|event| match &event.kind {
            Kind::Failed { error, .. } => Some(format!("{} | {}", error.message, error.stderr.clone()?)),
            _ => None,
        })
        .collect();
    assert_eq!(
        why,
        [
            "could not run `migrate up` in web of my-server-green: exit status 1 | the schema is not as it should be"
        ]
    );
    for server in ["app1", "app2"] {
        let (was, is) = (&before[&host(server)], &house.fleet.worlds()[&host(server)]);
        assert_eq!((&was.projects, &was.networks, &was.files), (&is.projects, &is.networks, &is.files));
    }
}

#[tokio::test(start_paused = true)]
async fn its_undo_runs_in_the_container_when_something_later_fails() {
    let house = with(&TASK.replace("[migrate, up]", "[migrate, up], undo: [migrate, down]"));
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("app2"), |world| {
        world.ill.insert("my-server:2".to_owned());
    });
    let told = house.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    let last: Vec<String> = ran(&house, "app1").into_iter().skip(1).collect();
    assert_eq!(
        last,
        ["up", "down"].map(|word| format!("my-server:2 in web of my-server-green migrate {word}"))
    );
    let world = &house.fleet.worlds()[&host("app1")];
    assert!(!world.networks.contains("my-server-green"), "{:?}", world.networks);
}

#[tokio::test(start_paused = true)]
async fn what_compose_made_for_it_is_taken_down_and_what_it_did_is_told_to_stay() {
    let house = with(TASK);
    let plan = house.plan(Goal::Apply, "1").await.unwrap();
    let undo = |plan: &Plan, wanted: fn(&Action) -> bool| {
        plan.steps().find(|(_, step)| wanted(&step.action)).map(|(_, step)| step.undo.clone()).unwrap()
    };
    let clears = |action: &Action| matches!(action, Action::ComposeClear(_));
    let runs = |action: &Action| matches!(action, Action::ComposeRun(_));
    assert!(matches!(undo(&plan, clears), Undo::Reverse(Action::ComposeDown(_))));
    assert!(matches!(undo(&plan, runs), Undo::Impossible(_)));

    // A color that still ran is brought up again by a rollback, from its files.
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    house.fleet.change(&host("app1"), |world| world.refuses = Some("up".to_owned()));
    let told = house.run(Goal::Apply, "3", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    house.does(Goal::Rollback, "2").await;
    assert_eq!(house.fleet.worlds()[&host("app1")].projects["my-server-blue"].image, "my-server:1");

    // After the containers, it is their undo that takes all down; after the switch nothing is.
    let health = "      - name: Answers for itself";
    let later = House::new(1).playbook(health, &format!("{TASK}{health}"));
    assert!(
        matches!(undo(&later.plan(Goal::Apply, "1").await.unwrap(), clears), Undo::Reverse(_)),
        "a wave of its own"
    );
    let alone = House::with_app_servers(1, 1).playbook(health, &format!("{TASK}{health}"));
    assert!(matches!(undo(&alone.plan(Goal::Apply, "1").await.unwrap(), clears), Undo::NotNeeded));
    let settle = "      - name: Keep the old color";
    let settles = House::new(1).playbook(settle, &format!("{TASK}{settle}"));
    let plan = settles.plan(Goal::Apply, "1").await.unwrap();
    assert!(matches!((undo(&plan, clears), undo(&plan, runs)), (Undo::NotNeeded, Undo::NotNeeded)));
    settles.does(Goal::Apply, "1").await;
    assert_eq!(ran(&settles, "app1"), ["my-server:1 in web of my-server-blue migrate up"]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_does_not_run_once_more_what_one_host_did_for_all() {
    let house = with(TASK).playbook("retire: { old: keep }", "retire: { old: refresh }");
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    assert_eq!(ran(&house, "app1").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_compose_task_it_is_refused_at_its_line() {
    let refused = |problem: Blocked| match problem {
        Blocked::Wrong(problems) => problems.to_string(),
        other => panic!("{other:?}"),
    };
    let house = with(&TASK.replace("service: web", "service: \"-f\""));
    let why = refused(house.plan(Goal::Apply, "1").await.unwrap_err());
    assert!(why.contains("\"-f\" is no service of a compose file"), "{why}");

    let play = format!("stage:\n  - hosts: load_balancers\n    tasks:\n{TASK}");
    let house = House::new(1).playbook("stage:", &play);
    let why = refused(house.plan(Goal::Apply, "1").await.unwrap_err());
    assert!(why.contains("no `compose` task of the stage is for lb1, so web is not known there"), "{why}");
    assert!(why.contains("in: container, service: web, argv"), "the line: {why}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_lasts_in_each_batch_and_ctrl_c_ends_it() {
    let pause = "      - name: Warm up\n        pause: { for: 90s }\n";
    let house = with(pause).playbook("serial: 100%", "serial: 1");
    let began = tokio::time::Instant::now();
    let told = house.does(Goal::Apply, "1").await;
    let waits = told.plan.steps().filter(|(_, step)| matches!(step.action, Action::Wait { .. }));
    assert_eq!(waits.count(), 2);
    assert!(began.elapsed().as_secs() >= 180, "{:?}", began.elapsed());

    let began = tokio::time::Instant::now();
    let token: Arc<Mutex<Option<CancellationToken>>> = Arc::default();
    let theirs = Arc::clone(&token);
    let run = house.run(Goal::Apply, "2", move |call, stop| {
        if call.what == "put" {
            *theirs.lock().unwrap() = Some(stop.clone());
        }
        None
    });
    let ctrl_c = async {
        while token.lock().unwrap().is_none() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        token.lock().unwrap().take().unwrap().cancel();
    };
    let (told, ()) = tokio::join!(run, ctrl_c);
    assert_eq!(told.ending().outcome, Outcome::Interrupted, "{}", told.story());
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}
