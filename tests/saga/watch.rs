//! Switches that are watched: more errors than before take them back.

use bgctl::event::{Kind, Outcome};
use bgctl::model::{Action, Color};
use bgctl::plan::Goal;
use bgctl::remote::fake::Fault;

use super::house::{House, Told, host};
use super::invariants;

/// A house where 1 is live on blue, and switches are watched.
async fn watched(load_balancers: usize) -> House {
    let house = House::new(load_balancers).playbook(
        "  # watch: { for: 30s, max_error_percentage: 1 }",
        "  watch: { for: 30s, max_error_percentage: 1 }",
    );
    for balancer in house.load_balancers() {
        house.fleet.change(&balancer, |world| {
            world.nginx.as_mut().unwrap().before = Some((1000, 2));
        });
    }
    house.does(Goal::Apply, "1").await;
    house
}

fn failure(told: &Told) -> String {
    let message = told.events().find_map(|event| match &event.kind {
        Kind::Failed { error, .. } => Some(error.message.clone()),
        _ => None,
    });
    message.unwrap_or_else(|| panic!("nothing failed:\n{}", told.story()))
}

#[tokio::test(start_paused = true)]
async fn more_errors_on_one_load_balancer_take_all_back() {
    let house = watched(2).await;
    house.fleet.change(&host("lb2"), |world| {
        world.nginx.as_mut().unwrap().after = Some(("green".to_owned(), 50, 10));
    });
    let before = house.fleet.worlds();
    let told = house.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    invariants::hold(&house, &before, &told, "errors on lb2");
    let text = failure(&told);
    assert!(
        text.contains("from 0.20 % (2 of 1000 requests before the switch) to 20.00 % (10 of 50 since)"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_good_release_stays_and_a_rollback_is_not_watched() {
    let house = watched(1).await;
    let told = house.does(Goal::Apply, "2").await;
    let probes = told.calls().filter(|call| call.what == "probe" && call.about == "127.0.0.1:80").count();
    assert!((30..=40).contains(&probes), "once a second: {probes}");
    assert_eq!(house.serves(&host("lb1")), Ok(Color::Green));
    let rollback = house.plan(Goal::Rollback, "2").await.unwrap();
    assert!(!rollback.steps().any(|(_, step)| matches!(step.action, Action::Watch(_))));
}

#[tokio::test(start_paused = true)]
async fn probes_decide_alone_where_no_log_is_read_and_only_several_in_a_row() {
    for (failing, expected) in [(2, Outcome::Done), (3, Outcome::Undone)] {
        let house = watched(1).await;
        house.fleet.change(&host("lb1"), |world| world.nginx.as_mut().unwrap().before = None);
        let before = house.fleet.worlds();
        let (mut watching, mut probes) = (false, 0);
        let told = house
            .run(Goal::Apply, "2", move |call, _| {
                watching |= call.what == "watch";
                probes += usize::from(watching && call.what == "probe");
                (watching && call.what == "probe" && probes <= failing).then_some(Fault::Before)
            })
            .await;
        assert_eq!(told.ending().outcome, expected, "{failing} fail\n{}", told.story());
        invariants::hold(&house, &before, &told, "probes fail");
    }
}

#[tokio::test(start_paused = true)]
async fn an_interruption_while_watching_goes_back() {
    let house = watched(1).await;
    let before = house.fleet.worlds();
    let told = house
        .run(Goal::Apply, "2", |call, stop| {
            if call.what == "watch" {
                stop.cancel();
            }
            None
        })
        .await;
    assert_eq!(told.ending().outcome, Outcome::Interrupted, "{}", told.story());
    invariants::hold(&house, &before, &told, "interrupted while watching");
    let watches = told.calls().filter(|call| call.what == "watch").count();
    assert_eq!(watches, 1, "it ends at once");
}
