//! Releases that hosts keep, and the way back to one of them.

use crate::harness::{Lab, Served};

/// Ids of the kept releases, the newest first.
pub(crate) fn kept(lab: &Lab) -> Vec<String> {
    let status = lab.bgctl(&["status", "--output", "json"]).exits(0).json();
    let releases = status["releases"].as_array().unwrap().iter();
    releases.map(|kept| kept["release"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_kept_release_is_staged_again_and_switched_to() {
    let lab = Lab::fresh();
    for version in ["0.0.1", "0.0.2", "0.0.4"] {
        lab.deploy(version).exits(0);
        // Kept to the second.
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    let ids = kept(&lab);
    assert_eq!(ids.len(), 3, "{ids:?}");
    for host in ["app1", "lb1"] {
        let modes = lab.on(host, "cd /var/lib/bgctl/my-server/releases && stat -c %a . * */*");
        assert_eq!(modes, "700\n700\n700\n700\n600\n600\n600\n", "{host}");
    }
    let said = lab.bgctl(&["rollback", "-y", "--to", "nothing"]).exits(1);
    let said = said.says("no kept release begins with \"nothing\"");
    for id in &ids {
        assert!(said.stderr.contains(&format!("{id}  kept 20")), "{}", said.stderr);
    }
    lab.bgctl(&["rollback", "-y", "--to", &ids[0]]).exits(1).says("is live already");
    assert_eq!(lab.served(), Served::new("0.0.4", "blue"));

    lab.bgctl(&["rollback", "--check", "--to", &ids[2]]).exits(0).says("Stage release");
    lab.bgctl(&["rollback", "-y", "--to", &ids[2][..6]]).exits(0).says("green is live");
    assert_eq!(lab.served(), Served::new("0.0.1", "green"));
    lab.bgctl(&["status"]).exits(0).says("kept      ").says(&format!("release {}", ids[0]));
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.4", "blue"));
}

#[test]
fn older_releases_go_and_a_host_that_cannot_keep_any_stops_nobody() {
    let lab = Lab::fresh();
    lab.edit("playbook.yml", "name: my-server\n", "name: my-server\nkeep_releases: 1\n");
    for version in ["0.0.1", "0.0.2", "0.0.4"] {
        lab.deploy(version).exits(0);
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    assert_eq!(kept(&lab).len(), 2, "the live one, and the one that a rollback goes to");
    lab.edit("inventory.yml", "app1: { ", "app1: { bgctl_state_dir: /proc/nowhere, ");
    let said = lab.deploy("0.0.5").exits(0);
    said.says("Keep the release … failed, ignored").says("set bgctl_state_dir, or let it become root");
    assert_eq!(lab.served(), Served::new("0.0.5", "green"));
}
