//! What must be true after every run, however it was disturbed.

use std::collections::{BTreeMap, BTreeSet};

use bgctl::event::{Event, Kind, Outcome, StepId};
use bgctl::journal::RunState;
use bgctl::model::{Action, Color, HostName};
use bgctl::plan::{Goal, Phase, Undo};
use bgctl::remote::Effect;
use bgctl::remote::fake::{Guard, World};

use super::house::{APP, Entry, House, Told, is_undo};

pub(crate) type Worlds = BTreeMap<HostName, World>;

/// Everything at once; `replay` says how to get there again.
pub(crate) fn hold(house: &House, before: &Worlds, told: &Told, replay: &str) {
    let problems = [
        legal(told),
        announced(told),
        ordered(told),
        traffic(house, told),
        untouched(house, before, told),
        restored(house, before, told),
        disarmed(house, told),
    ];
    let problems: Vec<String> = problems.into_iter().filter_map(Result::err).collect();
    assert!(problems.is_empty(), "{replay}: {}\n{}", problems.join("; "), told.story());
}

type Held = Result<(), String>;

fn check(holds: bool, what: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(what()) }
}

/// The events fold, also after a journey through JSON, and come to the ending.
fn legal(told: &Told) -> Held {
    let mut state = RunState::default();
    for event in told.events() {
        let line = serde_json::to_string(event).unwrap();
        let read: Event = serde_json::from_str(&line).unwrap();
        check(read == *event, || format!("{line} is read as something else"))?;
        state.fold(&read).map_err(|illegal| illegal.to_string())?;
        let nobody = matches!(&read.kind, Kind::LeftOut { hosts } if hosts.is_empty());
        check(!nobody, || "nobody is said to be left out".to_owned())?;
    }
    check(state.outcome() == Some(told.ending().outcome), || "the journal ends otherwise".to_owned())
}

/// No host is changed without a step under way there, or an undo.
fn announced(told: &Told) -> Held {
    let mut under_way: BTreeSet<StepId> = BTreeSet::new();
    let mut hosts: BTreeMap<StepId, HostName> = BTreeMap::new();
    let mut failed: BTreeSet<HostName> = BTreeSet::new();
    let mut undoing = false;
    for entry in &told.log {
        match entry {
            Entry::Event(event) => match (&event.kind, &event.host) {
                (Kind::Started { at }, Some(host)) => {
                    under_way.insert(*at);
                    hosts.insert(*at, host.clone());
                }
                (Kind::Ended { at, .. }, _) => {
                    under_way.remove(at);
                }
                (Kind::Failed { at, .. }, Some(host)) => {
                    under_way.remove(at);
                    failed.insert(host.clone());
                }
                (Kind::UndoStarted { .. }, _) => undoing = true,
                _ => {}
            },
            Entry::Call(call) if call.effect == Effect::Changes => {
                let begun = under_way.iter().any(|at| hosts[at] == call.host);
                // A host that failed within the limit is put down before the undo of all.
                let put_down = failed.contains(&call.host);
                check(undoing || begun || put_down, || format!("call {} was not announced", call.index))?;
            }
            Entry::Call(_) => {}
        }
    }
    Ok(())
}

