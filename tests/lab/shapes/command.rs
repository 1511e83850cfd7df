//! `command`, with the real `HAProxy`: a map file on disk and in the running process.

use std::time::Instant;

use super::{Clients, deploys, example, failed, script_deploys_twice, slow_ones, takes_over};
use crate::harness::{Lab, PLAYBOOK, Served, until};

const SHAPE: &str = "command";
const APPS: [&str; 2] = ["app1", "app2"];
const MAP: &str = "/etc/haproxy/my-server.map";

/// A load balancer with `HAProxy` in nginx's place, whose map says green where nothing runs yet.
fn with_haproxy() -> Lab {
    let lab = Lab::fresh();
    lab.init(SHAPE, &APPS);
    lab.on("lb1", "pkill -KILL nginx; while pgrep nginx >/dev/null; do sleep 0.05; done");
    lab.put("lb1", "/etc/haproxy/haproxy.cfg", &example(&lab, "haproxy.cfg"));
    lab.put("lb1", MAP, "live green\n");
    lab.on(
        "lb1",
        "setsid haproxy -W -D -p /run/haproxy.pid -f /etc/haproxy/haproxy.cfg >/dev/null 2>&1 </dev/null
         i=0; until ss -Hltn 'sport = :80' | grep -q . || [ $i -gt 1200 ]; do sleep 0.05; i=$((i + 1)); done",
    );
    lab
}

/// Has `HAProxy` start again from its files, and waits until the process of before takes no connections any more.
fn reload(lab: &Lab) {
    lab.on(
        "lb1",
        "worker() { echo 'show info' | socat stdio /run/haproxy/admin.sock | awk '/^Pid:/ { print $2 }'; }
         old=$(worker); kill -USR2 $(cat /run/haproxy.pid)
         i=0; until new=$(worker); [ -n \"$new\" ] && [ \"$new\" != \"$old\" ] &&
           ! ss -Hltnp 'sport = :80' | grep -q \"pid=$old,\"; do
             sleep 0.05; i=$((i + 1)); [ $i -lt 1200 ] || exit 1
         done",
    );
}

/// What the running `HAProxy` uses, and what its next start would.
fn says(lab: &Lab) -> [String; 2] {
    let running =
        format!("echo 'show map {MAP}' | socat stdio /run/haproxy/admin.sock | awk '/live/ {{ print $3 }}'");
    [running, format!("awk '{{ print $2 }}' {MAP}")].map(|shell| lab.on("lb1", &shell).trim_end().to_owned())
}

#[test]
fn it_takes_over_from_the_script_under_load() {
    let lab = with_haproxy();
    let before = script_deploys_twice(&lab, SHAPE);
    // The file says what the running HAProxy uses: docs/shapes/command.md asks for it.
    lab.put("lb1", MAP, "live green\n");
    takes_over(&lab, SHAPE, &before, || ());
    assert_eq!(says(&lab), ["blue", "blue"]);
    let clients = Clients::of(&lab);
    reload(&lab);
    assert_eq!(lab.served(), Served::new("0.0.6", "blue"), "a reload keeps it");
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.5", "green"));
    let asked = clients.end();
    println!("{SHAPE}, a reload and a rollback: {asked}");
    asked.all_answered();
}

#[test]
fn a_reload_takes_back_what_the_script_did() {
    let lab = with_haproxy();
    lab.script(SHAPE, "0.0.1").exits(0);
    lab.script(SHAPE, "0.0.2").exits(0);
    lab.put("lb1", MAP, "live green\n");
    lab.script(SHAPE, "0.0.4").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.4", "blue"));
    reload(&lab);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"), "the file knows nothing of it");
}

#[test]
fn a_set_that_sets_something_else_is_put_back() {
    let lab = with_haproxy();
    lab.edit(PLAYBOOK, "X-Color: \"{{ color }}\" }", "X-Color: \"{{ color }}\" }, retries: 5, delay: 200ms");
    lab.deploy("0.0.1").exits(0);
    let (live, before) = (lab.served(), says(&lab));
    // It says that all is well, and nothing was done.
    lab.edit(PLAYBOOK, "set -e\n", "exit 0\n");
    lab.deploy("0.0.2").exits(1);
    assert_eq!((lab.served(), says(&lab)), (live.clone(), before.clone()));
    // It gives up half way: the file says the one, the running HAProxy the other.
    lab.edit(PLAYBOOK, "exit 0\n", "set -e\n");
    let half_way =
        format!("mv {{{{ map }}}}.new {{{{ map }}}}\n      test {{{{ color }}}} = {}\n", live.color());
    lab.edit(PLAYBOOK, "mv {{ map }}.new {{ map }}\n", &half_way);
    lab.deploy("0.0.2").exits(1);
    assert_eq!((lab.served(), says(&lab)), (live, before));
}

#[test]
fn when_the_operator_is_killed_under_load_the_load_balancer_sets_the_old_color_again() {
    let lab = with_haproxy();
    lab.deploy("0.0.1").exits(0);
    let (live, before) = (lab.served(), says(&lab));
    let clients = Clients::of(&lab);
    let mut run = lab.verifying("0.0.2");
    let switched = Instant::now();
    assert_ne!(says(&lab), before);
    run.kill();
    until("it sets the old color again", || says(&lab) == before);
    println!(
        "{SHAPE}, killed: the old color was set again {} ms after the switch",
        switched.elapsed().as_millis()
    );
    lab.until_nobody_watches("lb1");
    assert_eq!(lab.served(), live);
    lab.bgctl(&["status"]).says("by itself");
    lab.bgctl(&["abort", "-y"]).exits(0);
    let idle = if live.color() == "blue" { "green" } else { "blue" };
    deploys(&lab, "0.0.4", idle);
    let asked = clients.end();
    println!("{SHAPE}, killed: {asked}");
    asked.all_answered();
}

/// `drained` tells when: the old color is stopped once it has answered everything.
#[test]
fn requests_under_way_are_answered_before_the_old_color_is_stopped_under_load() {
    let lab = with_haproxy();
    lab.edit(PLAYBOOK, "retire: { old: keep }", "retire: { old: stop }");
    lab.deploy("0.0.1").exits(0);
    let (statuses, said) = slow_ones(&lab, || lab.deploy("0.0.2"));
    said.exits(0).hides("`drained` exits");
    println!("{SHAPE}, requests of 3 s: {} sent, {} failed", statuses.len(), failed(&statuses));
    assert!(failed(&statuses) == 0 && statuses.len() > 6, "{statuses:?}");
    // Where nobody can tell, the time is waited for, and what is still open then is named.
    lab.edit(PLAYBOOK, "exit !(found && !busy)", "exit 7");
    lab.edit(PLAYBOOK, "drain_timeout: 60s", "drain_timeout: 2s");
    lab.deploy("0.0.4").exits(0).says("`drained` exits with 7");
}
