//! Thousands of seeded misfortunes: failures, lost answers, deaths, lost locks and a second operator, in any
//! order, and then somebody who puts things right. `BGCTL_SEED=N` replays one; `BGCTL_SEEDS=N` makes more.

use std::sync::{Arc, Mutex};

use bgctl::event::Outcome;
use bgctl::model::Color;
use bgctl::plan::Goal;
use bgctl::remote::fake::{Call, Fault};

use super::house::{House, Told, Verb};
use super::invariants::{self, Worlds};
use super::scenario::{self, Rehearsal, Scenario};

const SEEDS: u64 = 2_000;

const SCENARIOS: [Scenario; 11] = [
    scenario::FIRST,
    scenario::FIRST_ON_TWO,
    scenario::SECOND,
    scenario::SECOND_ON_TWO,
    scenario::THIRD,
    scenario::STOPS,
    scenario::STAGE,
    scenario::PROMOTION,
    scenario::ROLLBACK,
    scenario::ROLLBACK_TO_STOPPED,
    scenario::RETIREMENT,
];

/// Numbers that follow from a seed (splitmix64).
#[derive(Debug, Clone)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// What befalls a process: at most so many faults, each at some call.
    fn misfortune(&mut self, most: usize) -> Vec<(usize, Fault)> {
        (0..self.below(most + 1)).map(|_| (self.below(26), self.fault())).collect()
    }

    fn fault(&mut self) -> Fault {
        let done = self.one_in(2);
        match self.below(6) {
            0 => Fault::Before,
            1 => Fault::After,
            2 => Fault::Lost { done },
            3 => Fault::TimedOut { done },
            _ => Fault::Crash { done },
        }
    }
}

/// A fate of these faults; what was met stands in the list afterwards.
fn fate(
    faults: Vec<(usize, Fault)>,
    met: &Arc<Mutex<Vec<String>>>,
) -> impl FnMut(&Call, &tokio_util::sync::CancellationToken) -> Option<Fault> + Send + 'static {
    let met = Arc::clone(met);
    move |call, _| {
        let fault = faults.iter().find(|(index, _)| *index == call.index).map(|(_, fault)| *fault)?;
        met.lock().unwrap().push(format!("{fault:?} at call {} ({} {})", call.index, call.host, call.what));
        Some(fault)
    }
}

/// What every disturbance ends in.
struct Story {
    seed: u64,
    met: Arc<Mutex<Vec<String>>>,
    chapters: Vec<String>,
}

impl Story {
    fn tell(&mut self, what: &str, told: &Told) {
        let end = told.ending.as_ref().map_or("its process died".to_owned(), |ending| format!("{ending:?}"));
        self.chapters.push(format!("{what}: {end}\n{}", told.story()));
    }

    #[track_caller]
    fn claim(&self, holds: bool, what: &str) {
        let met = self.met.lock().unwrap().join(", ");
        assert!(holds, "BGCTL_SEED={}: {what}; it met {met}\n{}", self.seed, self.chapters.join("\n----\n"));
    }
}

async fn one(seed: u64, rehearsals: &[Rehearsal]) {
    let mut chance = Chance(seed);
    let rehearsal = &rehearsals[chance.below(rehearsals.len())];
    let scenario = rehearsal.scenario;
    let mut house = rehearsal.house();
    house.forks = [1, 5][chance.below(2)];
    let mut story = Story { seed, met: Arc::default(), chapters: Vec::new() };
    let told = house.carry_out(&rehearsal.ready, fate(chance.misfortune(3), &story.met)).await;
    story.tell(scenario.name, &told);
    serves_one_color_each(&house, &story);
    let mut last = told;
    let mut verb = None;
    for attempt in 0.. {
        if !house.record().is_some_and(|record| record.is_unfinished()) {
            break;
        }
        story.claim(attempt < 6, "it never ends");
        // Once its undo has begun, a run can only be taken back.
        let undoing = house.record().and_then(|record| record.reached).is_some_and(|reached| reached.undoing);
        let wanted = if undoing || chance.one_in(2) { Verb::Abort } else { Verb::Resume };
        let most = if attempt < 3 { 2 } else { 0 };
        last = house.take_over(wanted, scenario.version, fate(chance.misfortune(most), &story.met)).await;
        story.tell(&format!("{wanted:?}"), &last);
        serves_one_color_each(&house, &story);
        verb = Some(wanted);
    }
    ends_well(&house, rehearsal, &last, verb, &story).await;
}

/// Each load balancer serves exactly one color, from servers that are well; nothing before a first deploy.
fn serves_one_color_each(house: &House, story: &Story) {
    for balancer in house.load_balancers() {
        let nothing_yet = house.fleet.worlds()[&balancer].nginx.as_ref().unwrap().loaded.is_none();
        let served = house.serves(&balancer);
        story.claim(nothing_yet || served.is_ok(), &format!("{balancer}: {served:?}"));
    }
}

