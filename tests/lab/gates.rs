//! What must be true of the app servers before traffic moves to them.

use crate::harness::{Lab, Served};

const TAG: &str = "my-server:gate";

/// A lab where 0.0.1 is live, and the tag `gate` stands for one release on app1 and for another on app2.
fn with_a_tag_that_moved() -> Lab {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    lab.on("app1", &format!("docker tag my-server:0.0.2 {TAG}"));
    lab.on("app2", &format!("docker tag my-server:0.0.4 {TAG}"));
    lab
}

#[test]
fn hosts_with_different_images_get_no_traffic_and_the_odd_one_is_named() {
    let lab = with_a_tag_that_moved();
    let said = lab.deploy("gate").exits(1);
    let said = said.says("do not run the same release").says("app2 runs web from image sha256:");
    assert!(said.stdout.contains("blue is live"), "{}", said.stdout);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));

    lab.on("app2", &format!("docker tag my-server:0.0.2 {TAG}"));
    let said = lab.bgctl(&["apply", "-y", "-e", "version=gate", "--output", "json"]).exits(0);
    let [converged] = said.events("converged").try_into().unwrap();
    let id = lab.on("app1", &format!("docker image inspect --format '{{{{.Id}}}}' {TAG}"));
    assert_eq!(converged["images"]["web"]["ids"][0], id.trim_end(), "{converged}");
    assert_eq!(converged["color"], "green");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
}

#[test]
fn a_file_that_changes_under_a_run_stops_it() {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    // A task that nobody should write: it changes what another one has rendered.
    let (health, path) = ("      - name: Answers for itself", "/srv/{{ app }}/{{ color }}/compose.yml");
    let shell = format!("test {{{{ inventory_hostname }}}} = app1 || echo '#' >>{path}");
    let task = format!("      - {{ name: Meddle, command: {{ shell: \"{shell}\", undo: \"true\" }} }}\n");
    lab.edit("playbook.yml", health, &(task + health));
    let said = lab.deploy("0.0.2").exits(1);
    said.says("not as this release renders them: /srv/my-server/green/compose.yml differs");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
}

/// Published on loopback alone: a host that is well, and that no load balancer reaches.
#[test]
fn a_color_that_only_its_own_host_reaches_gets_no_traffic() {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    lab.edit("templates/compose.yml.hbs", "- \"{{ port }}:8080\"", "- \"127.0.0.1:{{ port }}:8080\"");
    let said = lab.deploy("0.0.2").exits(1);
    said.says("Answers to the load balancers: app1").says("http://app1:18081/health not as expected");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
}
