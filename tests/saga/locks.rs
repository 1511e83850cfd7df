//! The lock: one run at a time, and no effect without it.

use std::sync::Arc;

use bgctl::event::Outcome;
use bgctl::model::{Color, RunId};
use bgctl::plan::{Goal, Phase};
use bgctl::remote::fake::Call;
use bgctl::run::{Holder, Lock, NotLocked, Reached};
use tokio::sync::Notify;

use super::house::{House, Told, holder, host, places};

fn reached(phase: Phase) -> Reached {
    Reached { phase, wave: 0, waves: 1, undoing: false, left_out: Vec::new() }
}

/// A run whose lock on `lb1` is cut at a call; another run may take it in that moment.
async fn cut_at(index: usize, another: bool) -> (House, Told) {
    let house = House::new(2);
    house.does(Goal::Apply, "1").await;
    let due = Arc::new(Notify::new());
    let reached = Arc::clone(&due);
    let fate = move |call: &Call, _: &_| {
        if call.index == index {
            reached.notify_one();
        }
        None
    };
    let cutting = async {
        due.notified().await;
        house.fleet.cut(&host("lb1"));
        let mut taken = None;
        if another {
            let other = Holder { run: RunId::new(jiff::Timestamp::UNIX_EPOCH, 91), ..holder() };
            taken = Lock::take(house.remote(), &places(&house.model("1"))[..1], other).await.ok();
        }
        std::future::pending::<()>().await;
        drop(taken);
    };
    let told = tokio::select! {
        told = house.run(Goal::Apply, "2", fate) => told,
        () = cutting => panic!("it never ends"),
    };
    (house, told)
}

#[tokio::test(start_paused = true)]
async fn when_another_run_has_the_lock_nothing_moves_and_nothing_is_taken_back() {
    let mut swaps = Vec::new();
    for index in 0..20 {
        let (house, told) = cut_at(index, true).await;
        if told.calls().nth(index).is_none() {
            break;
        }
        let served: Vec<_> = house.load_balancers().iter().map(|balancer| house.serves(balancer)).collect();
        assert_eq!(
            served[0],
            served[1],
            "cut at call {index}: the load balancers disagree\n{}",
            told.story()
        );
        let swapped = told.calls().filter(|call| call.what == "swap").count();
        match told.ending().outcome {
            Outcome::Stuck => {
                let put_down = told.calls().any(|call| call.what == "compose_down" || call.what == "remove");
                assert!(!put_down, "cut at call {index}: another run may be at work\n{}", told.story());
                assert!(swapped == 0 || told.ending().live.is_none(), "cut at call {index}");
            }
            Outcome::Done | Outcome::Unsettled => assert_eq!(served[0], Ok(Color::Green)),
            other => panic!("cut at call {index}: {other:?}\n{}", told.story()),
        }
        swaps.push(swapped);
    }
    assert!(swaps.contains(&0) && swaps.contains(&2), "cut before and after the switch: {swaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_lost_is_taken_again_before_anything_is_taken_back() {
    let mut undone = 0;
    for index in 0..20 {
        let (house, told) = cut_at(index, false).await;
        if told.calls().nth(index).is_none() {
            break;
        }
        let color = match told.ending().outcome {
            Outcome::Undone => Color::Blue,
            Outcome::Done | Outcome::Unsettled => Color::Green,
            other => panic!("cut at call {index}: {other:?}\n{}", told.story()),
        };
        undone += usize::from(color == Color::Blue);
        for balancer in house.load_balancers() {
            assert_eq!(house.serves(&balancer), Ok(color), "cut at call {index}\n{}", told.story());
        }
    }
    assert!(undone > 5, "{undone}");
}

#[tokio::test(start_paused = true)]
async fn of_two_runs_one_gets_the_lock_and_the_other_learns_who() {
    let house = House::new(2);
    let places = places(&house.model("1"));
    let first = Lock::take(house.remote(), &places, holder()).await.unwrap();
    let refused = Lock::take(house.remote(), &places, holder()).await;
    let Err(NotLocked::Held { host: at, holder: Some(by) }) = refused else { panic!("{refused:?}") };
    assert_eq!((at, by.by.as_str()), (host("lb1"), "me@here"));
    assert_eq!(first.lost(), None);
    drop(first);
    assert!(Lock::take(house.remote(), &places, holder()).await.is_ok(), "it is free at once");
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_cut_is_noticed() {
    let house = House::new(2);
    let places = places(&house.model("1"));
    let lock = Lock::take(house.remote(), &places, holder()).await.unwrap();
    lock.enter(reached(Phase::Stage)).await;
    assert_eq!(lock.lost(), None);
    house.fleet.cut(&host("lb2"));
    lock.enter(reached(Phase::Switch)).await;
    assert_eq!(lock.lost(), Some(&host("lb2")));
}
