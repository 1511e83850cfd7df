use super::*;
use crate::plan::Plan;

fn plan(goal: Goal) -> Plan {
    Plan {
        app: "a".parse().unwrap(),
        goal,
        live: Some(Color::Blue),
        target: Color::Green,
        release: "0123456789ab".parse().unwrap(),
        waves: Vec::new(),
        load_balancers: Vec::new(),
        standings: Vec::new(),
        app_servers: Vec::new(),
        notes: Vec::new(),
    }
}

fn begun(goal: Goal) -> Record {
    let (by, command, at) = ("me@here".to_owned(), "apply".to_owned(), Timestamp::UNIX_EPOCH);
    Record::begin(Beginning {
        plan: &plan(goal),
        run: RunId::new(jiff::Timestamp::UNIX_EPOCH, 1),
        by,
        command,
        at,
        staged: None,
        last: None,
    })
}

/// A run that is under way, with the hashes of these plans.
pub(in crate::run) fn under_way(run: u32, plans: &[&str]) -> Record {
    let mut record = begun(Goal::Apply).further(reached());
    record.run = RunId::new(Timestamp::UNIX_EPOCH, run);
    record.plans = plans.iter().map(|plan| plan_hash(plan)).collect();
    record
}

fn images(id: &str) -> Images {
    let image = crate::model::Image { ids: [id.to_owned()].into(), ..Default::default() };
    Images([("web".to_owned(), image)].into())
}

/// A run that let its target pass with this image, and ended so.
fn passed(goal: Goal, id: &str, outcome: Outcome, last: Option<&Record>) -> Record {
    let plan = plan(goal);
    let (by, command, at) = (String::new(), String::new(), Timestamp::UNIX_EPOCH);
    let run = RunId::new(jiff::Timestamp::UNIX_EPOCH, 2);
    let mut record = Record::begin(Beginning { plan: &plan, run, by, command, at, staged: None, last });
    record.passed = Some(images(id));
    let live = if outcome == Outcome::Done { Color::Green } else { Color::Blue };
    record.ended(outcome, Some(live), Timestamp::UNIX_EPOCH)
}

#[test]
fn what_a_color_went_live_with_is_kept_until_it_goes_live_again() {
    let record = passed(Goal::Apply, "1", Outcome::Done, None);
    assert_eq!(record.went_live[&Color::Green].images, images("1"));
    assert_eq!(record.went_live.len(), 1);
    let record = passed(Goal::Apply, "2", Outcome::Undone, Some(&record));
    assert_eq!(record.went_live[&Color::Green].images, images("1"), "traffic never moved to it");
    let record = passed(Goal::Apply, "3", Outcome::Done, Some(&record));
    assert_eq!(record.went_live[&Color::Green].images, images("3"));
}

#[test]
fn a_rollback_leaves_the_release_as_it_was() {
    let record = passed(Goal::Apply, "1", Outcome::Done, None);
    let release = record.went_live[&Color::Green].release.clone();
    let mut back = passed(Goal::Rollback, "1", Outcome::Undone, Some(&record));
    back.release = ReleaseId::as_it_was();
    let back = back.ended(Outcome::Done, Some(Color::Green), Timestamp::UNIX_EPOCH);
    assert_eq!(back.went_live[&Color::Green].release, release);
}

#[test]
fn a_refreshed_color_holds_what_is_live() {
    let before = passed(Goal::Apply, "1", Outcome::Done, None);
    let mut record = passed(Goal::Apply, "2", Outcome::Undone, Some(&before));
    record.refreshes = true;
    let record = record.ended(Outcome::Done, Some(Color::Green), Timestamp::UNIX_EPOCH);
    assert_eq!(record.went_live[&Color::Blue], record.went_live[&Color::Green]);
}

fn reached() -> Reached {
    Reached { phase: Phase::Stage, wave: 0, waves: 3, undoing: false, left_out: Vec::new() }
}

#[test]
fn a_run_is_unfinished_from_its_first_wave_until_its_end() {
    let record = begun(Goal::Apply);
    assert!(!record.is_unfinished(), "nothing was done yet");
    let record = record.further(reached());
    assert!(record.is_unfinished());
    for (outcome, unfinished) in [
        (Outcome::Done, false),
        (Outcome::Undone, false),
        (Outcome::Interrupted, false),
        (Outcome::Unsettled, false),
        (Outcome::Stuck, true),
    ] {
        let ended = record.ended(outcome, None, Timestamp::UNIX_EPOCH);
        assert_eq!(ended.is_unfinished(), unfinished, "{outcome:?}");
        assert!(ended.taken_over("you@there".into(), "resume".into(), Timestamp::UNIX_EPOCH).is_unfinished());
    }
}

#[test]
fn waves_that_are_passed_again_do_not_make_forgotten_what_was_done_beyond_them() {
    let verify = Reached { phase: Phase::Switch, wave: 5, ..reached() };
    let gate = Reached { phase: Phase::Switch, wave: 2, ..reached() };
    let record = begun(Goal::Apply).further(verify.clone()).further(gate);
    assert_eq!(record.reached, Some(verify));
    let undoing = Reached { undoing: true, ..reached() };
    assert_eq!(record.further(undoing.clone()).reached, Some(undoing));
}

#[test]
fn a_run_that_came_further_than_any_plan_goes_is_none() {
    let read = |wave: usize| {
        let mut record = under_way(1, &[]);
        record.reached.as_mut().unwrap().wave = wave;
        Record::read(&serde_json::to_string(&record).unwrap())
    };
    assert!(read(MOST_WAVES).is_ok());
    for wave in [MOST_WAVES + 1, usize::MAX] {
        assert!(matches!(read(wave), Err(BadRecord::Unreadable(_))), "{wave}");
    }
}

#[test]
fn a_newer_format_and_nonsense_are_refused() {
    let newer = r#"{"format":2,"a":"b"}"#;
    assert_eq!(Record::read(newer), Err(BadRecord::Newer(2)));
    for text in ["", "{", "[]", "{}", r#"{"format":1}"#] {
        assert!(matches!(Record::read(text), Err(BadRecord::Unreadable(_))), "{text}");
    }
}

#[test]
fn who_never_was_live_is_known_after_every_outcome() {
    let staged = |goal, outcome| {
        let record = begun(goal);
        assert_eq!(record.staged, begun(goal).staged_after(None));
        record.ended(outcome, None, Timestamp::UNIX_EPOCH).staged
    };
    assert_eq!(staged(Goal::Apply, Outcome::Done), None);
    assert_eq!(staged(Goal::Apply, Outcome::Undone), None);
    assert_eq!(staged(Goal::Apply, Outcome::Stuck), Some(Color::Green));
    assert_eq!(staged(Goal::Stage, Outcome::Done), Some(Color::Green));
    assert_eq!(staged(Goal::Stage, Outcome::Interrupted), None);
    assert_eq!(staged(Goal::Promote, Outcome::Undone), Some(Color::Green), "still staged");
    assert_eq!(staged(Goal::Rollback, Outcome::Done), None);
}

#[test]
fn what_is_being_taken_back_can_be_gone_on_with_only_before_traffic_moves_back() {
    let at =
        |phase, undoing| begun(Goal::Apply).further(Reached { phase, undoing, ..reached() }).can_resume();
    assert!(begun(Goal::Apply).can_resume());
    assert_eq!([Phase::Stage, Phase::Switch, Phase::Settle].map(|phase| at(phase, false)), [true; 3]);
    assert_eq!(
        [Phase::Stage, Phase::Switch, Phase::Settle].map(|phase| at(phase, true)),
        [false, false, true]
    );
}
