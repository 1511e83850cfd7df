//! A run whose process was killed is taken back or gone on with, from another machine.

use crate::harness::{Lab, Running, Served};
use crate::lock::{staging, undone, with_blue};
use crate::ways::ids;

/// A deploy of 0.0.2 that stays in the switch until it is ended: its verify meets no proof of green.
fn switching(lab: &Lab) -> Running {
    lab.edit("templates/site.conf.hbs", "add_header X-Color {{ color }}", "add_header X-Color purple");
    let run = lab.start(&["apply", "-y", "-e", "version=0.0.2"]);
    lab.until_journal_says("\"task\":\"Verify that green is served\"");
    run
}

/// Nothing is left to go on with: nobody holds the lock, and no load balancer waits to swap back.
#[track_caller]
fn ended(lab: &Lab, outcome: &str) {
    let status = lab.bgctl(&["status", "--output", "json"]).exits(0).json();
    assert!(status["lock"].is_null(), "{status:#}");
    assert_eq!(status["last_run"]["outcome"], outcome, "{status:#}");
    assert_eq!(status["last_run"]["unfinished"], false, "{status:#}");
    assert_eq!(lab.on("lb1", "ls -d /var/lib/bgctl/my-server/armed 2>/dev/null || echo none"), "none\n");
}

#[test]
fn a_killed_stage_is_told_before_anything_begins_over_it_and_is_taken_back_elsewhere() {
    let lab = with_blue();
    let blue = ids(&lab, "blue");
    staging(&lab).kill();
    for command in ["apply", "promote", "rollback", "retire"] {
        let said = lab.elsewhere(&[command, "-y", "-e", "version=0.0.2"]).exits(3);
        let said =
            said.says("a run did not end: `apply -i inventory.yml` by tester@").says("in stage (wave 1 of");
        said.says("bgctl abort -i inventory.yml").says("bgctl resume -i inventory.yml");
    }
    lab.elsewhere(&["abort", "--check"])
        .exits(0)
        .says(
            "takes back, as far as it was done:\n  - Recreate green: take it down  # app1, app2 (2 hosts)\n",
        )
        .says("blue is served after that");
    assert_ne!(ids(&lab, "green"), Vec::<String>::new(), "--check changes nothing");
    // What takes a run back needs no -e.
    lab.elsewhere(&["abort", "-y"]).exits(0).says("Aborted in").says("blue is live");
    undone(&lab);
    assert_eq!(ids(&lab, "blue"), blue);
    ended(&lab, "undone");
    lab.elsewhere(&["abort", "-y"]).exits(0).says("Nothing to abort");
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
}

#[test]
fn a_killed_stage_is_finished_elsewhere_with_the_same_inputs_only() {
    let lab = with_blue();
    lab.edit("playbook.yml", "retries: 4, delay: 300ms", "retries: 300, delay: 200ms");
    // The app of 0.0.2 answers at once: the run is killed while its containers are made.
    let mut run = lab.start(&["apply", "-y", "-e", "version=0.0.2"]);
    lab.until_journal_says("\"task\":\"Recreate green\"");
    run.kill();
    let said = lab.elsewhere(&["resume", "-y", "-e", "version=0.0.4"]).exits(1);
    said.says("these inputs make release").says("the run is of release").says("bgctl abort -i inventory.yml");
    lab.elsewhere(&["resume", "-y", "-e", "version=0.0.2"]).exits(0).says("green is live");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    ended(&lab, "done");
    let history = lab.bgctl(&["history", "--output", "json"]).exits(0).json();
    let runs: Vec<(&str, u64)> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|run| (run["outcome"].as_str().unwrap(), run["attempt"].as_u64().unwrap()))
        .collect();
    assert_eq!(runs, [("done", 1), ("done", 2)]);
    lab.bgctl(&["history"]).exits(0).says("resume -i inventory.yml (release ").says("green live after it");
}

#[test]
fn a_killed_switch_is_taken_back_elsewhere() {
    let lab = with_blue();
    switching(&lab).kill();
    lab.elsewhere(&["apply", "-y", "-e", "version=0.0.4"]).exits(3).says("in switch");
    lab.elsewhere(&["abort", "-y"]).exits(0);
    undone(&lab);
    ended(&lab, "undone");
}

