//! A failure, an interruption and a failing undo at every single call of every kind of run.

use bgctl::event::Outcome;
use bgctl::plan::Goal;
use bgctl::remote::fake::{Call, Fault};

use super::house::Told;
use super::invariants;
use super::scenario::{self, Rehearsal, Scenario};

/// Carries a rehearsed run out with faults at some calls; `None` when the first of them was never reached.
async fn disturbed(rehearsal: &Rehearsal, faults: Vec<(usize, Fault)>) -> Option<Told> {
    let house = rehearsal.house();
    let first = faults[0].0;
    let replay = format!("{}, calls that fail: {faults:?}", rehearsal.scenario.name);
    let fate = move |call: &Call, _: &_| {
        faults.iter().find(|(index, _)| *index == call.index).map(|(_, fault)| *fault)
    };
    let told = house.carry_out(&rehearsal.ready, fate).await;
    told.calls().nth(first)?;
    invariants::hold(&house, &rehearsal.worlds, &told, &replay);
    Some(told)
}

async fn undisturbed_it_ends_well(scenario: Scenario) {
    let rehearsal = scenario.rehearse().await;
    let house = rehearsal.house();
    let told = house.carry_out(&rehearsal.ready, |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Done, "{}\n{}", scenario.name, told.story());
    invariants::hold(&house, &rehearsal.worlds, &told, scenario.name);
}

async fn one_failure_anywhere_leaves_traffic_on_one_healthy_color(scenario: Scenario) {
    let rehearsal = scenario.rehearse().await;
    for fault in Fault::ALL {
        let mut index = 0;
        while let Some(told) = disturbed(&rehearsal, vec![(index, fault)]).await {
            let outcome = told.ending().outcome;
            let replay = format!("{}: {fault:?} at call {index}", scenario.name);
            assert!(
                matches!(outcome, Outcome::Done | Outcome::Undone | Outcome::Unsettled),
                "{replay}: one failure is never too many, but it ended {outcome:?}\n{}",
                told.story()
            );
            index += 1;
        }
        assert!(index > 0, "{} makes no calls", scenario.name);
    }
}

async fn an_undo_that_fails_anywhere_stops_there(scenario: Scenario) {
    let rehearsal = scenario.rehearse().await;
    let (mut stuck, mut first) = (0, 0);
    while let Some(told) = disturbed(&rehearsal, vec![(first, Fault::After)]).await {
        // Calls of the undo follow the failure; each of them fails once.
        for second in first + 1..told.calls().count() {
            let fault = [Fault::Before, Fault::Lost { done: true }][second % 2];
            let told = disturbed(&rehearsal, vec![(first, Fault::After), (second, fault)]).await;
            let told = told.unwrap_or_else(|| panic!("{}: call {first} went away", scenario.name));
            stuck += usize::from(told.ending().outcome == Outcome::Stuck);
        }
        first += 1;
    }
    assert!(stuck > 0 || scenario.goal == Goal::Retire, "{}: no undo ever failed", scenario.name);
}

async fn an_interruption_anywhere_undoes_what_was_done(scenario: Scenario) {
    let rehearsal = scenario.rehearse().await;
    let mut interrupted = 0;
    for index in 0.. {
        let house = rehearsal.house();
        let fate = move |call: &Call, stop: &tokio_util::sync::CancellationToken| {
            if call.index == index {
                stop.cancel();
            }
            None
        };
        let told = house.carry_out(&rehearsal.ready, fate).await;
        if told.calls().nth(index).is_none() {
            break;
        }
        let replay = format!("{}, stopped at call {index}", scenario.name);
        invariants::hold(&house, &rehearsal.worlds, &told, &replay);
        let outcome = told.ending().outcome;
        assert!(
            matches!(outcome, Outcome::Done | Outcome::Interrupted | Outcome::Unsettled),
            "{replay}: it ended {outcome:?}\n{}",
            told.story()
        );
        interrupted += usize::from(outcome == Outcome::Interrupted);
    }
    assert!(interrupted > 0 || scenario.goal == Goal::Retire, "{}: never interrupted", scenario.name);
}

/// One module of tests for each scenario, so that they run side by side and name what they broke.
macro_rules! break_everywhere {
    ($($name:ident: $scenario:ident,)*) => {$(
        mod $name {
            use super::scenario::$scenario;

            #[tokio::test(start_paused = true)]
            async fn ends_well() {
                super::undisturbed_it_ends_well($scenario).await;
            }

            #[tokio::test(start_paused = true)]
            async fn one_failure() {
                super::one_failure_anywhere_leaves_traffic_on_one_healthy_color($scenario).await;
            }

            #[tokio::test(start_paused = true)]
            async fn a_failing_undo() {
                super::an_undo_that_fails_anywhere_stops_there($scenario).await;
            }

            #[tokio::test(start_paused = true)]
            async fn an_interruption() {
                super::an_interruption_anywhere_undoes_what_was_done($scenario).await;
            }
        }
    )*};
}

break_everywhere! {
    a_first_deploy: FIRST,
    a_first_deploy_on_two: FIRST_ON_TWO,
    a_second_deploy: SECOND,
    a_second_deploy_on_two: SECOND_ON_TWO,
    a_third_deploy: THIRD,
    a_deploy_that_gets_images: IMAGES,
    a_deploy_that_stops: STOPS,
    a_deploy_that_removes: REMOVES,
    a_deploy_that_refreshes: REFRESHES,
    a_deploy_that_migrates: MIGRATES,
    a_deploy_that_migrates_on_each: MIGRATES_EACH,
    a_stage: STAGE,
    a_promotion: PROMOTION,
    a_rollback: ROLLBACK,
    a_rollback_to_a_stopped_color: ROLLBACK_TO_STOPPED,
    a_rollback_to_a_kept_release: RESTAGE,
    a_retirement: RETIREMENT,
    a_switch_by_hand: BY_HAND,
    an_agreement: AGREEMENT,
    a_first_deploy_by_a_file: FIRST_BY_FILE,
    a_third_deploy_by_a_file: THIRD_BY_FILE,
    a_rollback_by_a_file: ROLLBACK_BY_FILE,
    a_second_deploy_by_a_command: SECOND_BY_COMMAND,
    a_rollback_by_commands: ROLLBACK_BY_COMMAND,
}
