//! Two load balancers: all switch or all go back, and what is done where they disagree.
#![expect(clippy::disallowed_macros, reason = "the skew is worth a look")]

use crate::harness::{Client, Lab, Served};

const BALANCERS: [&str; 2] = ["lb1", "lb2"];
const LINK: &str = "/etc/nginx/sites-enabled/my-server.conf";
const SITE: &str = "templates/site.conf.hbs";

/// A lab where 0.0.1 runs on blue and 0.0.2 is live on green.
fn with_both() -> Lab {
    let lab = Lab::with_two_load_balancers();
    lab.deploy("0.0.1").exits(0);
    lab.deploy("0.0.2").exits(0);
    lab
}

#[track_caller]
fn all_serve(lab: &Lab, version: &str, color: &str) {
    for balancer in BALANCERS {
        assert_eq!(lab.served_by(balancer), Served::new(version, color), "{balancer}");
        assert!(lab.link_of(balancer).ends_with(&format!("my-server-{color}.conf")), "{balancer}");
    }
}

/// What a person does who mends things by hand on one of two, in a hurry.
fn point_lb2_to_blue(lab: &Lab, reload: bool) {
    lab.on("lb2", &format!("ln -sfn /etc/nginx/sites-available/my-server-blue.conf {LINK}"));
    if reload {
        lab.reload_nginx("lb2");
    }
}

#[test]
fn both_switch_within_a_skew_that_is_told_and_no_request_fails() {
    let lab = Lab::with_two_load_balancers();
    lab.deploy("0.0.1").exits(0).says("traffic moved on 2 load balancers within ");
    let loads = BALANCERS.map(|balancer| lab.load_of(balancer, Client::New, 2));
    let said = lab.bgctl(&["apply", "-y", "-e", "version=0.0.2", "--output", "json"]).exits(0);
    all_serve(&lab, "0.0.2", "green");
    let told = said.events("all_switched");
    assert_eq!((told.len(), told[0]["load_balancers"].as_u64()), (1, Some(2)), "{told:?}");
    let skew = told[0]["skew_ms"].as_u64().unwrap();
    println!("skew: {skew} ms");
    assert!(skew < 5_000, "{skew}");
    for load in loads {
        let tally = load.end();
        assert_eq!(tally.failures(), Vec::<&String>::new());
    }
}

#[test]
fn one_that_refuses_its_configuration_keeps_both_where_they_are() {
    let lab = with_both();
    lab.on("lb2", "echo 'no_such_directive on;' >/etc/nginx/conf.d/broken.conf");
    lab.deploy("0.0.4").exits(1).says("lb2").says("no_such_directive");
    all_serve(&lab, "0.0.2", "green");
}

