//! One run at a time, and runs that end in the middle: by `kill -9`, by Ctrl-C.

use std::time::{Duration, Instant};

use crate::harness::{Lab, Running, Served};
use crate::ways::ids;

const APPS: [&str; 2] = ["app1", "app2"];

/// A lab where 0.0.1 is live on blue.
pub(crate) fn with_blue() -> Lab {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    lab
}

/// A deploy that stays in the stage of green until it is ended.
pub(crate) fn staging(lab: &Lab) -> Running {
    lab.edit("playbook.yml", "retries: 4, delay: 300ms", "retries: 300, delay: 200ms");
    let run = lab.start(&["apply", "-y", "-e", "version=0.0.3"]);
    lab.until_journal_says("\"task\":\"Answers for itself\"");
    run
}

/// Blue serves, and nothing of green is left.
#[track_caller]
pub(crate) fn undone(lab: &Lab) {
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(lab.link(), "/etc/nginx/sites-available/my-server-blue.conf");
    assert_eq!(ids(lab, "green"), Vec::<String>::new());
    assert_eq!(APPS.map(|host| lab.on(host, "ls /srv/my-server")), ["blue\n"; 2]);
    assert_eq!(lab.on("lb1", "ls /etc/nginx/sites-available"), "my-server-blue.conf\n");
}

#[test]
fn the_second_run_learns_who_holds_the_lock() {
    let lab = with_blue();
    let blue = ids(&lab, "blue");
    let first = staging(&lab);
    let said = lab.bgctl(&["apply", "-y", "-e", "version=0.0.2"]).exits(5);
    let said = said.says("locked on lb1 by tester@").says("`apply -i inventory.yml` since 20");
    assert!(said.stderr.contains("in stage"), "{}", said.stderr);
    let status = lab.bgctl(&["status", "--output", "json"]).exits(0).json();
    assert_eq!(status["lock"]["phase"], "stage", "{status:#}");
    assert!(status["lock"]["by"].as_str().unwrap().starts_with("tester@"), "{status:#}");

    first.interrupt();
    first.said().exits(130).says("interrupted");
    undone(&lab);
    assert_eq!(ids(&lab, "blue"), blue);
    assert!(lab.bgctl(&["status", "--output", "json"]).exits(0).json()["lock"].is_null());
}

#[test]
fn of_two_that_begin_together_one_wins() {
    let lab = with_blue();
    let two =
        ["0.0.2", "0.0.4"].map(|version| lab.start(&["apply", "-y", "-e", &format!("version={version}")]));
    let mut codes = two.map(|run| run.said().code);
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(5)]);
    let green = APPS.map(|host| lab.running(host, "green"));
    assert_eq!(green[0], green[1]);
    assert!(["0.0.2", "0.0.4"].iter().any(|version| lab.served() == Served::new(version, "green")));
}

#[test]
#[expect(clippy::disallowed_macros, reason = "the number is what a reader of the test wants")]
fn after_kill_9_the_lock_is_free_at_once_and_status_says_what_was_left() {
    let lab = with_blue();
    let mut first = staging(&lab);
    let began = Instant::now();
    first.kill();
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    while !lab.bgctl(&["status", "--output", "json"]).exits(0).json()["lock"].is_null() {
        assert!(began.elapsed() < Duration::from_secs(25), "the lock outlives its holder");
    }
    println!("the lock was free {} ms after kill -9", began.elapsed().as_millis());
    let status = lab.bgctl(&["status", "--output", "json"]).exits(0).json();
    assert!(status["last_run"]["outcome"].is_null(), "{status:#}");
    assert_eq!(status["rollback"]["ready"], false, "{status:#}");
    assert_eq!(
        (&status["last_run"]["unfinished"], &status["last_run"]["reached"]),
        (&true.into(), &"stage".into())
    );
    lab.bgctl(&["status"]).exits(0).says("it was left in stage").says("bgctl abort -i inventory.yml");
}

#[test]
fn ctrl_c_while_a_switch_is_verified_puts_the_link_back() {
    let lab = with_blue();
    lab.edit("templates/site.conf.hbs", "add_header X-Color {{ color }}", "add_header X-Color purple");
    let run = lab.start(&["apply", "-y", "-e", "version=0.0.2"]);
    lab.until_journal_says("\"task\":\"Verify that green is served\"");
    assert_eq!(lab.link(), "/etc/nginx/sites-available/my-server-green.conf");
    run.interrupt();
    run.said().exits(130).says("blue is live");
    undone(&lab);
}

#[test]
fn a_terminal_that_closes_undoes_as_ctrl_c_does() {
    let lab = with_blue();
    let run = staging(&lab);
    run.signal("-HUP");
    run.said().exits(130).says("blue is live");
    undone(&lab);
}

/// What a version before left, and what a user of the load balancer did with it.
#[test]
fn what_was_open_to_others_is_closed_and_holds_nobody_up() {
    let lab = with_blue();
    let open = "cd /var/lib/bgctl && chmod 755 . my-server && chmod 644 switch.lock my-server/*lock my-server/last-run";
    lab.on("lb1", open);
    let hold = "cd /var/lib/bgctl && for file in switch.lock my-server/switch.lock my-server/lock; do
        setpriv --reuid 65534 --regid 65534 --clear-groups setsid -f flock -s $file sleep 300; done";
    lab.on("lb1", hold);
    lab.deploy("0.0.2")
        .exits(0)
        .says("lb1: /var/lib/bgctl was not as private")
        .says("another file is in its place");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    lab.bgctl(&["rollback", "-y"]).exits(0).hides("as private");
    let open = lab.on("lb1", "find /var/lib/bgctl ! -perm 700 ! -perm 600");
    assert_eq!(open, "");
    lab.on("lb1", "pkill -u 65534 -x sleep; true");
}

/// Two users of the load balancer, neither of them root, with a group of both.
#[test]
fn a_group_deploys_by_turns() {
    let lab = with_blue();
    lab.edit("inventory.yml", "  vars:\n", "  vars:\n    bgctl_state_group: nogroup\n");
    lab.deploy("0.0.2").exits(0).says("mode 2770");
    lab.deploy("0.0.4").exits(0).hides("mode 2770");
    assert_eq!(
        lab.on("lb1", "cd /var/lib/bgctl && stat -c '%a %G' . my-server my-server/lock switch.lock"),
        "2770 nogroup\n2770 nogroup\n660 nogroup\n660 nogroup\n"
    );
    lab.edit("inventory.yml", "    bgctl_state_group: nogroup\n", "");
    lab.deploy("0.0.5").exits(0).says("mode 700");
    assert_eq!(lab.on("lb1", "find /var/lib/bgctl -perm /077"), "");
}
