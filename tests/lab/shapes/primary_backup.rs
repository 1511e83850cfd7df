//! `primary-backup`: the old color stays as nginx's backup, on the release that is live.

use std::thread::sleep;
use std::time::Duration;

use super::{Clients, deploys, script_deploys_twice, takes_over};
use crate::harness::{Lab, Served, until};
use crate::kept::kept;

const SHAPE: &str = "primary-backup";
const APPS: [&str; 2] = ["app1", "app2"];

/// Both colors of every host run a release.
#[track_caller]
fn both_run(lab: &Lab, hosts: &[&str], version: &str) {
    for host in hosts {
        for color in ["blue", "green"] {
            let image = lab.running(host, color);
            assert_eq!(image, Some(format!("my-server:{version}")), "{color} on {host}");
        }
    }
}

#[test]
fn it_takes_over_from_the_script_under_load() {
    let lab = Lab::fresh();
    lab.init(SHAPE, &APPS);
    let before = script_deploys_twice(&lab, SHAPE);
    takes_over(&lab, SHAPE, &before, || ());
    both_run(&lab, &APPS, "0.0.6");
    // Neither color holds the release before any more; it is staged again as it was kept.
    lab.bgctl(&["rollback", "-y", "--to", &kept(&lab)[1]]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.5", "green"));
}

/// Ends the live color on every app server, under load, and brings it back.
fn fails_over(servers: &[&str]) {
    let lab = Lab::fresh();
    lab.init(SHAPE, servers);
    deploys(&lab, "0.0.1", "blue");
    deploys(&lab, "0.0.2", "green");
    both_run(&lab, servers, "0.0.2");
    let clients = Clients::of(&lab);
    sleep(Duration::from_secs(1));
    for server in servers {
        lab.on(server, "docker kill my-server-green-web-1");
    }
    // Its backup answers.
    lab.until_served(&Served::new("0.0.2", "blue"));
    // Whoever deploys now would recreate the color that serves: that is refused, with the way out.
    let said = lab.deploy("0.0.4").exits(3).says("switch --to blue");
    both_answer_again(&lab, servers, "green");
    let asked = clients.end();
    println!("{SHAPE}, {} app servers, the primary killed: {asked}", servers.len());
    asked.all_answered();
    drop(said);
    deploys(&lab, "0.0.4", "blue");
}

/// Starts a color again, and waits until nginx has noticed.
#[track_caller]
fn both_answer_again(lab: &Lab, servers: &[&str], color: &str) {
    for server in servers {
        lab.on(server, &format!("docker start my-server-{color}-web-1"));
    }
    until(format_args!("{color} answers on every host again"), || {
        let all_of_it = (0..4).all(|_| lab.glimpse("lb1").is_some_and(|served| served.color() == color));
        all_of_it && lab.serving_hosts() == servers
    });
}

#[test]
fn traffic_fails_over_by_itself_on_one_host_under_load() {
    fails_over(&["app1"]);
}

#[test]
fn traffic_fails_over_by_itself_on_two_hosts_under_load() {
    fails_over(&APPS);
}

/// It never asks for health: what does not work is live, and a moment later the backup is the same.
#[test]
fn the_script_puts_a_sick_release_on_both_colors() {
    let lab = Lab::fresh();
    lab.init(SHAPE, &APPS);
    lab.script(SHAPE, "0.0.1").exits(0);
    lab.script(SHAPE, "0.0.3").exits(0).says("== done");
    both_run(&lab, &APPS, "0.0.3");
    assert_eq!(crate::harness::get(lab.front(), "/health").unwrap().status, 503);
    // The same release, with a good one live: bgctl finds out before anybody is served by it.
    lab.script(SHAPE, "0.0.1").exits(0);
    lab.edit(crate::harness::PLAYBOOK, "retries: 30, delay: 1s", "retries: 3, delay: 300ms");
    lab.deploy("0.0.3").exits(1).says("is live");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(crate::harness::get(lab.front(), "/health").unwrap().status, 200);
}
