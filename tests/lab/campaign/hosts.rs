//! Hosts and their services die under a run, have no room, or tell the wrong time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::scene::{Campaign, Scene, World};
use super::{CONFIRM_TIMEOUT, Length};
use crate::harness::Following;

pub(super) fn run(campaign: &mut Campaign, length: Length) {
    campaign.play("an app host dies while it stages", app_host);
    campaign.play("a load balancer dies between the phases", load_balancer);
    campaign.play("no room on an app host", disk);
    campaign.play("nginx is killed while the app stages", nginx);
    if length == Length::Whole {
        campaign.play("dockerd is stopped while its host stages", dockerd);
        campaign.play("the clock of a load balancer is an hour slow", clock);
    }
}

fn deploy(scene: &mut Scene<'_>) -> (World, Following) {
    let before = scene.world();
    let version = scene.next_version();
    let run = scene.lab.follow(&["apply", "-y", "-e", &format!("version={version}")]);
    (before, run)
}

fn begins(event: &Value, task: &str, host: &str) -> bool {
    event["event"] == "started"
        && event["host"] == host
        && event["task"].as_str().is_some_and(|is| is.starts_with(task))
}

/// The run's own ending, which must say that it failed.
#[track_caller]
fn fails(scene: &mut Scene<'_>, mut run: Following) {
    let began = Instant::now();
    let said = run.end();
    scene.notes.push(format!("exit {} after {} s", said.code.unwrap_or(-1), began.elapsed().as_secs()));
    assert!(matches!(said.code, Some(1 | 3)), "{}", said.in_full());
}

fn app_host(scene: &mut Scene<'_>) {
    let (before, mut run) = deploy(scene);
    run.until("the staging of app2", |event| begins(event, "Recreate", "app2"));
    let harm = scene.lab.power_failure("app2");
    fails(scene, run);
    drop(harm);
    scene.taken_back(&before);
}

fn dockerd(scene: &mut Scene<'_>) {
    let (before, mut run) = deploy(scene);
    run.until("the staging of app2", |event| begins(event, "Recreate", "app2"));
    let harm = scene.lab.without_dockerd("app2");
    fails(scene, run);
    drop(harm);
    scene.taken_back(&before);
}

fn load_balancer(scene: &mut Scene<'_>) {
    let (before, mut run) = deploy(scene);
    run.until("the switch", |event| event["event"] == "wave_started" && event["name"] == "Switch traffic");
    let stopped = Instant::now();
    let harm = scene.lab.power_failure("lb2");
    fails(scene, run);
    let patience = CONFIRM_TIMEOUT + Duration::from_secs(6);
    while scene.lab.glimpse("lb1").as_ref() != Some(&before.live) {
        assert!(stopped.elapsed() < patience, "lb1 does not go back");
    }
    drop(harm);
    scene.set_aside("lb2", stopped);
    // Its link is where it was when it died: on this side of its swap or on the other.
    scene.mended(&before);
}

fn nginx(scene: &mut Scene<'_>) {
    let (before, mut run) = deploy(scene);
    run.until("the staging", |event| begins(event, "Recreate", "app1"));
    let stopped = Instant::now();
    let harm = scene.lab.without_nginx("lb1");
    fails(scene, run);
    drop(harm);
    scene.set_aside("lb1", stopped);
    scene.taken_back(&before);
}

fn disk(scene: &mut Scene<'_>) {
    let before = scene.world();
    let target = if before.live.color() == "blue" { "green" } else { "blue" };
    let harm = scene.lab.full_disk("app2", &format!("/srv/my-server/{target}"));
    let version = scene.next_version();
    scene.lab.deploy(version).exits(1).says("No space left on device").says("app2");
    drop(harm);
    scene.as_before(&before);
    scene.lab.deploy(version).exits(0);
    scene.as_deployed(version, &before);
}

fn clock(scene: &mut Scene<'_>) {
    let begun = Instant::now();
    let harm = scene.lab.slow_clock("lb1");
    scene.set_aside("lb1", begun);
    let told: u64 = scene.lab.on("lb1", "date +%s").trim().parse().unwrap();
    let is = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!((3_500..3_700).contains(&(is - told)), "its clock is {} s slow", is - told);
    for _ in 0..2 {
        let before = scene.world();
        let version = scene.next_version();
        scene.lab.deploy(version).exits(0);
        scene.as_deployed(version, &before);
    }
    let ending = Instant::now();
    drop(harm);
    scene.set_aside("lb1", ending);
}
