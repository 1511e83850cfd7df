//! Where inputs come from: runs over a fleet in memory, as its hosts tell of them, and what its load balancers keep.

use bgctl::event::Event;
use bgctl::facts::{self, Observed, Questions};
use bgctl::model::HostName;
use bgctl::plan::{self, Goal, Model, Plan};
use bgctl::remote::fake::{Call, Fault};
use bgctl::remote::{Exec, Remote};
use bgctl::run::Record;

use crate::house::House;
use crate::kinds;

/// A run that was left at its confirmation, and what there is of it.
pub(crate) struct Left {
    pub(crate) house: House,
    pub(crate) model: Model,
    pub(crate) observed: Observed,
    pub(crate) record: Record,
    /// The plan as the load balancers keep it.
    pub(crate) plan: String,
    /// The events of the runs, by run.
    pub(crate) journals: Vec<Vec<Event>>,
    /// The plans of the runs.
    pub(crate) plans: Vec<Plan>,
    /// What each host was asked, and said.
    pub(crate) answers: Vec<(HostName, Questions, String)>,
}

/// The same run, whenever it is asked for.
pub(crate) fn left() -> Left {
    alone(left_behind())
}

/// In a time of its own, which passes when nothing is done.
pub(crate) fn alone<T>(of: impl Future<Output = T>) -> T {
    let builder = &mut tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(of)
}

async fn left_behind() -> Left {
    let house = kinds::of_every_kind(2).playbook(
        "  # watch: { for: 30s, max_error_percentage: 1 }",
        "  watch: { for: 3s, max_error_percentage: 1 }",
    );
    for balancer in house.load_balancers() {
        house.fleet.change(&balancer, |world| world.nginx.as_mut().unwrap().before = Some((1000, 2)));
    }
    let first = house.does(Goal::Apply, "1").await;
    let second = house.does(Goal::Apply, "2").await;
    let crash = |call: &Call, _: &_| (call.what == "confirm").then_some(Fault::Crash { done: true });
    let third = house.run(Goal::Apply, "3", crash).await;
    assert!(third.ending.is_none());
    let mut model = house.model("3");
    let record = house.record().unwrap();
    model.run = record.run.to_string();
    let mut answers = Vec::new();
    for (host, mut questions) in plan::questions(&model).unwrap() {
        (questions.plan, questions.history) = (true, true);
        let exec = Exec::reads(facts::SCRIPT).args(questions.args());
        let output = house.fleet.exec(&host, exec).await.unwrap();
        answers.push((host, questions, output.text()));
    }
    let observed = house.observe(&model).await;
    let kept = observed.hosts.values().find_map(|facts| facts.records.plan.clone()).unwrap();
    let told = [first, second, third];
    let journals = told.iter().map(|told| told.events().cloned().collect()).collect();
    let plans = told.into_iter().map(|told| told.plan).collect();
    Left { house, model, observed, record, plan: kept, journals, plans, answers }
}
