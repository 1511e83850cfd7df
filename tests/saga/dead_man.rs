//! Switches that nobody confirms: the load balancer swaps back by itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bgctl::event::Outcome;
use bgctl::model::Color;
use bgctl::plan::{Blocked, Goal};
use bgctl::remote::fake::{Call, Fault, Guard};
use tokio::time::sleep;

use super::house::{House, host};
use super::invariants;
use super::scenario::{self, Rehearsal};

const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);

/// A run whose operator is gone from a call on: that call is done or not, and nothing comes after it. `None`
/// when the run has fewer calls.
async fn crashed(rehearsal: &Rehearsal, at: usize, done: bool) -> Option<House> {
    let house = rehearsal.house();
    let calls = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&calls);
    let fate = move |call: &Call, _: &_| {
        *seen.lock().unwrap() = call.index + 1;
        (call.index >= at).then_some(Fault::Lost { done: done && call.index == at })
    };
    house.carry_out(&rehearsal.ready, fate).await;
    let reached = *calls.lock().unwrap() > at;
    reached.then_some(house)
}

/// The call with which a run does this for the first time.
async fn first(rehearsal: &Rehearsal, what: &str) -> usize {
    let told = rehearsal.house().carry_out(&rehearsal.ready, |_, _| None).await;
    let index = told.calls().find(|call| call.what == what).map(|call| call.index);
    index.unwrap_or_else(|| panic!("no {what} in\n{}", told.story()))
}

#[tokio::test(start_paused = true)]
async fn an_operator_who_vanishes_at_any_call_leaves_one_healthy_color() {
    let rehearsal = scenario::SECOND.rehearse().await;
    let (mut back, mut kept) = (0, 0);
    for done in [false, true] {
        for at in 0.. {
            let Some(house) = crashed(&rehearsal, at, done).await else { break };
            sleep(CONFIRM_TIMEOUT + Duration::from_secs(1)).await;
            let served = house.serves(&host("lb1"));
            let world = &house.fleet.worlds()[&host("lb1")];
            let confirmed = world
                .guards
                .values()
                .any(|guard| matches!(guard, Guard::Confirmed { run } if *run == rehearsal.ready.model.run));
            let expected = if confirmed { Color::Green } else { Color::Blue };
            assert_eq!(served, Ok(expected), "gone at call {at}, which was done: {done}");
            kept += usize::from(confirmed);
            back += usize::from(!world.dead_men.is_empty());
        }
    }
    assert!(back > 5 && kept > 0, "{back} swapped back, {kept} kept");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_planned_while_a_load_balancer_may_swap_back() {
    let rehearsal = scenario::SECOND_ON_TWO.rehearse().await;
    let house = crashed(&rehearsal, first(&rehearsal, "confirm").await, false).await.unwrap();
    for balancer in house.load_balancers() {
        assert_eq!(house.serves(&balancer), Ok(Color::Green));
    }
    let Err(Blocked::NotReady { what, details, .. }) = house.plan(Goal::Apply, "3").await else {
        panic!("a plan was made")
    };
    assert!(what.contains("about to be taken back"), "{what}");
    assert!(details[1].contains("my-server-blue.conf by itself"), "{details:?}");

    sleep(CONFIRM_TIMEOUT + Duration::from_secs(1)).await;
    let plan = house.plan(Goal::Apply, "3").await.unwrap();
    assert_eq!((plan.live, plan.target), (Some(Color::Blue), Color::Green));
    let told: Vec<_> =
        plan.notes.iter().filter(|note| note.text.contains("swapped back by itself")).collect();
    assert_eq!(told.len(), 2, "{:?}", plan.notes);
    house.does(Goal::Apply, "3").await;
    let plan = house.plan(Goal::Apply, "4").await.unwrap();
    assert!(plan.notes.iter().all(|note| !note.text.contains("by itself")), "{:?}", plan.notes);
}

#[tokio::test(start_paused = true)]
async fn the_same_run_again_arms_and_confirms_anew() {
    let rehearsal = scenario::SECOND_ON_TWO.rehearse().await;
    let at = first(&rehearsal, "confirm").await;
    for waits in [Duration::ZERO, CONFIRM_TIMEOUT * 2] {
        let house = crashed(&rehearsal, at, false).await.unwrap();
        sleep(waits).await;
        let told = house.carry_out(&rehearsal.ready, |_, _| None).await;
        assert_eq!(told.ending().outcome, Outcome::Done, "{}", told.story());
        invariants::hold(&house, &rehearsal.worlds, &told, "again");
        sleep(CONFIRM_TIMEOUT * 2).await;
        for balancer in house.load_balancers() {
            assert_eq!(house.serves(&balancer), Ok(Color::Green));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_takes_too_long_to_verify_goes_back_and_is_undone() {
    let house = House::new(1)
        .playbook("confirm_timeout: 30s", "confirm_timeout: 2s")
        .playbook("X-Color: \"{{ color }}\" }", "X-Color: \"{{ color }}\" }, delay: 1s, successes: 1");
    house.does(Goal::Apply, "1").await;
    let before = house.fleet.worlds();
    let mut probes = 0;
    let told = house
        .run(Goal::Apply, "2", move |call, _| {
            let verifies = call.what == "probe" && call.about == "127.0.0.1:80";
            probes += usize::from(verifies);
            (verifies && probes < 4).then_some(Fault::Before)
        })
        .await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    invariants::hold(&house, &before, &told, "too slow");
    assert!(!house.fleet.worlds()[&host("lb1")].dead_men.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_confirmation_still_switches_back() {
    let rehearsal = scenario::SECOND_ON_TWO.rehearse().await;
    let house = rehearsal.house();
    let told = house
        .carry_out(&rehearsal.ready, |call, _| {
            (call.what == "confirm" && call.host.as_str() == "lb2").then_some(Fault::Before)
        })
        .await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    invariants::hold(&house, &rehearsal.worlds, &told, "lb2 does not confirm");
}
