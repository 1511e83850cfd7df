//! The network between the operator and the load balancers is cut in the middle of a switch; their users notice
//! nothing of that.

use std::time::{Duration, Instant};

use super::scene::{Campaign, Scene};
use super::{CONFIRM_TIMEOUT, Length};

pub(super) fn run(campaign: &mut Campaign, length: Length) {
    campaign.play("network cut in the switch, and back again", |scene| cut(scene, true));
    if length == Length::Whole {
        campaign.play("network cut in the switch, for good", |scene| cut(scene, false));
    }
}

fn cut(scene: &mut Scene<'_>, mends: bool) {
    let before = scene.world();
    let version = scene.next_version();
    let inventory = std::fs::read_to_string(scene.lab.path("inventory.yml")).unwrap();
    let wires = scene.lab.wired(&scene.lab.balancers());
    let mut run = scene.lab.follow(&["apply", "-y", "-e", &format!("version={version}")]);
    run.until("a load balancer that switched", |event| event["event"] == "switched");
    wires.cut();
    let began = Instant::now();
    // Until each of them has swapped back by itself.
    let patience = CONFIRM_TIMEOUT + Duration::from_secs(6);
    while scene
        .lab
        .balancers()
        .iter()
        .any(|balancer| scene.lab.glimpse(balancer).as_ref() != Some(&before.live))
    {
        assert!(began.elapsed() < patience, "no way back after {:?}", began.elapsed());
    }
    let took = began.elapsed();
    scene.notes.push(format!("all back {:.1} s after the cut", took.as_secs_f32()));
    if mends {
        wires.mend();
    }
    let said = run.end();
    scene.notes.push(format!("exit {} after {} s", said.code.unwrap_or(-1), began.elapsed().as_secs()));
    assert!(matches!(said.code, Some(1 | 3)), "{}", said.in_full());
    scene.lab.write("inventory.yml", &inventory);
    scene.taken_back(&before);
}
