//! Requests that take long, in flight over the switch and the stop of the color that answers them.

use std::thread::scope;
use std::time::{Duration, Instant};

use super::scene::{Campaign, Scene};
use crate::harness::Served;

pub(super) fn run(campaign: &mut Campaign) {
    campaign.play("6 s requests in flight over switch and stop", long_requests);
}

fn long_requests(scene: &mut Scene<'_>) {
    let before = scene.world();
    let version = scene.next_version();
    let lab = scene.lab;
    let mut run = lab.follow(&["apply", "-y", "-e", &format!("version={version}")]);
    run.until("the switch", |event| event["event"] == "wave_started" && event["name"] == "Test the new site");
    let asked = Instant::now();
    let (answers, ended) = scope(|scope| {
        let ask = |balancer: &'static str| {
            scope.spawn(move || Served::read(&lab.get_from(balancer, "/slow?ms=6000")))
        };
        let asking = ["lb1", "lb1", "lb2", "lb2"].map(ask);
        run.end().exits(0);
        let ended = asked.elapsed();
        (asking.map(|answer| answer.join().unwrap()), ended)
    });
    for answer in answers {
        assert_eq!(answer.as_ref(), Some(&before.live), "the old color answers what it was asked");
    }
    assert!(ended > Duration::from_secs(5), "the old color was stopped before it had answered: {ended:?}");
    scene.notes.push("4 of them, all answered by the old color".to_owned());
    scene.as_deployed(version, &before);
}
