//! Health as the load balancers see it.

use bgctl::event::{Event, Kind, Outcome};
use bgctl::model::{Color, Pattern};
use bgctl::plan::{Goal, Phase, Plan, Request, check};

use super::house::{House, Told, host};
use super::invariants;

const FROM: &str = "from: load_balancers";

/// Names of waves with each lane's host and steps.
fn waves(plan: &Plan, phase: Phase) -> Vec<(String, Vec<String>)> {
    let of = plan.waves.iter().filter(|wave| wave.phase == phase);
    let steps = of.map(|wave| {
        let lanes = wave.lanes.iter();
        let steps =
            lanes.flat_map(|lane| lane.steps.iter().map(|step| format!("{}: {}", lane.host, step.name)));
        (wave.name.clone(), steps.collect())
    });
    steps.collect()
}

fn failed(told: &Told) -> Vec<(String, String)> {
    let of = |event: &Event| match &event.kind {
        Kind::Failed { .. } => Some((event.host.as_ref().unwrap().to_string(), event.task.clone().unwrap())),
        _ => None,
    };
    told.events().filter_map(of).collect()
}

fn left_out(told: &Told) -> Vec<String> {
    let found = told.events().find_map(|event| match &event.kind {
        Kind::LeftOut { hosts } => Some(hosts.iter().map(ToString::to_string).collect()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// A host that answers itself, and nobody else.
fn wall(house: &House, name: &str) {
    house.fleet.change(&host(name), |world| world.walled = true);
}

#[tokio::test(start_paused = true)]
async fn every_load_balancer_asks_every_host_batch_by_batch() {
    let house = House::new(2).playbook("serial: 100%", "serial: 1");
    let plan = house.plan(Goal::Apply, "1").await.unwrap();
    let waves = waves(&plan, Phase::Stage);
    let names: Vec<&str> = waves.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Recreate the idle color (batch 1 of 2)",
            "Recreate the idle color (batch 1 of 2), seen from the load balancers",
            "Recreate the idle color (batch 2 of 2)",
            "Recreate the idle color (batch 2 of 2), seen from the load balancers",
        ]
    );
    assert_eq!(
        waves[1].1,
        ["lb1: Answers to the load balancers: app1", "lb2: Answers to the load balancers: app1"]
    );
    let told = house.does(Goal::Apply, "1").await;
    let asked = |balancer: &str, address: &str| {
        told.calls().any(|call| call.what == "probe" && call.host == host(balancer) && call.about == address)
    };
    for balancer in ["lb1", "lb2"] {
        assert!(asked(balancer, "app1:18080") && asked(balancer, "app2:18080"), "{}", told.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_answers_only_itself_gets_no_traffic() {
    let house = House::new(2);
    house.does(Goal::Apply, "1").await;
    // Blue's connections are kept alive; a new release would not be reached.
    let before = house.fleet.worlds();
    let ready = house.ready(Goal::Apply, "2").await;
    wall(&house, "app2");
    let told = house.carry_out(&ready, |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    let names: Vec<(String, String)> = ["lb1", "lb2"]
        .map(|balancer| (balancer.to_owned(), "Answers to the load balancers: app2".to_owned()))
        .to_vec();
    let mut failed = failed(&told);
    failed.sort();
    assert_eq!(failed, names);
    assert!(told.calls().all(|call| call.what != "swap"));
    house.fleet.change(&host("app2"), |world| world.walled = false);
    invariants::hold(&house, &before, &told, "walled");
}

#[tokio::test(start_paused = true)]
async fn within_the_limit_the_host_is_left_out_not_the_load_balancer() {
    let house = House::with_app_servers(2, 3).playbook("max_fail_percentage: 0", "max_fail_percentage: 40");
    wall(&house, "app2");
    let told = house.does(Goal::Apply, "1").await;
    assert_eq!(left_out(&told), ["app2"]);
    assert!(house.fleet.worlds()[&host("app2")].projects.is_empty(), "it was put down again");
    for balancer in house.load_balancers() {
        assert_eq!(house.serves(&balancer), Ok(Color::Blue));
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_failed_before_is_not_asked_and_counts() {
    let ill = |house: &House, name: &str| {
        house.fleet.change(&host(name), |world| {
            world.ill.insert("my-server:1".to_owned());
        });
    };
    let house = House::with_app_servers(1, 3).playbook("max_fail_percentage: 0", "max_fail_percentage: 40");
    ill(&house, "app1");
    let told = house.does(Goal::Apply, "1").await;
    assert_eq!(left_out(&told), ["app1"]);
    assert!(told.calls().all(|call| call.about != "app1:18080"), "{}", told.story());

    let house = House::with_app_servers(1, 3).playbook("max_fail_percentage: 0", "max_fail_percentage: 40");
    ill(&house, "app1");
    wall(&house, "app3");
    let told = house.run(Goal::Apply, "1", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "two of three");
}

#[tokio::test(start_paused = true)]
async fn promotion_and_rollback_ask_again() {
    let house = House::new(1);
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Stage, "2").await;
    for goal in [Goal::Promote, Goal::Rollback] {
        let plan = house.plan(goal, "2").await.unwrap();
        let seen = waves(&plan, Phase::Stage).pop().unwrap();
        let color = plan.target;
        assert_eq!(seen.0, format!("{color} answers to the load balancers"));
        assert_eq!(
            seen.1,
            ["lb1: Answers to the load balancers: app1", "lb1: Answers to the load balancers: app2"]
        );
        house.does(goal, "2").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_narrows_who_is_asked_not_who_asks() {
    let house = House::new(2);
    let mut model = house.model("1");
    model.limit = Some(Pattern::parse("app1").unwrap());
    let plan = house.plan_of(Request { goal: Goal::Stage, force: false }, &model).await.unwrap();
    let seen: Vec<Vec<String>> =
        waves(&plan, Phase::Stage).into_iter().map(|(_, steps)| steps).skip(1).collect();
    let asked = ["lb1: Answers to the load balancers: app1", "lb2: Answers to the load balancers: app1"];
    assert_eq!(seen, [&asked[..], &["app1: Same release everywhere"]]);
}

#[tokio::test(start_paused = true)]
async fn a_port_is_asked_too() {
    let http = "health: { http: \"http://{{ address }}:{{ port }}/health\"";
    let house = House::new(1).playbook(http, "health: { tcp: \"{{ address }}:{{ port }}\"");
    let told = house.does(Goal::Apply, "1").await;
    assert!(told.calls().any(|call| call.host == host("lb1") && call.about == "app2:18080"));
}

#[test]
fn what_asks_the_load_balancer_itself_is_refused() {
    let url = "http://{{ address }}:{{ port }}/health";
    for (from, to, instead) in [
        (url, "http://127.0.0.1:{{ port }}/health", "http://{{ address }}:{{ port }}/..."),
        (
            "http: \"http://{{ address }}:{{ port }}/health\", from",
            "tcp: \"localhost:{{ port }}\", from",
            "{{ address }}:{{ port }}",
        ),
    ] {
        let house = House::new(1).playbook(from, to);
        let problems = check(&house.model("1")).unwrap_err().to_string();
        assert!(problems.contains("asks itself, not app1") && problems.contains(instead), "{problems}");
    }
    assert!(House::new(1).playbook.contains(FROM), "the shipped playbook asks");
}
