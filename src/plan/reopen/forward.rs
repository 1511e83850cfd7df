//! Whether a plan's way forward is part of what the playbook makes: the same steps in the same order, less those that
//! had nothing to do, and all of its checks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::{Action, HostName};
use crate::plan::{Certainty, Goal, Phase, Plan, Step, Undo, Wave};

/// A host's steps, in order, with their phases.
type Way<'p> = Vec<(Phase, &'p Step)>;

/// What of a plan is not made of these waves, as `host: task`.
pub(super) fn foreign(plan: &Plan, made: &[Wave], goal: Goal) -> Vec<String> {
    let (kept, made) = (ways(&plan.waves), ways(made));
    let mut wrong = Vec::new();
    for (host, way) in &kept {
        let nothing = Vec::new();
        wrong.extend(walk(host, way, made.get(host).unwrap_or(&nothing), goal));
    }
    // A host without any lane has no check either.
    for (host, way) in made.iter().filter(|(host, _)| !kept.contains_key(*host)) {
        wrong.extend(walk(host, &Vec::new(), way, goal));
    }
    if count(plan, |action| matches!(action, Action::Swap(swap) if swap.guard.confirm_timeout.is_some()))
        != count(plan, |action| matches!(action, Action::Confirm(_)))
    {
        wrong.push("not every switch in it is confirmed".to_owned());
    }
    if !is_in_order(plan) {
        wrong.push("its waves are not in the order in which a run goes".to_owned());
    }
    wrong
}

/// How often hosts come to such an action.
fn count(plan: &Plan, is_it: impl Fn(&Action) -> bool) -> usize {
    plan.steps().filter(|(_, step)| is_it(&step.action)).count()
}

fn ways(waves: &[Wave]) -> BTreeMap<&HostName, Way<'_>> {
    let mut ways: BTreeMap<&HostName, Way<'_>> = BTreeMap::new();
    for wave in waves {
        for lane in wave.lanes.iter().filter(|lane| !lane.steps.is_empty()) {
            ways.entry(&lane.host).or_default().extend(lane.steps.iter().map(|step| (wave.phase, step)));
        }
    }
    ways
}

/// Goes along what is made, and finds every step of a host's way in it.
fn walk(host: &HostName, way: &Way<'_>, made: &Way<'_>, goal: Goal) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut rest = made.iter();
    let must = |phase: Phase, step: &Step| goal_asks(goal) && phase != Phase::Settle && proves(&step.action);
    for (phase, step) in way {
        let wanted = bare(step);
        let mut passed = Vec::new();
        let mut ahead = rest.clone();
        let found = ahead.by_ref().any(|(other, candidate)| {
            let is_it = other == phase && bare(candidate) == wanted;
            if !is_it && must(*other, candidate) {
                passed.push(candidate.name.clone());
            }
            is_it
        });
        if found {
            rest = ahead;
            wrong.extend(passed.into_iter().map(|name| format!("{host}: it lacks {name}")));
        } else {
            wrong.push(format!("{host}: {}", step.name));
        }
    }
    let lacking = rest.filter(|(phase, step)| must(*phase, step));
    wrong.extend(lacking.map(|(_, step)| format!("{host}: it lacks {}", step.name)));
    wrong
}

/// Traffic that is there already is only written down, and nothing is asked.
const fn goal_asks(goal: Goal) -> bool {
    !matches!(goal, Goal::Switch(_))
}

/// Whether traffic must not move without it, or would not move at all.
const fn proves(action: &Action) -> bool {
    matches!(
        action,
        Action::Check(_)
            | Action::Fingerprint(_)
            | Action::TestSite { .. }
            | Action::Swap(_)
            | Action::Watch(_)
    )
}

/// A step without what depends on what the run found on its host. That is looked at for itself.
fn bare(step: &Step) -> Value {
    let mut step = Step { certainty: Certainty::Computed, before: None, ..step.clone() };
    match &mut step.action {
        Action::PutFile(file) => {
            file.keep = None;
            step.undo = Undo::NotNeeded;
        }
        Action::Swap(swap) => {
            swap.from = None;
            swap.guard.confirm_timeout = None;
            step.undo = Undo::NotNeeded;
        }
        _ => {}
    }
    let mut value = json!(step);
    any_compose(&mut value);
    value
}

/// Which compose a host has may have changed since.
pub(super) fn any_compose(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("compose");
            map.values_mut().for_each(any_compose);
        }
        Value::Array(list) => list.iter_mut().for_each(any_compose),
        _ => {}
    }
}

/// Whether phases follow each other, and on the switch what must be known before it comes before it on all hosts.
fn is_in_order(plan: &Plan) -> bool {
    let ranks = plan.waves.iter().filter_map(|wave| {
        let steps =
            || wave.lanes.iter().flat_map(|lane| &lane.steps).map(|step| rank(wave.phase, &step.action));
        Some((steps().min()?, steps().max()?))
    });
    let mut last = (Phase::Stage, 0);
    for (first, highest) in ranks {
        if first < last {
            return false;
        }
        last = highest;
    }
    true
}

fn rank(phase: Phase, action: &Action) -> (Phase, u8) {
    let place = match action {
        _ if phase != Phase::Switch => 0,
        Action::Fingerprint(_) => 0,
        Action::TestSite { .. } => 1,
        Action::PutFile(_) | Action::Swap(_) => 2,
        Action::Check(_) => 3,
        Action::Confirm(_) => 4,
        _ => 5,
    };
    (phase, place)
}
