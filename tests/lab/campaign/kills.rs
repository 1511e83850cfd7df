//! `kill -9` of the operator's bgctl at many points in time, then `resume` or `abort` from another machine.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::scene::{Campaign, Scene};
use super::{CONFIRM_TIMEOUT, Length};
use crate::harness::{Following, Lab};

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Right after its so many-th event: before the effect that this announces.
    Event(usize),
    /// After so many milliseconds, wherever it is then.
    Millis(u64),
}

/// What is done with what it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Resume,
    Abort,
}

pub(super) fn run(campaign: &mut Campaign, length: Length) {
    let (events, took) = rehearsal(&campaign.lab);
    let (by_event, by_chance) = if length == Length::Whole { (26, 6) } else { (4, 1) };
    // The last event is the end of the run.
    let spread = (1..=by_event).map(|n| Moment::Event(n * (events - 1) / by_event));
    let mut moments: Vec<Moment> = spread.collect();
    // Most of them before its end.
    let longest = u64::try_from(took.as_millis()).unwrap() * 3 / 4;
    moments.extend((0..by_chance).map(|_| Moment::Millis(campaign.chance.below(longest))));
    for (number, moment) in moments.into_iter().enumerate() {
        let verb = [Verb::Resume, Verb::Abort][number % 2];
        campaign.play(&format!("kill -9 at {moment:?}, then {verb:?}"), |scene| killed(scene, moment, verb));
    }
}

/// How many events a run has, and how long it takes.
fn rehearsal(lab: &Lab) -> (usize, Duration) {
    let began = Instant::now();
    let mut run = lab.follow(&["apply", "-y", "-e", "version=0.0.4"]);
    run.end().exits(0);
    (run.seen.len(), began.elapsed())
}

fn killed(scene: &mut Scene<'_>, moment: Moment, verb: Verb) {
    let before = scene.world();
    let version = scene.next_version();
    let release = format!("version={version}");
    let mut run = scene.lab.follow(&["apply", "-y", "-e", &release]);
    kill(&mut run, moment);
    scene.name = format!("`kill -9` in {}, then {verb:?}", run.phase()).to_lowercase();
    if scene.chance.below(2) == 0 {
        // The load balancers have come to rest before anybody looks; else they may be about to swap back.
        scene.agreement(CONFIRM_TIMEOUT + Duration::from_secs(10));
    }
    let status = scene.lab.elsewhere(&["status", "--output", "json"]).json();
    if status["last_run"]["unfinished"] == false {
        if scene.lab.served() != before.live {
            "`kill -9` after the end".clone_into(&mut scene.name);
            return scene.as_deployed(version, &before);
        }
        "`kill -9` before anything had begun".clone_into(&mut scene.name);
        return scene.as_before(&before);
    }
    scene.lab.elsewhere(&["apply", "-y", "-e", &release]).exits(3).says("a run did not end");
    match verb {
        Verb::Abort => scene.abort(&before),
        Verb::Resume => {
            scene.lab.elsewhere(&["resume", "-y", "-e", &release]).exits(0);
            scene.as_deployed(version, &before);
        }
    }
}

fn kill(run: &mut Following, moment: Moment) {
    match moment {
        Moment::Millis(millis) => sleep(Duration::from_millis(millis)),
        Moment::Event(count) => while run.seen.len() < count && run.next().is_some() {},
    }
    run.kill();
}
