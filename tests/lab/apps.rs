//! Two apps on the same hosts and the same load balancer, deployed by two operators at the same time.

use std::time::{Duration, Instant};

use crate::harness::{Client, Lab, Load, Running, Said, Served, get_of};
use crate::lock::staging;
use crate::refused_site::Squatter;

/// The second app's site.
const OTHER: &str = "other.lab";
const LINK: &str = "/etc/nginx/sites-enabled/my-server.conf";

/// Arguments of a command for the second app.
fn of_other<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &["-i", "inventory.yml", "-e", "bgctl_playbook=other.yml"][..]].concat()
}

impl Lab {
    fn other(&self, args: &[&str]) -> Said {
        self.bgctl(&of_other(args))
    }

    fn start_other(&self, args: &[&str]) -> Running {
        self.start(&of_other(args))
    }

    /// The release and color that the second app's site serves, the same in several answers in a row.
    #[track_caller]
    fn other_served(&self) -> Served {
        let answers: Vec<String> = (0..4).map(|_| get_of(self.front(), OTHER, "/").unwrap().text()).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        Served::read(&answers[0]).unwrap_or_else(|| panic!("no answer of the app: {}", answers[0]))
    }

    /// Clients of both kinds, on both sites.
    fn load_both(&self) -> [Load; 4] {
        let start = |site, client| self.load_site(("lb1", site), client, 1);
        [
            start("lab", Client::New),
            start("lab", Client::KeepAlive),
            start(OTHER, Client::New),
            start(OTHER, Client::KeepAlive),
        ]
    }
}

/// A lab where 0.0.1 of both apps is live on blue. Only names, ports and the site tell them apart.
fn with_both() -> Lab {
    let lab = Lab::fresh();
    // One app's switch may have to wait for the other's.
    lab.edit("playbook.yml", "confirm_timeout: 8s", "confirm_timeout: 15s");
    // A site that is not there yet is answered for by the default one: the header says whose it is.
    lab.edit("playbook.yml", "headers: { X-Color:", "headers: { X-App: \"{{ app }}\", X-Color:");
    let color = "    add_header X-Color {{ color }} always;";
    lab.edit(
        "templates/site.conf.hbs",
        color,
        &format!("    add_header X-App {{{{ app }}}} always;\n{color}"),
    );
    let text = std::fs::read_to_string(lab.path("playbook.yml")).unwrap();
    lab.write("other.yml", &text);
    lab.edit("other.yml", "name: my-server", "name: other");
    lab.edit("other.yml", "port: 18080", "port: 18090");
    lab.edit("other.yml", "port: 18081", "port: 18091");
    lab.edit("other.yml", "template: site.conf.hbs", "template: other.conf.hbs");
    let verify = "verify: { http: \"http://127.0.0.1/\", ";
    lab.edit("other.yml", verify, &format!("{verify}host: {OTHER}, "));
    let site = std::fs::read_to_string(lab.path("templates/site.conf.hbs")).unwrap();
    lab.write("templates/other.conf.hbs", &site);
    lab.edit("templates/other.conf.hbs", "listen 80 default_server;", "listen 80;");
    lab.edit("templates/other.conf.hbs", "server_name _;", &format!("server_name {OTHER};"));
    lab.deploy("0.0.1").exits(0);
    lab.other(&["apply", "-y", "-e", "version=0.0.1"]).exits(0);
    assert_eq!(
        (lab.served(), lab.other_served()),
        (Served::new("0.0.1", "blue"), Served::new("0.0.1", "blue"))
    );
    lab
}

#[track_caller]
fn none_failed(loads: [Load; 4]) {
    for load in loads {
        let tally = load.end();
        assert_eq!(tally.failures(), Vec::<&String>::new());
        assert!(tally.samples.len() > 50, "{} requests", tally.samples.len());
    }
}