#[test]
fn on_the_machine_that_it_ran_on_the_journal_knows_what_never_began() {
    let lab = with_blue();
    lab.deploy("0.0.2").exits(0);
    lab.edit("playbook.yml", "serial: 100%", "serial: 1");
    let mut run = lab.start(&["apply", "-y", "-e", "version=0.0.4"]);
    lab.until_journal_says("\"task\":\"Recreate blue\"");
    run.kill();
    let blue = lab.on("app2", "docker ps -q --filter name=my-server-blue");
    lab.bgctl(&["abort", "-y"]).exits(0).says("green is live");
    assert_eq!(lab.on("app2", "docker ps -q --filter name=my-server-blue"), blue, "app2's turn never came");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    ended(&lab, "undone");
}

#[test]
fn ctrl_c_twice_stops_the_undo_and_abort_goes_on_with_it() {
    let lab = with_blue();
    let run = staging(&lab);
    run.interrupt();
    lab.until_journal_says("interrupted: ending the steps under way");
    run.interrupt();
    run.said().exits(3).says("the undo was stopped").says("bgctl abort -i inventory.yml");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    lab.elsewhere(&["resume", "-y", "-e", "version=0.0.3"]).exits(3).says("was being taken back already");
    lab.elsewhere(&["abort", "-y"]).exits(0);
    undone(&lab);
    ended(&lab, "undone");
}

#[test]
fn a_full_disk_under_the_journal_stops_the_run_before_its_effect() {
    let lab = with_blue();
    lab.on(
        "lb1",
        "mount -t tmpfs -o size=64k,mode=700 none /var/lib/bgctl/my-server && mkdir -p /var/lib/bgctl/my-server",
    );
    lab.on("lb1", "head -c 1M /dev/zero >/var/lib/bgctl/my-server/full 2>/dev/null; true");
    let said = lab.deploy("0.0.2");
    lab.on("lb1", "umount /var/lib/bgctl/my-server");
    assert!([Some(1), Some(4)].contains(&said.code), "{}\n{}", said.stdout, said.stderr);
    said.says("/var/lib/bgctl");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(ids(&lab, "green"), Vec::<String>::new());
}

#[test]
fn no_room_for_the_journal_stops_the_run_before_its_effect() {
    let lab = with_blue();
    let blue = ids(&lab, "blue");
    let said = lab.short_of_room(2, &["apply", "-y", "-e", "version=0.0.2"]).exits(3);
    said.says("the journal cannot be written").says("bgctl abort -i inventory.yml");
    assert_eq!((lab.served(), ids(&lab, "blue")), (Served::new("0.0.1", "blue"), blue));
    assert!(lab.each_journal().iter().any(|journal| !journal.ends_with('\n')), "a last line is torn");
    lab.bgctl(&["abort", "-y"]).exits(0).says("blue is live");
    undone(&lab);
    ended(&lab, "undone");
}

#[test]
fn a_newer_versions_record_is_refused() {
    let lab = with_blue();
    lab.on("lb1", "echo '{\"format\":99}' >/var/lib/bgctl/my-server/last-run");
    lab.deploy("0.0.2").exits(3).says("a newer bgctl wrote the record of the last run");
    lab.bgctl(&["abort", "-y"]).exits(3).says("use that version");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
}

/// Somebody moved traffic back by hand: the run had not settled yet, and would take away what is served.
#[test]
fn a_killed_settle_is_not_finished_over_what_is_served() {
    let lab = with_blue();
    lab.edit("playbook.yml", "old: keep", "old: remove, after: 300s");
    let mut run = lab.start(&["apply", "-y", "-e", "version=0.0.2"]);
    lab.until_journal_says("\"phase\":\"settle\"");
    run.kill();
    lab.on(
        "lb1",
        "ln -sfn /etc/nginx/sites-available/my-server-blue.conf /etc/nginx/sites-enabled/my-server.conf",
    );
    lab.reload_nginx("lb1");
    lab.until_served(&Served::new("0.0.1", "blue"));
    let said = lab.bgctl(&["resume", "-y", "-e", "version=0.0.2"]).exits(3);
    said.says("lb1: blue is live, and the run had moved traffic to green").says("bgctl abort");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    lab.bgctl(&["abort", "-y"]).exits(0).says("blue is live");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    // A record that is somebody else's is not as if there were none.
    lab.on("lb1", "chown deploy /var/lib/bgctl/my-server/last-run");
    lab.bgctl(&["apply", "-y", "-e", "version=0.0.2"])
        .exits(3)
        .says("whether a run was left half done cannot be told");
    lab.bgctl(&["status"]).exits(3).says("last run  unknown");
    lab.on("lb1", "chown root /var/lib/bgctl/my-server/last-run");
    lab.bgctl(&["status"]).exits(0).says("last run  abort");
}