#[test]
fn one_whose_reload_takes_no_effect_takes_both_back() {
    let lab = with_both();
    lab.on(
        "lb2",
        "setsid perl -MIO::Socket::INET -e '
           my $s = IO::Socket::INET->new(LocalPort => 8181, Listen => 5, ReuseAddr => 1) or exit 1;
           open(my $ready, \">\", \"/run/squatter\"); print $ready $$; close $ready; sleep 600' \
           >/dev/null 2>&1 </dev/null &
         i=0; until [ -s /run/squatter ] || [ $i -gt 100 ]; do sleep 0.05; i=$((i + 1)); done; test -s /run/squatter",
    );
    lab.edit(SITE, "listen 80 default_server;", "listen 80 default_server;\n    listen 8181;");
    let said = lab.bgctl(&["apply", "-y", "-e", "version=0.0.4", "--output", "json"]);
    lab.on("lb2", "kill $(cat /run/squatter); rm /run/squatter");
    let said = said.exits(1).says("Address already in use");
    assert_eq!(said.events("all_switched").len(), 0, "it did not move on both");
    all_serve(&lab, "0.0.2", "green");
}

#[test]
fn load_balancers_that_disagree_stop_a_run_with_the_commands_that_mend_it() {
    let lab = with_both();
    point_lb2_to_blue(&lab, true);
    for args in
        [&["apply", "-y", "-e", "version=0.0.4"][..], &["rollback", "-y"], &["plan", "-e", "version=0.0.4"]]
    {
        let said = lab.bgctl(args).exits(3).says("the load balancers disagree; nothing was changed");
        let said = said.says("lb1").says("lb2");
        for color in ["blue", "green"] {
            said.stderr.lines().find(|line| line.contains(&format!("bgctl switch --to {color} -i"))).unwrap();
        }
    }
    let status = lab.bgctl(&["status"]).exits(3).says("bgctl switch --to blue -i inventory.yml");
    // As it stands there, pasted.
    let line = status.stdout.lines().find(|line| line.contains("--to green")).unwrap().trim();
    let mut words: Vec<String> = shlex::split(line).unwrap();
    words.remove(0);
    words.push("-y".to_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    lab.bgctl(&words).exits(0).says("green is live");
    all_serve(&lab, "0.0.2", "green");
    lab.bgctl(&["switch", "--to", "green", "-y"]).exits(0).says("No changes.");
    lab.bgctl(&["status"]).exits(0);
}

#[test]
fn a_link_that_was_changed_by_hand_is_told_and_put_right() {
    let lab = with_both();
    point_lb2_to_blue(&lab, false);
    let status = lab.bgctl(&["status"]).exits(0).says("(differs)");
    assert!(status.stdout.contains("bgctl switch --to green -i inventory.yml"), "{}", status.stdout);
    let plan = lab.bgctl(&["plan", "-e", "version=0.0.4"]).exits(0);
    plan.says("lb2: configured blue, served green").says("it is configured for blue, but it serves green");
    // A reload by anybody would move traffic to blue while it is recreated, or stopped.
    for args in [&["apply", "-y", "-e", "version=0.0.4"][..], &["retire", "-y"]] {
        lab.bgctl(args)
            .exits(3)
            .says("lb2: it is configured for blue, but serves green; nothing was done")
            .says("bgctl switch --to green -i inventory.yml");
    }
    lab.bgctl(&["switch", "--to", "green", "-y"]).exits(0);
    all_serve(&lab, "0.0.2", "green");
    assert!(!lab.bgctl(&["status"]).exits(0).stdout.contains("differs"));
}

#[test]
fn traffic_is_moved_by_hand_only_to_what_runs() {
    let lab = with_both();
    lab.bgctl(&["switch", "--to", "blue", "-y"]).exits(0);
    all_serve(&lab, "0.0.1", "blue");
    lab.on("app2", "docker stop $(docker ps -q --filter label=com.docker.compose.project=my-server-green)");
    let said = lab.bgctl(&["switch", "--to", "green", "-y"]).exits(1);
    said.says("green does not run on all app servers").says("app2: ").says("bgctl rollback");
    all_serve(&lab, "0.0.1", "blue");
    lab.bgctl(&["switch", "--to", "purple", "-y"]).exits(2).says("blue or green");
}

#[test]
fn one_that_serves_neither_color_or_cannot_be_asked_is_not_taken_for_the_others() {
    let lab = with_both();
    lab.on("lb2", &format!("echo 'server {{ listen 80; return 404; }}' >/etc/nginx/sites-available/default; ln -sfn /etc/nginx/sites-available/default {LINK}"));
    lab.reload_nginx("lb2");
    let status = lab.bgctl(&["status"]).exits(3);
    for text in ["do not serve the same color", "lb2: the symlink points to", "bgctl switch --to green"] {
        assert!(status.stdout.contains(text), "no {text:?} in {}", status.stdout);
    }
    lab.bgctl(&["switch", "--to", "green", "-y"]).exits(0);
    all_serve(&lab, "0.0.2", "green");

    lab.cable("lb2", "down");
    let status = lab.bgctl(&["status", "--timeout", "3"]).exits(4);
    lab.cable("lb2", "up");
    for text in
        ["green is live on the load balancers that were asked", "lb2            unknown", "lb2 was not asked"]
    {
        assert!(status.stdout.contains(text), "no {text:?} in {}", status.stdout);
    }
}