/// All is as if nothing had happened, or as before, and nobody holds anything.
async fn ends_well(house: &House, rehearsal: &Rehearsal, last: &Told, verb: Option<Verb>, story: &Story) {
    let Some(record) = house.record() else { return };
    let served: Vec<Option<Color>> =
        house.load_balancers().iter().map(|balancer| house.serves(balancer).ok()).collect();
    story.claim(served.windows(2).all(|pair| pair[0] == pair[1]), "the load balancers disagree");
    let worlds = house.fleet.worlds();
    story.claim(worlds.values().all(|world| world.plans.is_empty()), "a plan is left");
    if record.reached.is_none() || last.ending.is_none() {
        // It died before its first step.
        story.claim(essence(&worlds) == essence(&rehearsal.worlds), "something was done before it began");
        return;
    }
    match last.ending().outcome {
        Outcome::Done => {
            let undisturbed = rehearsal.house();
            undisturbed.carry_out(&rehearsal.ready, |_, _| None).await;
            let expected = essence(&undisturbed.fleet.worlds());
            story.claim(essence(&worlds) == expected, "it is not as without a fault");
        }
        Outcome::Undone | Outcome::Interrupted => {
            let replay = format!("BGCTL_SEED={} ({verb:?})", story.seed);
            invariants::hold(house, &rehearsal.worlds, last, &replay);
        }
        // Traffic has moved, and what comes after that is for a person.
        Outcome::Unsettled => {}
        Outcome::Stuck => story.claim(false, "it is stuck, and not unfinished"),
    }
}

fn essence(worlds: &Worlds) -> Worlds {
    worlds.iter().map(|(host, world)| (host.clone(), invariants::essence(world))).collect()
}

/// From the environment, as a number.
#[expect(clippy::disallowed_methods, reason = "says which of the schedules are wanted")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_somebody_can_put_it_right() {
    let mut rehearsals = Vec::new();
    for scenario in SCENARIOS {
        rehearsals.push(scenario.rehearse().await);
    }
    if let Some(seed) = number("BGCTL_SEED") {
        return one(seed, &rehearsals).await;
    }
    for seed in 0..number("BGCTL_SEEDS").unwrap_or(SEEDS) {
        one(seed, &rehearsals).await;
    }
}

/// The same for stages that migrate and that bring images, a tenth as often.
#[tokio::test(start_paused = true)]
async fn whatever_happens_to_migrations_and_images_somebody_can_put_it_right() {
    let mut rehearsals = Vec::new();
    for scenario in [scenario::MIGRATES, scenario::MIGRATES_EACH, scenario::IMAGES] {
        rehearsals.push(scenario.rehearse().await);
    }
    if let Some(seed) = number("BGCTL_SEED") {
        return one(seed, &rehearsals).await;
    }
    for seed in 0..number("BGCTL_SEEDS").unwrap_or(SEEDS) / 10 {
        one(seed, &rehearsals).await;
    }
}

/// Seeds that once found something.
#[tokio::test(start_paused = true)]
async fn what_was_found_before() {
    let mut rehearsals = Vec::new();
    for scenario in SCENARIOS {
        rehearsals.push(scenario.rehearse().await);
    }
    // Gone on with twice, and forgotten that traffic had moved already.
    one(1290, &rehearsals).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_operators_at_once_one_deploys_and_the_other_is_told() {
    for seed in 0..60 {
        let house = House::new(2);
        house.does(Goal::Apply, "1").await;
        let mut chance = Chance(seed);
        let pauses = [chance.below(40), chance.below(40)];
        let operate = |version: &'static str, pause: usize| {
            let house = &house;
            async move {
                for _ in 0..pause {
                    tokio::task::yield_now().await;
                }
                house.operator(version).await
            }
        };
        let (one, two) = tokio::join!(operate("2", pauses[0]), operate("3", pauses[1]));
        let done = [&one, &two].iter().filter(|told| told.is_some()).count();
        assert!(done >= 1, "seed {seed}: neither got the lock");
        let served: Vec<_> = house.load_balancers().iter().map(|balancer| house.serves(balancer)).collect();
        assert!(served[0].is_ok() && served[0] == served[1], "seed {seed}: {served:?}");
        let images: Vec<String> = ["app1", "app2"]
            .iter()
            .map(|name| {
                let color = served[0].as_ref().unwrap();
                let world = &house.fleet.worlds()[&super::house::host(name)];
                world.projects[&format!("my-server-{color}")].image.clone()
            })
            .collect();
        assert_eq!(images[0], images[1], "seed {seed}");
    }
}
