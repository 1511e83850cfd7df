//! Switches that nobody confirms: the load balancer swaps back by itself, without an operator, and says so.
#![expect(clippy::disallowed_macros, reason = "the numbers are worth a look; nextest shows them")]

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Client, Lab, Running, Served, until};
use crate::ways::ids;

const BLUE: &str = "/etc/nginx/sites-available/my-server-blue.conf";
const GREEN: &str = "/etc/nginx/sites-available/my-server-green.conf";
const STATE: &str = "/var/lib/bgctl/my-server";
/// As the harness' folder has it.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(8);

/// A lab where 0.0.1 is live on blue.
fn with_blue() -> Lab {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    lab
}

/// A deploy of 0.0.2 that has switched, and verifies for as long as nobody ends it.
fn verifying(lab: &Lab) -> (Running, Instant) {
    let run = lab.verifying("0.0.2");
    let switched = Instant::now();
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    (run, switched)
}

/// Waits until the link is back, and its watcher gone.
#[track_caller]
fn until_the_link_is_back(lab: &Lab) {
    until("the link is back", || lab.link() == BLUE);
    lab.until_nobody_watches("lb1");
}

/// Waits until the load balancer is back on blue; how long after the switch its link was.
#[track_caller]
fn until_back(lab: &Lab, switched: Instant) -> Duration {
    until("the link is back", || lab.link() == BLUE);
    let took = switched.elapsed();
    // Neither at once nor much too late; a busy machine takes its time.
    assert!((CONFIRM_TIMEOUT / 2..CONFIRM_TIMEOUT * 3).contains(&took), "it swapped back after {took:?}");
    // The link moves before the workers do, and the watcher writes down what he did.
    lab.until_nobody_watches("lb1");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    took
}

/// A watcher whose time does not end before the test gives up: where he goes home, he was sent.
fn be_patient(lab: &Lab) {
    lab.edit("playbook.yml", "confirm_timeout: 8s", "confirm_timeout: 5m");
}

/// No watcher is left, nor anything of his but what he wrote down.
#[track_caller]
fn nothing_is_left(lab: &Lab, files: &str) {
    lab.until_nobody_watches("lb1");
    assert_eq!(
        lab.on("lb1", &format!("cd {STATE} && ls | grep -E '^(armed|acting|confirmed|dead-man)' || true")),
        files
    );
}

#[test]
fn when_the_operator_is_killed_the_load_balancer_swaps_back_by_itself() {
    let lab = with_blue();
    let load = [Client::New, Client::KeepAlive].map(|client| lab.load(client, 2));
    let (mut run, switched) = verifying(&lab);
    run.kill();
    lab.bgctl(&["status"]).says("waits for its confirmation");
    lab.deploy("0.0.4").exits(3).says("a run did not end").says("in switch");
    let took = until_back(&lab, switched);
    println!("killed: swapped back {} ms after the switch", took.as_millis());
    for load in load {
        assert_eq!(load.end().failures(), Vec::<&String>::new());
    }
    nothing_is_left(&lab, "dead-man\n");
    lab.bgctl(&["status"]).says("the load balancer swapped back by itself at 20").says("within 8 s");
    lab.bgctl(&["abort", "-y"]).exits(0).says("blue is live");
    lab.deploy("0.0.4").exits(0).says("swapped back by itself");
    assert_eq!(lab.served(), Served::new("0.0.4", "green"));
    nothing_is_left(&lab, "confirmed\n");
}

/// A load balancer that no packet reaches, until this value ends. Nobody is told that connections are gone.
struct Cut<'a>(&'a Lab);

impl<'a> Cut<'a> {
    fn new(lab: &'a Lab) -> Self {
        lab.cable("lb1", "down");
        Self(lab)
    }
}

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        self.0.cable("lb1", "up");
    }
}

