//! Would a rollback succeed? Found out without changing anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bgctl::model::Color;
use bgctl::plan::{self, Blocked, Goal, went_live};
use bgctl::remote::Effect;
use bgctl::run::{Rehearsed, Stage, Would};

use super::house::{House, host};

/// A house with 1 on blue, and 2 live on green.
async fn lived_in(retire: &str) -> House {
    let house = House::new(2).playbook("retire: { old: keep }", &format!("retire: {{ old: {retire} }}"));
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    house
}

/// What a rehearsal of the rollback comes to. It changes nothing.
async fn rehearse(house: &House) -> Vec<Rehearsed> {
    let plan = house.plan(Goal::Rollback, "2").await.unwrap();
    let before = house.fleet.worlds();
    let changes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&changes);
    house.fleet.set_fate(Box::new(move |call| {
        if call.effect == Effect::Changes {
            seen.lock().unwrap().push(call.clone());
        }
        None
    }));
    let stage = Stage { remote: house.remote(), forks: 5, passwords: &BTreeMap::new() };
    let rehearsed = stage.rehearse(&plan, |_| true).await;
    house.fleet.set_fate(Box::new(|_| None));
    assert!(changes.lock().unwrap().is_empty(), "{changes:?}");
    assert_eq!(house.fleet.worlds(), before);
    rehearsed
}

fn failing(rehearsed: &[Rehearsed]) -> Vec<String> {
    let fails = rehearsed.iter().filter_map(|step| match &step.would {
        Would::Fail(error) => Some(format!("{} {}: {}", step.host, step.task, error.message)),
        _ => None,
    });
    fails.collect()
}

/// Tasks that nobody can tell about, without their hosts.
fn unknown(rehearsed: &[Rehearsed]) -> Vec<&str> {
    let mut tasks: Vec<&str> = rehearsed
        .iter()
        .filter(|step| matches!(step.would, Would::Unknown(_)))
        .map(|step| step.task.as_str())
        .collect();
    tasks.dedup();
    tasks
}

#[tokio::test(start_paused = true)]
async fn a_color_that_runs_well_passes_everything() {
    let rehearsed = rehearse(&lived_in("keep").await).await;
    let tasks: Vec<String> = rehearsed.iter().map(|step| format!("{} {}", step.host, step.task)).collect();
    assert_eq!(
        tasks,
        [
            "app1 Answers for itself",
            "app2 Answers for itself",
            "lb1 Answers to the load balancers: app1",
            "lb1 Answers to the load balancers: app2",
            "lb2 Answers to the load balancers: app1",
            "lb2 Answers to the load balancers: app2",
            "app1 Same release everywhere",
            "app2 Same release everywhere",
            "lb1 Test the whole configuration",
            "lb2 Test the whole configuration",
        ]
    );
    assert!(rehearsed.iter().all(|step| step.would == Would::Pass), "{rehearsed:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_color_that_is_started_first_cannot_be_asked() {
    let rehearsed = rehearse(&lived_in("stop").await).await;
    assert_eq!(failing(&rehearsed), Vec::<String>::new());
    assert_eq!(
        unknown(&rehearsed),
        [
            "Answers for itself",
            "Answers to the load balancers: app1",
            "Answers to the load balancers: app2",
            "Answers to the load balancers: app1",
            "Answers to the load balancers: app2",
            "Same release everywhere"
        ]
    );
    let tested = rehearsed.iter().filter(|step| step.would == Would::Pass);
    assert_eq!(tested.count(), 2, "the site, on both load balancers");
}

#[tokio::test(start_paused = true)]
async fn what_would_fail_is_named_with_its_host() {
    let house = lived_in("keep").await;
    house.fleet.change(&host("app1"), |world| {
        world.ill.insert("my-server:1".to_owned());
    });
    house.fleet.change(&host("app2"), |world| world.walled = true);
    house.fleet.change(&host("lb2"), |world| {
        world.nginx.as_mut().unwrap().refuses = Some("X-Color blue".to_owned());
    });
    let failing = failing(&rehearse(&house).await);
    let begin = |text: &str| failing.iter().any(|line| line.starts_with(text));
    for text in [
        "app1 Answers for itself: http://127.0.0.1:18080/health not as expected after 3 attempts",
        "lb1 Answers to the load balancers: app1",
        "lb2 Answers to the load balancers: app2",
        "lb2 Test the whole configuration: nginx refuses",
    ] {
        assert!(begin(text), "{text}: {failing:#?}");
    }
    assert_eq!(failing.len(), 6, "{failing:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_check_by_command_is_not_made() {
    let house = House::new(1)
        .playbook("health: { http: \"http://127.0.0.1:{{ port }}/health\"", "health: { command: [probe]");
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    assert_eq!(unknown(&rehearse(&house).await), ["Answers for itself"]);
}

#[tokio::test(start_paused = true)]
async fn a_color_that_was_changed_by_hand_is_not_what_was_live() {
    let house = lived_in("keep").await;
    let model = house.model("2");
    let observed = house.observe(&model).await;
    let was = went_live(&observed, Color::Blue).unwrap();
    assert_eq!(Vec::from_iter(&was.0["web"].ids), ["sha256:my-server:1"]);
    house.fleet.change(&host("app2"), |world| {
        world.projects.get_mut("my-server-blue").unwrap().image = "my-server:3".to_owned();
    });
    let Err(Blocked::NotReady { what, details, .. }) = house.plan(Goal::Rollback, "2").await else {
        panic!("it would not go back to what was live")
    };
    assert!(what.contains("blue does not hold what it was live with"), "{what}");
    let expected = "app2: web is made from image sha256:my-server:3, and was live with sha256:my-server:1";
    assert_eq!(details, [expected]);
    assert!(plan::strayed(&model, &house.observe(&model).await, Color::Green).unwrap().is_empty());
}

/// The images are compared once more as traffic is about to move: what is started may come up as something else.
#[tokio::test(start_paused = true)]
async fn a_tag_that_moved_while_a_color_was_down_does_not_go_live() {
    let house = lived_in("remove").await;
    for on in ["app1", "app2"] {
        house.fleet.change(&host(on), |world| {
            world.moved.insert("my-server:1".to_owned(), "sha256:another".to_owned());
        });
    }
    let told = house.run(Goal::Rollback, "2", |_, _| None).await;
    assert_eq!(told.ending().live, Some(Color::Green), "{}", told.story());
    assert!(told.story().contains("does not run what it was live with"), "{}", told.story());
}