/// The versions of the runs that an app's history lists, and how many there are.
fn history(said: &Said) -> Vec<String> {
    let runs = said.json();
    let runs = runs["runs"].as_array().or_else(|| runs.as_array()).unwrap();
    runs.iter().map(|run| run["command"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn two_operators_deploy_two_apps_at_the_same_time() {
    let lab = with_both();
    let loads = lab.load_both();
    let rounds = [("0.0.2", "0.0.4", "green"), ("0.0.4", "0.0.5", "blue")];
    for (mine, others, color) in rounds {
        let [mine_is, others_is] = [mine, others].map(|version| format!("version={version}"));
        let first = lab.start(&["apply", "-y", "-e", &mine_is]);
        let second = lab.start_other(&["apply", "-y", "-e", &others_is]);
        first.said().exits(0);
        second.said().exits(0);
        assert_eq!(
            (lab.served(), lab.other_served()),
            (Served::new(mine, color), Served::new(others, color))
        );
    }
    // Nothing to do but to switch: as close together as it gets, in both directions.
    for round in 0..4 {
        let color = ["green", "blue"][round % 2];
        let first = lab.start(&["rollback", "-y"]);
        let second = lab.start_other(&["rollback", "-y"]);
        first.said().exits(0);
        second.said().exits(0);
        assert_eq!((lab.served().color(), lab.other_served().color()), (color, color));
    }
    none_failed(loads);

    let status = [lab.bgctl(&["status", "--output", "json"]), lab.other(&["status", "--output", "json"])];
    let status = status.map(|said| said.exits(0).json());
    assert_eq!((&status[0]["app"], &status[1]["app"]), (&"my-server".into(), &"other".into()));
    assert!(status.iter().all(|status| status["lock"].is_null()), "{status:?}");
    let image = |status: &serde_json::Value| status["app_servers"][0]["blue"]["images"].to_string();
    assert!(image(&status[0]).contains("0.0.4") && image(&status[1]).contains("0.0.5"), "{status:?}");
    for said in [lab.bgctl(&["history", "--output", "json"]), lab.other(&["history", "--output", "json"])] {
        let runs = history(&said.exits(0));
        assert_eq!(runs.len(), 7, "{runs:?}");
    }
    assert_eq!(lab.on("lb1", "ls /var/lib/bgctl"), "my-server\nother\nswitch.lock\n");
    let names = lab.on("app1", "docker ps --format '{{.Label \"com.docker.compose.project\"}}' | sort");
    assert_eq!(names, "my-server-blue\nmy-server-green\nother-blue\nother-green\n");
}

#[test]
fn the_lock_of_one_app_does_not_stop_the_other() {
    let lab = with_both();
    let run = staging(&lab);
    lab.bgctl(&["apply", "-y", "-e", "version=0.0.2"]).exits(5);
    let lock = |said: Said| said.exits(0).json()["lock"].clone();
    assert!(lock(lab.bgctl(&["status", "--output", "json"])).is_object());
    assert!(lock(lab.other(&["status", "--output", "json"])).is_null());
    lab.other(&["apply", "-y", "-e", "version=0.0.2"]).exits(0);
    run.interrupt();
    run.said().exits(130);
    assert_eq!(
        (lab.served(), lab.other_served()),
        (Served::new("0.0.1", "blue"), Served::new("0.0.2", "green"))
    );
}

#[test]
fn one_that_nginx_refuses_does_not_disturb_the_other() {
    let lab = with_both();
    let loads = lab.load_both();
    let squatter = Squatter::on_8181(&lab, "lb1");
    for (version, color) in [("0.0.2", "green"), ("0.0.4", "blue"), ("0.0.5", "green")] {
        let version_is = format!("version={version}");
        let refused = lab.start(&["apply", "-y", "-e", "version=0.0.2"]);
        let fine = lab.start_other(&["apply", "-y", "-e", &version_is]);
        fine.said().exits(0);
        refused.said().exits(1).says("Address already in use");
        assert_eq!(
            (lab.served(), lab.other_served()),
            (Served::new("0.0.1", "blue"), Served::new(version, color))
        );
    }
    drop(squatter);
    none_failed(loads);
}

#[test]
fn when_the_operator_of_one_is_killed_after_its_swap_the_other_goes_on() {
    let lab = with_both();
    let loads = lab.load_both();
    let mut run = lab.verifying("0.0.2");
    let switched = Instant::now();
    run.kill();
    // Switches of the other app all the while that the load balancer waits, and while it swaps back.
    lab.other(&["apply", "-y", "-e", "version=0.0.2"]).exits(0);
    while lab.on("lb1", &format!("readlink {LINK}")).contains("green") {
        assert!(switched.elapsed() < Duration::from_mins(1), "the load balancer does not swap back");
        lab.other(&["rollback", "-y"]).exits(0);
    }
    assert!(switched.elapsed() > Duration::from_secs(13), "{:?}", switched.elapsed());
    lab.other(&["rollback", "-y"]).exits(0);
    lab.until_nobody_watches("lb1");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    lab.other(&["status"]).exits(0).hides("swapped back by itself");
    lab.bgctl(&["status"]).says("the load balancer swapped back by itself at 20");
    lab.bgctl(&["abort", "-y"]).exits(0).says("blue is live");
    none_failed(loads);
}
