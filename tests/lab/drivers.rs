//! The switch by a file, by one block of a file, and by commands: proved, put back, taken back by the load balancer itself.

use crate::harness::{Lab, Served};
use crate::refused_site::Squatter;

/// What nginx reads in place of a symlink.
const FILE: &str = "/etc/nginx/conf.d/my-server.conf";
/// As somebody wrote it by hand, with odd blanks and comments.
const BY_HAND: &str = "\
# written in 2019, do not touch
upstream api_blue  { server app1:18080 max_fails=2; server app2:18080 max_fails=2; }
upstream api_green { server app1:18081 max_fails=2; server app2:18081 max_fails=2; }
upstream api {
\tserver   app1:18080 max_fails=2;   # the first
\tserver\tapp2:18080 max_fails=2;
    # kept alive
    keepalive 16;
}
server {
    listen 80 default_server;
    location / { proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection \"\"; }
}
";

/// A lab whose switch has another driver than the shipped one.
fn driven_by(driver: &str) -> Lab {
    let lab = Lab::fresh();
    let playbook = std::fs::read_to_string(lab.path("playbook.yml")).unwrap();
    let (before, rest) = playbook.split_once("  nginx:\n").unwrap();
    let (_, after) = rest.split_once("  verify:").unwrap();
    lab.write("playbook.yml", &format!("{before}  {driver}\n  verify:{after}"));
    lab.edit(
        "playbook.yml",
        "X-Color: \"{{ color }}\" }",
        "X-Color: \"{{ color }}\" }, retries: 5, delay: 200ms",
    );
    lab
}

/// A load balancer whose one file was written by hand, and has 0.0.1 on blue.
fn with_upstreams() -> Lab {
    let lab =
        driven_by(&format!("nginx: {{ file: {FILE}, upstream: api, servers_from: 'api_{{{{ color }}}}' }}"));
    put(&lab, BY_HAND);
    lab.on(
        "lb1",
        "chown www-data:adm /etc/nginx/conf.d/my-server.conf; chmod 0640 /etc/nginx/conf.d/my-server.conf",
    );
    lab.reload_nginx("lb1");
    lab
}

fn put(lab: &Lab, text: &str) {
    lab.put("lb1", FILE, text);
}

fn file(lab: &Lab) -> String {
    lab.content("lb1", FILE)
}

fn on_green(text: &str) -> String {
    let (before, block) = text.split_once("upstream api {").unwrap();
    let (servers, after) = block.split_once('}').unwrap();
    format!("{before}upstream api {{{}}}{after}", servers.replace("18080", "18081"))
}

#[test]
fn only_the_servers_of_the_block_change_and_come_back() {
    let lab = with_upstreams();
    // The block says blue, and nothing of it runs: a first deploy goes to the other color.
    lab.bgctl(&["status"]).says("blue");
    lab.deploy("0.0.1").exits(0);
    assert_eq!(file(&lab), on_green(BY_HAND));
    assert_eq!(lab.on("lb1", &format!("stat -c '%U:%G %a' {FILE}")), "www-data:adm 640\n");
    lab.deploy("0.0.2").exits(0);
    assert_eq!(file(&lab), BY_HAND);
    assert_eq!(lab.served(), Served::new("0.0.2", "blue"));
    lab.bgctl(&["apply", "-y", "-e", "version=0.0.2"]).exits(0).says("No changes");
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(file(&lab), on_green(BY_HAND));
    assert_eq!(lab.served(), Served::new("0.0.1", "green"));
}

#[test]
fn a_file_that_is_edited_during_a_run_is_left_alone() {
    let lab = with_upstreams();
    lab.deploy("0.0.1").exits(0);
    let mut run = lab.follow(&["apply", "-y", "-e", "version=0.0.2"]);
    run.until("a stage", |event| event["event"] == "started" && event["phase"] == "stage");
    let edited = format!("{}# an edit of today\n", file(&lab));
    put(&lab, &edited);
    run.end().exits(1).says("was changed meanwhile").says("does not hold what this run found in it");
    assert_eq!(file(&lab), edited);
    assert_eq!(lab.served(), Served::new("0.0.1", "green"));
    // What was edited between two runs is told, and stays.
    lab.deploy("0.0.2").exits(0).says("was changed since bgctl wrote it");
    assert_eq!(file(&lab), format!("{BY_HAND}# an edit of today\n"));
    assert_eq!(lab.served(), Served::new("0.0.2", "blue"));
}

#[test]
fn a_block_that_is_not_there_is_named_and_nothing_begins() {
    let lab = with_upstreams();
    put(&lab, &BY_HAND.replace("api_green", "api_red"));
    lab.deploy("0.0.1").exits(1).says("it has no `upstream api_green` block").says("servers_from");
    assert_eq!(lab.on("app1", "docker ps -aq"), "");
}

#[test]
fn a_killed_run_leaves_a_file_that_goes_back_by_itself() {
    let lab = with_upstreams();
    lab.deploy("0.0.1").exits(0);
    let before = file(&lab);
    let mut run = lab.verifying("0.0.2");
    run.kill();
    assert_eq!(file(&lab), BY_HAND);
    lab.until_nobody_watches("lb1");
    assert_eq!(lab.served(), Served::new("0.0.1", "green"));
    assert_eq!(file(&lab), before);
    lab.bgctl(&["status"]).says("swapped back by itself");
    lab.bgctl(&["abort", "-y"]).exits(0).says("green is live");
    lab.deploy("0.0.2").exits(0);
    assert_eq!(file(&lab), BY_HAND);
}

#[test]
fn a_file_that_nginx_keeps_from_taking_effect_goes_back_byte_for_byte() {
    let lab = driven_by(&format!("nginx: {{ template: site.conf.hbs, file: {FILE} }}"));
    lab.deploy("0.0.1").exits(0);
    let before = file(&lab);
    let squatter = Squatter::on_8181(&lab, "lb1");
    lab.deploy("0.0.2").exits(1).says("kept its old configuration").says("is back on what it holds for blue");
    assert_eq!(file(&lab), before);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    drop(squatter);
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    // Back is to the bytes of then, and not to what would be rendered now.
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(file(&lab), before);
    // A mistake is found before anything changes.
    lab.edit("templates/site.conf.hbs", "proxy_http_version", "proxy_htp_version");
    lab.deploy("0.0.4").exits(1).says("unknown directive \"proxy_htp_version\"").says(FILE);
    assert_eq!(file(&lab), before);
}

/// Commands over the same nginx: a file that it includes tells the color.
const COMMANDS: &str = "command: { detect: cat /srv/live, set: '/srv/set {{ color }}' }";

/// A load balancer that a program of somebody else's switches. It does not wait for nginx: what was served may be so for
/// a moment.
fn with_commands() -> Lab {
    let lab = driven_by(COMMANDS);
    lab.edit("playbook.yml", "drain_timeout: 60s", "drain_timeout: 1s");
    put(
        &lab,
        &BY_HAND
            .replace("http://api;", "http://$live;")
            .replace("listen 80 default_server;", "listen 80 default_server; include /srv/live.conf;"),
    );
    let set = "echo \"set \\$live api_$1;\" >/srv/live.conf && nginx -t -q && nginx -s reload && echo \"$1\" >/srv/live";
    lab.on(
        "lb1",
        &format!(
            "mkdir -p /srv; printf '#!/bin/sh\\n%s\\n' '{set}' >/srv/set; chmod +x /srv/set; : >/srv/live"
        ),
    );
    lab
}

#[test]
fn commands_switch_and_are_put_back() {
    let lab = with_commands();
    lab.bgctl(&["status"]).says("`detect` names no color");
    lab.deploy("0.0.1").exits(0);
    lab.deploy("0.0.2").exits(0);
    lab.until_served(&Served::new("0.0.2", "green"));
    lab.bgctl(&["apply", "-y", "-e", "version=0.0.2"]).exits(0).says("No changes");

    // It says that it did, and did not.
    lab.edit("playbook.yml", "set: '/srv/set {{ color }}'", "set: 'echo {{ color }} >/srv/live'");
    lab.deploy("0.0.4").exits(1).says("Verify that blue is served");
    lab.until_served(&Served::new("0.0.2", "green"));
    assert_eq!(lab.content("lb1", "/srv/live"), "green\n");
    // It fails.
    lab.edit(
        "playbook.yml",
        "set: 'echo {{ color }} >/srv/live'",
        "set: 'echo no {{ color }} today >&2; exit 4'",
    );
    lab.deploy("0.0.4").exits(3).says("no blue today");
    lab.until_served(&Served::new("0.0.2", "green"));
    lab.edit("playbook.yml", "set: 'echo no {{ color }} today >&2; exit 4'", "set: '/srv/set {{ color }}'");
    lab.bgctl(&["abort", "-y"]).exits(0);
    lab.deploy("0.0.4").exits(0);
    lab.bgctl(&["rollback", "-y"]).exits(0);
    lab.until_served(&Served::new("0.0.2", "green"));
}

#[test]
fn a_killed_run_leaves_commands_that_put_back_by_themselves() {
    let lab = with_commands();
    lab.deploy("0.0.1").exits(0);
    let mut run = lab.verifying("0.0.2");
    run.kill();
    assert_eq!(lab.content("lb1", "/srv/live"), "green\n");
    lab.until_nobody_watches("lb1");
    lab.until_served(&Served::new("0.0.1", "blue"));
    assert_eq!(lab.content("lb1", "/srv/live"), "blue\n");
    lab.bgctl(&["status"]).says("swapped back by itself");
    lab.bgctl(&["abort", "-y"]).exits(0);
}
