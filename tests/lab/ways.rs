//! The other ways to deploy: nothing to do, forced, in two steps, in batches, with a host that fails.

use crate::harness::{Lab, Served};

const APPS: [&str; 2] = ["app1", "app2"];

/// The ids of all containers of a color, on both hosts.
pub(crate) fn ids(lab: &Lab, color: &str) -> Vec<String> {
    APPS.iter().flat_map(|host| lab.containers(host, color)).map(|container| container.id).collect()
}

/// Everything bgctl could have changed: containers with their start, files with their time and content, the link.
pub(crate) fn world(lab: &Lab) -> Vec<String> {
    let app =
        "docker ps -aq --no-trunc | xargs -r docker inspect --format '{{.Id}} {{.State.StartedAt}}' | sort
               find /srv /var/lib/bgctl -exec stat -c '%n %a %U %y' {} + 2>/dev/null | sort";
    let lb = "find /etc/nginx /srv /var/lib/bgctl -exec stat -c '%n %a %U %y' {} + 2>/dev/null | sort
              readlink /etc/nginx/sites-enabled/*; cat /etc/nginx/sites-available/* 2>/dev/null
              pgrep nginx";
    lab.hosts()
        .iter()
        .map(|host| lab.on(host, &format!("{}; true", if host.starts_with("lb") { lb } else { app })))
        .collect()
}

#[test]
fn without_a_change_nothing_is_done_unless_forced() {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    let before = world(&lab);
    lab.deploy("0.0.1").exits(0).says("No changes. The live release matches.");
    assert_eq!(world(&lab), before);

    lab.bgctl(&["apply", "-y", "-e", "version=0.0.1", "--force"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.1", "green"));
    let green = ids(&lab, "green");
    assert_eq!(green.len(), 2);
    assert_eq!(lab.deploy("0.0.1").exits(0).stderr, "");
    assert_eq!(ids(&lab, "green"), green);

    // A host whose live color has gone is a change.
    lab.on("app2", "docker stop -t 0 my-server-green-web-1");
    lab.deploy("0.0.1").exits(0).says("blue is live");
}

#[test]
fn a_plan_and_a_check_change_nothing() {
    let lab = Lab::fresh();
    let before = world(&lab);
    lab.bgctl(&["plan", "-e", "version=0.0.1"])
        .exits(0)
        .says("Plan: 2 to recreate, 3 files to write, 1 to switch")
        .says("the release's id is of this plan alone");
    lab.bgctl(&["apply", "-C", "-D", "-e", "version=0.0.1"]).exits(0).says("+    image: \"my-server:0.0.1\"");
    lab.bgctl(&["plan", "-e", "version=0.0.1", "--detailed-exitcode"]).exits(2);
    assert_eq!(world(&lab), before);
    // Nobody is there to be asked.
    lab.bgctl(&["apply", "-e", "version=0.0.1"]).exits(2).says("-y");
    assert_eq!(world(&lab), before);
}

#[test]
fn a_staged_release_is_promoted_later() {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    let blue = ids(&lab, "blue");
    lab.bgctl(&["promote", "-y", "-e", "version=0.0.2"]).exits(1).says("is not staged on green");
    lab.bgctl(&["apply", "-y", "--stage-only", "-e", "version=0.0.2"]).exits(0).says("green is staged");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    let green = ids(&lab, "green");
    lab.bgctl(&["promote", "-y", "-e", "version=0.0.2"]).exits(0).says("green is live");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    assert_eq!((ids(&lab, "blue"), ids(&lab, "green")), (blue, green));
}

#[test]
fn status_tells_what_is_true_and_a_retired_color_can_come_back() {
    let lab = Lab::fresh();
    lab.edit("playbook.yml", "retire: { old: keep }", "retire: { old: stop }");
    let status = || lab.bgctl(&["status", "--output", "json"]).exits(0).json();
    let new = status();
    assert!(new["live"].is_null() && new["lock"].is_null() && new["last_run"].is_null(), "{new:#}");
    assert_eq!(new["rollback"]["ready"], false);
    assert_eq!(new["app_servers"][0]["blue"]["state"], "absent");

    lab.deploy("0.0.1").exits(0);
    lab.deploy("0.0.2").exits(0);
    assert_eq!(APPS.map(|host| lab.running(host, "blue")), [None, None]);
    let stopped = status();
    assert_eq!((stopped["app"].as_str(), stopped["live"].as_str()), (Some("my-server"), Some("green")));
    for host in 0..2 {
        let server = &stopped["app_servers"][host];
        assert_eq!(server["host"], APPS[host]);
        assert_eq!(server["blue"]["state"], "stopped", "{stopped:#}");
        assert_eq!(server["green"]["state"], "running", "{stopped:#}");
        assert_eq!(server["green"]["images"][0], "my-server:0.0.2");
    }
    let balancer = &stopped["load_balancers"][0];
    assert_eq!(
        (&balancer["host"], &balancer["configured"], &balancer["served"]),
        (&"lb1".into(), &"green".into(), &"green".into())
    );
    assert_eq!((&stopped["rollback"]["ready"], &stopped["rollback"]["how"]), (&true.into(), &"start".into()));
    assert_eq!(stopped["last_run"]["outcome"], "done");
    assert!(stopped["last_run"]["by"].as_str().unwrap().starts_with("tester@"), "{stopped:#}");

    let blue = ids(&lab, "blue");
    lab.bgctl(&["rollback", "-y"]).exits(0).says("blue is live");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(ids(&lab, "blue"), blue);
    assert_eq!(APPS.map(|host| lab.running(host, "green")), APPS.map(|_| Some("my-server:0.0.2".to_owned())));

    lab.edit("playbook.yml", "retire: { old: stop }", "retire: { old: remove }");
    lab.bgctl(&["retire", "-y"]).exits(0);
    assert_eq!(ids(&lab, "green"), Vec::<String>::new());
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    // Its compose file is still there, so even a removed color comes back.
    lab.bgctl(&["rollback", "-y"]).exits(0).says("green is live");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
}

#[test]
fn in_batches_the_second_host_waits_for_the_first() {
    let lab = Lab::fresh();
    lab.edit("playbook.yml", "serial: 100%", "serial: 1");
    let said = lab.bgctl(&["apply", "-y", "-e", "version=0.0.1", "--output", "json"]).exits(0);
    let waves = said.events("wave_started");
    let staged: Vec<_> =
        waves.iter().filter(|wave| wave["phase"] == "stage").map(|wave| &wave["hosts"]).collect();
    // Each batch is seen from the load balancer before the next begins.
    assert_eq!(serde_json::json!(staged), serde_json::json!([["app1"], ["lb1"], ["app2"], ["lb1"]]));
    assert_eq!(lab.serving_hosts(), APPS);

    // The release fails on app2, which is second: app1 is undone too.
    lab.deploy("0.0.5-half").exits(1).says("database migration missing");
    assert_eq!(ids(&lab, "green"), Vec::<String>::new());
    // It fails on the first: the second is never touched.
    let said = lab.bgctl(&["apply", "-y", "-e", "version=0.0.3", "--output", "json"]).exits(1);
    let touched = said.events("started").iter().any(|step| step["host"] == "app2");
    assert!(!touched, "{}", said.stdout);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
}

#[test]
fn a_host_that_may_fail_is_left_out_of_the_switch() {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    lab.edit("playbook.yml", "max_fail_percentage: 0", "max_fail_percentage: 50");
    lab.deploy("0.0.5-half").exits(0).says("left out of the switch: app2");
    assert_eq!(lab.served(), Served::new("0.0.5-half", "green"));
    assert_eq!(lab.serving_hosts(), ["app1"]);
    let site = lab.content("lb1", "/etc/nginx/sites-available/my-server-green.conf");
    assert!(site.contains("server app1:18081;") && !site.contains("app2"), "{site}");
    assert_eq!(lab.containers("app2", "green"), []);
    // All of them failing is too many.
    lab.deploy("0.0.3").exits(1);
    assert_eq!(lab.served(), Served::new("0.0.5-half", "green"));
}

#[test]
fn a_rollback_never_moves_traffic_to_a_release_that_was_only_staged() {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    lab.bgctl(&["apply", "-y", "--stage-only", "-e", "version=0.0.2"]).exits(0);
    lab.bgctl(&["rollback", "-y"]).exits(1).says("never was live").says("bgctl promote");
    let status = lab.bgctl(&["status", "--output", "json"]).exits(0).json();
    assert_eq!(status["rollback"]["ready"], false, "{status:#}");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    lab.bgctl(&["promote", "-y", "-e", "version=0.0.2"]).exits(0);
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
}
