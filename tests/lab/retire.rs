//! The ends of the old color.

use crate::harness::{Lab, Served};

const APPS: [&str; 2] = ["app1", "app2"];

/// The old color stays as nginx's backup, on the release that is live.
#[test]
fn a_refreshed_color_takes_over_by_itself_when_the_live_one_dies() {
    let lab = Lab::fresh();
    lab.edit("playbook.yml", "retire: { old: keep }", "retire: { old: refresh }");
    let servers = "    server {{ address }}:{{ port }};\n{{/each}}\n";
    let backups = "{{#each other_upstreams}}\n    server {{ address }}:{{ port }} backup;\n{{/each}}\n";
    lab.edit("templates/site.conf.hbs", servers, &format!("{servers}{backups}"));
    lab.deploy("0.0.1").exits(0);
    lab.deploy("0.0.2").exits(0);
    for host in APPS {
        for color in ["blue", "green"] {
            assert_eq!(lab.running(host, color).as_deref(), Some("my-server:0.0.2"), "{color} on {host}");
        }
    }
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    lab.deploy("0.0.2").exits(0).says("No changes.").hides("no backup");
    // A release that fails takes the place of the backup: what brings that back is told.
    lab.deploy("0.0.3").exits(1);
    assert!(lab.containers("app1", "blue").is_empty());
    lab.deploy("0.0.2").exits(0).says("blue is no backup now").says("bgctl retire");
    lab.bgctl(&["retire", "-y", "-e", "version=0.0.2"]).exits(0);
    lab.deploy("0.0.2").exits(0).says("No changes.").hides("no backup");
    for host in APPS {
        lab.on(host, "docker stop -t 0 my-server-green-web-1");
    }
    assert_eq!(lab.served(), Served::new("0.0.2", "blue"));
}

#[test]
fn what_was_removed_comes_back_from_its_files_or_is_said_to_be_gone() {
    let lab = Lab::fresh();
    lab.edit("playbook.yml", "retire: { old: keep }", "retire: { old: remove }");
    lab.deploy("0.0.1").exits(0);
    lab.deploy("0.0.2").exits(0);
    assert!(lab.containers("app1", "blue").is_empty());
    let rollback = || lab.bgctl(&["status", "--output", "json"]).exits(0).json()["rollback"].clone();
    assert_eq!((&rollback()["ready"], &rollback()["how"]), (&true.into(), &"start".into()));
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));

    lab.bgctl(&["rollback", "-y"]).exits(0);
    lab.bgctl(&["retire", "-y"]).exits(0);
    lab.on("app2", "rm -r /srv/my-server/blue");
    assert_eq!(rollback()["ready"], false);
    assert_eq!(rollback()["reason"], "blue has no containers on app2");
    lab.bgctl(&["rollback", "-y"]).exits(1).says("app2: no containers of blue, and no compose file");
}