#[test]
fn when_the_network_is_cut_the_load_balancer_swaps_back_by_itself() {
    let lab = with_blue();
    let (run, switched) = verifying(&lab);
    {
        let _cut = Cut::new(&lab);
        until_the_link_is_back(&lab);
    }
    println!("cut: swapped back {} ms after the switch", switched.elapsed().as_millis());
    until_back(&lab, switched);
    let said = run.said();
    assert!(matches!(said.code, Some(1 | 3)), "{:?}", said.code);
    lab.bgctl(&["status"]).exits(0).says("the load balancer swapped back by itself at 20");
}

#[test]
fn a_confirmed_switch_stays_and_leaves_nobody_behind() {
    let lab = with_blue();
    lab.deploy("0.0.2").exits(0);
    nothing_is_left(&lab, "confirmed\n");
    sleep(CONFIRM_TIMEOUT + Duration::from_secs(2));
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    be_patient(&lab);
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    nothing_is_left(&lab, "confirmed\n");
}

#[test]
fn an_undo_sends_the_watcher_home() {
    let lab = with_blue();
    be_patient(&lab);
    lab.edit("templates/site.conf.hbs", "add_header X-Color {{ color }}", "add_header X-Color purple");
    lab.edit("playbook.yml", "X-Color: \"{{ color }}\" }", "X-Color: \"{{ color }}\" }, retries: 3");
    lab.deploy("0.0.2").exits(1);
    nothing_is_left(&lab, "");
    assert_eq!((lab.link().as_str(), ids(&lab, "green").len()), (BLUE, 0));
}

#[test]
fn a_switch_that_came_too_late_to_be_confirmed_is_undone() {
    let lab = with_blue();
    // Every answer is green's, for longer than the load balancer waits: then blue's.
    lab.edit(
        "playbook.yml",
        "X-Color: \"{{ color }}\" }",
        "X-Color: \"{{ color }}\" }, successes: 100000, retries: 3",
    );
    lab.deploy("0.0.2").exits(1).says("X-Color: blue, not green").says("blue is live");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    nothing_is_left(&lab, "dead-man\n");
}

#[test]
fn a_load_balancer_without_a_running_nginx_has_its_link_back() {
    let lab = with_blue();
    let (mut run, _) = verifying(&lab);
    run.kill();
    lab.on("lb1", "kill -9 $(pgrep nginx)");
    until_the_link_is_back(&lab);
    lab.bgctl(&["status"]).says("put its link back by itself").says("nginx does not run");
    lab.on("lb1", "nginx");
    lab.until_served(&Served::new("0.0.1", "blue"));
    nothing_is_left(&lab, "dead-man\n");
}

#[test]
fn a_watcher_that_a_reboot_ended_is_told_of() {
    let lab = with_blue();
    let (mut run, _) = verifying(&lab);
    run.kill();
    // What a reboot leaves: the file, of another boot, and nobody at his post.
    lab.on(
        "lb1",
        &format!(
            "pkill -KILL -f 'bgctl-dead-ma[n]'; sed -i 4s/.*/0-another-boot/ {STATE}/armed; ls {STATE}/armed"
        ),
    );
    lab.bgctl(&["status"]).says("a reboot kept the load balancer from swapping back to my-server-blue.conf");
    sleep(CONFIRM_TIMEOUT);
    assert_eq!(lab.link(), GREEN);
    lab.bgctl(&["abort", "-y"]).exits(0).says("blue is live");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    nothing_is_left(&lab, "");
}

#[test]
fn the_watcher_is_at_his_post_for_a_user_with_sudo_too() {
    let lab = Lab::fresh();
    lab.edit("inventory.yml", "ansible_user: root", "ansible_user: deploy\n    ansible_become: true");
    lab.deploy("0.0.1").exits(0);
    let (mut run, switched) = verifying(&lab);
    run.kill();
    until_back(&lab, switched);
    nothing_is_left(&lab, "dead-man\n");
}

#[test]
fn a_watcher_whose_folder_is_gone_goes_home() {
    let lab = with_blue();
    be_patient(&lab);
    let (mut run, _) = verifying(&lab);
    run.kill();
    lab.on("lb1", "rm -r /var/lib/bgctl");
    lab.until_nobody_watches("lb1");
    assert_eq!(lab.link(), GREEN);
}
