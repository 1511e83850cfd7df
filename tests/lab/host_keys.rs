//! Hosts that cannot be reached or trusted: nothing is changed, and each message says what to do.

use std::fs;

use crate::harness::{Lab, Said, Served};
use crate::ways::world;

/// Where 0.0.1 is live, with a known_hosts file of the test's own.
fn with_own_known_hosts() -> Lab {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    let shared = lab.run_folder().join("known_hosts");
    lab.write("known_hosts", &fs::read_to_string(&shared).unwrap());
    lab.edit("inventory.yml", shared.to_str().unwrap(), lab.path("known_hosts").to_str().unwrap());
    lab
}

/// Keeps, drops or changes lines of known_hosts by their host.
fn rewrite(lab: &Lab, change: impl Fn(&str, &str) -> Option<String>) {
    let text = fs::read_to_string(lab.path("known_hosts")).unwrap();
    let lines = text.lines().filter_map(|line| change(line.split_once(' ').unwrap().0, line));
    lab.write("known_hosts", &lines.map(|line| line + "\n").collect::<String>());
}

/// Deploys what must not begin.
#[track_caller]
fn nothing_begins(lab: &Lab) -> Said {
    let before = world(lab);
    let said = lab.deploy("0.0.2").exits(4);
    assert_eq!(world(lab), before);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    said
}

fn name(lab: &Lab, host: &str) -> String {
    format!("[{}]:2201", lab.address(host))
}

/// The same line with another key in it.
fn with_other_key(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    format!("{} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7p6j1ANGBGg8xqVfUP4yXzfQ2pFVdmzPgWbFRzpMfA", words[0])
}

#[test]
fn an_unknown_key_comes_with_the_command_that_adds_it() {
    let lab = with_own_known_hosts();
    let app1 = name(&lab, "app1");
    rewrite(&lab, |host, line| (host != app1).then(|| line.to_owned()));
    let scan =
        format!("ssh-keyscan -p 2201 {} >> {}", lab.address("app1"), lab.path("known_hosts").display());
    nothing_begins(&lab).says("unknown host key").says(&scan).says("ssh-keygen -lf");
    // What it says to do, done by the one who can look at the host itself, is enough.
    let keys = lab.on("app1", "cat /etc/ssh/ssh_host_*_key.pub");
    let known = fs::read_to_string(lab.path("known_hosts")).unwrap();
    let keys: Vec<String> = keys.lines().map(|key| format!("{app1} {key}")).collect();
    lab.write("known_hosts", &format!("{known}{}\n", keys.join("\n")));
    lab.deploy("0.0.2").exits(0);
}

#[test]
fn a_changed_key_is_an_alarm() {
    let lab = with_own_known_hosts();
    let app1 = name(&lab, "app1");
    rewrite(&lab, |host, line| {
        if host != app1 {
            return Some(line.to_owned());
        }
        line.contains("ed25519").then(|| with_other_key(line))
    });
    let remove = format!("ssh-keygen -R '{app1}' -f {}", lab.path("known_hosts").display());
    nothing_begins(&lab).says("HOST KEY CHANGED").says("someone may be in between").says(&remove);
}

#[test]
fn a_wrong_port_says_which_and_where_it_is_set() {
    let lab = with_own_known_hosts();
    lab.edit("inventory.yml", "bgctl_address: app2", "bgctl_address: app2, ansible_port: 2299");
    let address = format!("{}:2299", lab.address("app2"));
    nothing_begins(&lab).says(&address).says("connection refused").says("ansible_port");
}

#[test]
fn what_is_no_ssh_server_is_told() {
    let lab = with_own_known_hosts();
    lab.edit("inventory.yml", "bgctl_address: lb1", "bgctl_address: lb1, ansible_port: 8080");
    nothing_begins(&lab).says(&format!("{}:8080", lab.address("lb1"))).says("ansible_port");
}

/// sshd and all it started stand still until this value ends; what connects waits.
struct Frozen<'a>(&'a Lab);

impl<'a> Frozen<'a> {
    fn app2(lab: &'a Lab) -> Self {
        lab.on("app2", "pkill -STOP -x sshd");
        Self(lab)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.on("app2", "pkill -CONT -x sshd");
    }
}

#[test]
fn a_host_that_does_not_answer_is_given_up_after_the_time_that_was_asked_for() {
    let lab = with_own_known_hosts();
    lab.edit("inventory.yml", "bgctl_address: app2", "bgctl_address: app2, ansible_ssh_timeout: 1");
    let _frozen = Frozen::app2(&lab);
    nothing_begins(&lab).says("app2").says("within 1 s").says("-T");
}

#[test]
fn a_key_that_the_host_refuses_names_user_and_keys() {
    let lab = with_own_known_hosts();
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(lab.path("stranger"))
        .status();
    assert!(made.unwrap().success());
    let shared = lab.run_folder().join("id_ed25519");
    lab.edit("inventory.yml", shared.to_str().unwrap(), lab.path("stranger").to_str().unwrap());
    nothing_begins(&lab)
        .says("login refused")
        .says("root at")
        .says(lab.path("stranger").to_str().unwrap())
        .says("ssh -v -p 2201 root@");
}

#[test]
fn all_hosts_stand_in_one_table_and_status_shows_those_that_answer() {
    let lab = with_own_known_hosts();
    let (app1, lb1) = (name(&lab, "app1"), name(&lab, "lb1"));
    rewrite(&lab, |host, line| match host {
        host if host == app1 => None,
        host if host == lb1 => line.contains("ed25519").then(|| with_other_key(line)),
        _ => Some(line.to_owned()),
    });
    lab.edit("inventory.yml", "bgctl_address: app2", "bgctl_address: app2, ansible_port: 2299");
    let said = nothing_begins(&lab);
    for row in ["app1  unknown host key", "app2  unreachable", "lb1   HOST KEY CHANGED"] {
        assert!(said.stderr.contains(row), "no {row:?} in {}", said.stderr);
    }

    lab.write("known_hosts", &fs::read_to_string(lab.run_folder().join("known_hosts")).unwrap());
    lab.bgctl(&["status"]).exits(4).says("app2").says("blue is live").says("connection refused");
    let status = lab.bgctl(&["status", "--output", "json"]).exits(4).json();
    assert_eq!(
        (&status["live"], &status["app_servers"][0]["blue"]["state"]),
        (&"blue".into(), &"running".into())
    );
    assert_eq!(status["app_servers"][1]["host"], "app2");
}

#[test]
fn a_host_that_lets_in_but_cannot_be_asked_is_named() {
    let lab = Lab::fresh();
    let becoming = "ansible_user: root\n    ansible_become: true\n    ansible_become_user: nosuchuser";
    lab.edit("inventory.yml", "ansible_user: root", becoming);
    let said = lab.bgctl(&["status"]).exits(4).says("hosts could not say what is there");
    said.says("app1: ").says("app2: ").says("nosuchuser");
    lab.deploy("0.0.1").exits(4).says("nothing was changed");
}
