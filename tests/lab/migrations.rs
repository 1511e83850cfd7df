//! Commands in containers: migrations of what both colors share. The compose file has a second service with a volume's
//! file on each host; a folder of the host stands for the shared database.

use crate::harness::{Client, Lab, Load, Served, until};

const COMPOSE: &str = "templates/compose.yml.hbs";
const SHARED: &str = "/srv/shared/migrations";
const TASK: &str = "      - name: Migrate
        command: { in: container, service: web, argv: [migrate, up, \"{{ version }}\"], undo: [migrate, down, \"{{ version }}\"] }
        environment: { REFUSE_MIGRATION: \"{{ default refuse '' }}\", SLOW_MIGRATION: \"{{ default slow '' }}\" }
        run_once: true
";

/// A lab whose app has a shared database and a service that it needs, and whose stage migrates.
pub(crate) fn with_migration(lab: &Lab) {
    let data = "    volumes: [\"/srv/shared:/data\"]\n    depends_on: [needed]\n    logging:";
    lab.edit(COMPOSE, "    logging:", data);
    let text = std::fs::read_to_string(lab.path(COMPOSE)).unwrap();
    lab.write(COMPOSE, &format!("{text}  needed:\n    image: {{{{ json image }}}}\n    environment: {{ COLOR: {{{{ color }}}} }}\n"));
    lab.edit(
        "playbook.yml",
        "      - name: Recreate {{ color }}",
        &format!("{TASK}      - name: Recreate {{{{ color }}}}"),
    );
}

/// What the shared database of a host says.
fn migrations(lab: &Lab, host: &str) -> Vec<String> {
    lab.on(host, &format!("cat {SHARED} 2>/dev/null || true")).lines().map(str::to_owned).collect()
}

/// Containers, one-off ones too, and networks of a color on a host.
fn left(lab: &Lab, host: &str, color: &str) -> String {
    let filter = format!("--filter label=com.docker.compose.project=my-server-{color}");
    lab.on(host, &format!("{{ docker ps -a {filter} --format '{{{{.Names}}}} {{{{.ID}}}}'; docker network ls {filter} --format '{{{{.Name}}}}'; }} | sort"))
}

/// Containers of commands that run now.
const RUNNING: &str = "docker ps -q --filter label=bgctl.command";

#[track_caller]
fn until_it_migrates(lab: &Lab) {
    until("it migrates", || !lab.on("app1", RUNNING).is_empty());
}

fn loads(lab: &Lab) -> [Load; 2] {
    [Client::New, Client::KeepAlive].map(|client| lab.load(client, 2))
}

#[track_caller]
fn none_failed(loads: [Load; 2]) {
    for load in loads {
        let tally = load.end();
        assert_eq!(tally.failures(), Vec::<&String>::new());
        assert!(tally.samples.len() > 20, "{} requests", tally.samples.len());
    }
}

/// Migrations on hosts of any kind: once, in the new image, before containers; and taken back.
pub(crate) fn migrates_and_takes_back(lab: &Lab) {
    with_migration(lab);
    lab.deploy("0.0.1").exits(0);
    assert_eq!(migrations(lab, "app1"), ["0.0.1 blue app1 up 0.0.1"]);
    let loads = loads(lab);
    let said = lab.bgctl(&["plan", "-e", "version=0.0.2"]).exits(0);
    let said = said.says("run migrate up 0.0.2 in web of my-server-green");
    said.says("run migrate down 0.0.2 in web of my-server-green")
        .says("skipped on app2: Migrate (run once, on another host)");
    let said = lab.bgctl(&["apply", "-y", "-e", "version=0.0.2", "--output", "json"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    assert_eq!(migrations(lab, "app1"), ["0.0.1 blue app1 up 0.0.1", "0.0.2 green app1 up 0.0.2"]);
    assert_eq!(migrations(lab, "app2"), Vec::<String>::new());
    let ended = said.events("ended");
    let last = ended.iter().rfind(|event| event["task"] == "Migrate").unwrap();
    assert_eq!((last["detail"].as_str(), last["host"].as_str()), (Some("migrated"), Some("app1")));
    for host in ["app1", "app2"] {
        assert_eq!(lab.on(host, "docker ps -aq --filter label=bgctl.command"), "");
    }
    let written = lab.on("app1", &format!("date -u -r {SHARED} +%Y-%m-%dT%H:%M:%S.%N"));
    for host in ["app1", "app2"] {
        let created = lab.on(host, "docker ps -q --filter label=com.docker.compose.project=my-server-green --filter label=com.docker.compose.service=web | xargs docker inspect --format '{{.Created}}'");
        assert!(created.trim() > written.trim(), "{host}: made at {created}, migrated at {written}");
    }
    // The release never becomes healthy: its migration is taken back in its own image.
    lab.deploy("0.0.3").exits(1).says("database migration missing");
    assert_eq!(migrations(lab, "app1")[2..], ["0.0.3 blue app1 up 0.0.3", "0.0.3 blue app1 down 0.0.3"]);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    none_failed(loads);
}

#[test]
fn a_migration_runs_once_in_the_new_image_before_any_container_and_is_taken_back() {
    migrates_and_takes_back(&Lab::fresh());
}

#[test]
fn variables_arrive_whatever_they_are_called() {
    let lab = Lab::fresh();
    with_migration(&lab);
    lab.edit(COMPOSE, "    depends_on:", "    labels: { shop: \"${name} ${kind}\" }\n    depends_on:");
    let recreate = "      - name: Recreate {{ color }}\n";
    let theirs = "        environment: { name: the shop, kind: of ours }\n";
    lab.edit("playbook.yml", recreate, &format!("{recreate}{theirs}"));
    let more =
        "environment: { name: shop, count: 3, PATH: /app, HOME: /root/of app, IFS: x, TOKEN: \"a 'b' $c\", ";
    lab.edit("playbook.yml", "environment: { REFUSE_MIGRATION", &format!("{more}REFUSE_MIGRATION"));
    let run = lab.start(&["apply", "-y", "-e", "version=0.0.1", "-e", "slow=5"]);
    until_it_migrates(&lab);
    let shown = lab.on(
        "app1",
        &format!("ps -eo args | grep -c 'a .b. [$]c'; docker inspect --format '{{{{json .Config.Env}}}}' $({RUNNING})"),
    );
    let (processes, environment) = shown.split_once('\n').unwrap();
    assert_eq!(processes, "0", "its value is in nobody's list of processes");
    let environment: Vec<String> = serde_json::from_str(environment).unwrap();
    for wanted in ["name=shop", "count=3", "PATH=/app", "HOME=/root/of app", "IFS=x", "TOKEN=a 'b' $c"] {
        assert!(environment.iter().any(|variable| variable == wanted), "no {wanted} in {environment:?}");
    }
    run.said().exits(0);
    let label = "docker inspect --format '{{index .Config.Labels \"shop\"}}' my-server-blue-web-1";
    assert_eq!(lab.on("app1", label), "the shop of ours\n");
}

#[test]
fn one_that_fails_leaves_traffic_alone_and_nothing_behind() {
    let lab = Lab::fresh();
    with_migration(&lab);
    lab.deploy("0.0.1").exits(0);
    let blue = left(&lab, "app1", "blue");
    let loads = loads(&lab);
    let said = lab.bgctl(&["apply", "-y", "-e", "version=0.0.2", "-e", "refuse=up"]).exits(1);
    said.says("could not run `migrate up 0.0.2` in web of my-server-green: exit status 3")
        .says("migrating: 0.0.2 green app1 up 0.0.2")
        .says("ERROR column price exists already")
        .says("blue is live");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(left(&lab, "app1", "blue"), blue);
    for host in ["app1", "app2"] {
        assert_eq!(left(&lab, host, "green"), "", "{host}");
        assert_eq!(lab.on(host, "ls -A /srv/my-server"), "blue\n", "{host}");
    }
    // What it did before it failed is told to be there; its own undo was asked to take it back.
    assert_eq!(migrations(&lab, "app1"), ["0.0.1 blue app1 up 0.0.1", "0.0.2 green app1 down 0.0.2"]);
    none_failed(loads);

    // A color that still ran is down then, as after any stage that failed, and a rollback brings it up again.
    lab.deploy("0.0.2").exits(0);
    lab.bgctl(&["apply", "-y", "-e", "version=0.0.4", "-e", "refuse=up"]).exits(1);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
}

#[test]
fn one_that_is_cut_off_is_not_started_beside_itself() {
    let lab = Lab::fresh();
    with_migration(&lab);
    lab.deploy("0.0.1").exits(0);
    let mut run = lab.start(&["apply", "-y", "-e", "version=0.0.2", "-e", "slow=30"]);
    until_it_migrates(&lab);
    run.kill();
    // Gone on with elsewhere, it is waited for, and then passed again.
    let resumed = lab.bgctl(&["resume", "-y", "-e", "version=0.0.2", "-e", "slow=30"]).exits(0);
    resumed.says("waited for the end of a command that an earlier run had started");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    // Side by side they would both have found nothing done.
    assert_eq!(migrations(&lab, "app1"), ["0.0.1 blue app1 up 0.0.1", "0.0.2 green app1 up 0.0.2"]);

    // Taken back while it runs, it is ended before its undo begins.
    let mut run = lab.start(&["apply", "-y", "-e", "version=0.0.4", "-e", "slow=60"]);
    until_it_migrates(&lab);
    run.kill();
    lab.bgctl(&["abort", "-y", "-e", "version=0.0.4", "-e", "slow=60"]).exits(0);
    assert_eq!(lab.on("app1", RUNNING), "");
    assert_eq!(migrations(&lab, "app1")[2..], ["0.0.4 blue app1 down 0.0.4"]);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
}