/// Nothing is undone beneath a wave that could not be undone whole; in the stage, nothing of the host on which that was.
fn ordered(told: &Told) -> Held {
    let mut last = usize::MAX;
    let mut stuck = 0;
    let mut alone: BTreeMap<&HostName, usize> = BTreeMap::new();
    let undone = told.events().skip_while(|event| !matches!(event.kind, Kind::UndoStarted { .. }));
    for event in undone.filter(|event| is_undo(&event.kind)) {
        match &event.kind {
            Kind::Undone { at, .. } => {
                check(at.wave <= last, || format!("{at:?} was undone after a wave beneath it"))?;
                let own = event.host.as_ref().and_then(|host| alone.get(host)).copied();
                let stuck = stuck.max(own.unwrap_or_default());
                check(at.wave >= stuck, || {
                    format!("{at:?} was undone beneath wave {stuck}, which is stuck")
                })?;
                last = at.wave;
            }
            Kind::UndoFailed { at, .. } if !is_impossible(told, *at) => {
                let of = event.host.as_ref().filter(|_| event.phase == Some(Phase::Stage));
                match of.map(|host| alone.entry(host).or_default()) {
                    Some(wave) => *wave = (*wave).max(at.wave),
                    None => stuck = stuck.max(at.wave),
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_impossible(told: &Told, at: StepId) -> bool {
    let lane = told.plan.waves.get(at.wave).and_then(|wave| wave.lanes.get(at.lane));
    lane.and_then(|lane| lane.steps.get(at.step)).is_some_and(|step| matches!(step.undo, Undo::Impossible(_)))
}

/// Every load balancer serves a color whose servers are all well; the same one, unless a person is needed;
/// and the ending says which.
fn traffic(house: &House, told: &Told) -> Held {
    let ending = told.ending();
    let served: Vec<Result<Color, String>> =
        house.load_balancers().iter().map(|balancer| house.serves(balancer)).collect();
    let expected = match ending.outcome {
        Outcome::Stuck => None,
        Outcome::Undone | Outcome::Interrupted => Some(told.plan.live),
        Outcome::Done | Outcome::Unsettled => match told.plan.goal {
            Goal::Stage | Goal::Retire => Some(told.plan.live),
            _ => Some(Some(told.plan.target)),
        },
    };
    if let Some(expected) = expected {
        check(ending.live == expected, || format!("{:?} is said to be live, not {expected:?}", ending.live))?;
    }
    // Who is stuck on an app server still knows what is served.
    let knows = told.calls().all(|call| call.what != "swap")
        && !told.events().any(|event| matches!(event.kind, Kind::TookOver { .. }));
    if ending.outcome == Outcome::Stuck && knows {
        let (said, live) = (ending.live, told.plan.live);
        check(said == live, || format!("{said:?} is said to be live, {live:?} never moved"))?;
    }
    for (balancer, found) in house.load_balancers().iter().zip(served) {
        // Load balancers that disagreed serve what each of them did.
        let expected = match expected {
            Some(None) => Some(told.plan.served_by(balancer)),
            expected => expected,
        };
        match (expected, found) {
            // Before a first deploy nothing is served.
            (Some(None), Err(_)) => {}
            (None, Err(_)) if told.plan.live.is_none() => {}
            (None, Ok(found)) => {
                let said = ending.live.is_none_or(|live| live == found);
                check(said, || format!("{:?} is said to be live, {found} is", ending.live))?;
            }
            (Some(Some(expected)), Ok(found)) if found == expected => {}
            (_, found) => return Err(format!("{expected:?} should be served, {found:?} is")),
        }
    }
    Ok(())
}

/// Until the switch begins, the live color's things are as they were, byte for byte.
fn untouched(house: &House, before: &Worlds, told: &Told) -> Held {
    let Some(live) = told.plan.live else { return Ok(()) };
    let moved = told.calls().any(|call| call.what == "swap") || told.plan.goal == Goal::Retire;
    if moved {
        return Ok(());
    }
    let of = |worlds: &Worlds| -> Vec<World> { worlds.values().map(|world| only(world, live)).collect() };
    check(of(before) == of(&house.fleet.worlds()), || format!("{live} was touched before the switch"))
}

/// A world without what runs leave for those that come after: records, images, and what their writes replaced.
pub(crate) fn essence(world: &World) -> World {
    let mut world = world.clone();
    world.ran.clear();
    world.kept.clear();
    world.images.clear();
    world.last_runs.clear();
    world.plans.clear();
    world.histories.clear();
    world.keys.clear();
    world.guards.clear();
    world.dead_men.clear();
    world.files.retain(|path, _| !path.contains(".bgctl") && !path.starts_with("/var/lib/bgctl/"));
    world.folders.retain(|path| !path.starts_with("/var/lib/bgctl"));
    world
}

/// A world with what belongs to one color alone.
fn only(world: &World, color: Color) -> World {
    let mut world = essence(world);
    let other = color.other().to_string();
    world.files.retain(|path, _| !path.contains(&other));
    world.folders.retain(|path| !path.contains(&other));
    world.projects.retain(|name, _| !name.ends_with(&other));
    world.networks.retain(|name| !name.ends_with(&other));
    world
}

/// After an undo all is as before, but for the idle color's containers, which are down.
fn restored(house: &House, before: &Worlds, told: &Told) -> Held {
    if !matches!(told.ending().outcome, Outcome::Undone | Outcome::Interrupted) {
        return Ok(());
    }
    let after = house.fleet.worlds();
    let raised: Vec<&HostName> = told
        .plan
        .steps()
        .filter(|(_, step)| matches!(step.action, Action::ComposeUp(_)))
        .map(|(host, _)| host)
        .collect();
    let idle = format!("{APP}-{}", told.plan.target);
    for (host, world) in before {
        let (mut was, mut is) = (essence(world), essence(&after[host]));
        if raised.contains(&host) {
            was.projects.remove(&idle);
            let network = (was.networks.remove(&idle), is.networks.remove(&idle));
            check(network != (false, true), || format!("{host} has a network that was not there"))?;
            // Down, or never touched.
            if let Some(left) = is.projects.remove(&idle) {
                check(world.projects.get(&idle) == Some(&left), || {
                    format!("{host} still has the new {idle}")
                })?;
            }
        }
        if can_migrate_back(told) {
            let new: Vec<&str> =
                after[host].ran.iter().skip(world.ran.len()).map(|words| direction(words)).collect();
            check(is_taken_back(&new), || format!("{host} migrated {new:?}"))?;
        }
        check(was == is, || format!("{host} is not as before:\n{was:#?}\n{is:#?}"))?;
    }
    Ok(())
}

/// Whether the plan's commands in containers can be taken back.
fn can_migrate_back(told: &Told) -> bool {
    told.plan.steps().any(|(_, step)| matches!(&step.undo, Undo::Reverse(Action::ComposeRun(_))))
}

fn direction(words: &[String]) -> &str {
    words.last().map_or("", String::as_str)
}

/// Nothing was done, or it was done, perhaps again by who went on with the run, and then taken back once.
fn is_taken_back(migrations: &[&str]) -> bool {
    let twice = migrations.windows(2).any(|pair| pair == ["down", "down"]);
    let (first, last) = (migrations.first(), migrations.last());
    !twice && matches!((first, last), (None, None) | (Some(&"up"), Some(&"down")))
}

/// No load balancer waits for a confirmation any more, unless the undo of the swap failed.
fn disarmed(house: &House, told: &Told) -> Held {
    if told.ending().outcome == Outcome::Stuck {
        return Ok(());
    }
    for (host, world) in house.fleet.worlds() {
        let armed = world.guards.values().any(|guard| matches!(guard, Guard::Armed { .. }));
        check(!armed, || format!("{host} still waits for a confirmation"))?;
    }
    Ok(())
}
