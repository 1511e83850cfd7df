//! Staging that fails: live traffic is untouched, and the idle color is down again on every host.

use crate::harness::{Lab, Served};
use crate::ways::ids;

const APPS: [&str; 2] = ["app1", "app2"];

/// A lab where 0.0.1 is live on blue.
fn with_blue() -> Lab {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    lab
}

/// Blue serves as before, in the same containers, and nothing of green is on any host.
#[track_caller]
fn as_if_nothing_had_been(lab: &Lab, blue: &[String]) {
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(lab.serving_hosts(), APPS);
    assert_eq!(ids(lab, "blue"), blue);
    assert_eq!(ids(lab, "green"), Vec::<String>::new());
    for host in APPS {
        assert_eq!(lab.on(host, "ls /srv/my-server"), "blue\n", "{host}");
        assert_eq!(
            lab.on(host, "docker network ls -q --filter label=com.docker.compose.project=my-server-green"),
            ""
        );
    }
}

/// Adds a task before the health check.
fn add_task(lab: &Lab, task: &str) {
    let at = "      - name: Answers for itself";
    lab.edit("playbook.yml", at, &format!("      - {task}\n{at}"));
}

#[test]
fn a_release_that_is_ill_on_one_host_is_put_down_on_both() {
    let lab = with_blue();
    let blue = ids(&lab, "blue");
    let said = lab.deploy("0.0.5-half").exits(1);
    let said =
        said.says("ERROR database migration missing").says("undo: `Answers for itself` failed on app2");
    assert!(said.stdout.contains("traffic is where it was, blue is live"), "{}", said.stdout);
    as_if_nothing_had_been(&lab, &blue);

    // The same where the idle color had files and containers before.
    lab.deploy("0.0.2").exits(0);
    let (green, compose) = (ids(&lab, "green"), "/srv/my-server/blue/compose.yml");
    let before = APPS.map(|host| lab.content(host, compose));
    lab.deploy("0.0.5-half").exits(1);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    assert_eq!((ids(&lab, "green"), ids(&lab, "blue")), (green, vec![]));
    assert_eq!(APPS.map(|host| lab.content(host, compose)), before);
}

#[test]
fn an_image_that_is_nowhere_is_named() {
    let lab = with_blue();
    let blue = ids(&lab, "blue");
    lab.deploy("0.0.9").exits(1).says("image my-server:0.0.9 is not on this host");
    as_if_nothing_had_been(&lab, &blue);
    lab.edit(
        "playbook.yml",
        "compose: { dir: \"/srv/{{ app }}/{{ color }}\"",
        "compose: { pull: never, dir: \"/srv/{{ app }}/{{ color }}\"",
    );
    lab.deploy("0.0.9").exits(1).says("image my-server:0.0.9 is not on this host, and pull is never");
    as_if_nothing_had_been(&lab, &blue);
}

#[test]
fn a_command_that_fails_half_way_is_undone_by_its_own_undo() {
    let lab = with_blue();
    let blue = ids(&lab, "blue");
    add_task(
        &lab,
        "{ name: Migrate, command: { shell: 'echo begun >/srv/migrated; echo no such table >&2; exit 3', undo: 'mv /srv/migrated /srv/reverted' } }",
    );
    lab.deploy("0.0.2").exits(1).says("no such table").says("exit status 3").says("Migrate … undone");
    for host in APPS {
        assert_eq!(lab.on(host, "cat /srv/reverted; rm /srv/reverted; ls /srv"), "begun\nmy-server\n");
    }
    as_if_nothing_had_been(&lab, &blue);
}

#[test]
fn an_undo_that_fails_needs_a_person() {
    let lab = with_blue();
    add_task(&lab, "{ name: Migrate, command: { argv: ['false'], undo: 'echo cannot revert >&2; exit 1' } }");
    let said = lab.deploy("0.0.2").exits(3).says("cannot revert").says("blue");
    assert!(said.stdout.contains("bgctl status"), "{}", said.stdout);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
}

/// Puts Docker's socket back, whatever happens.
struct WithoutDocker<'a>(&'a Lab);

impl<'a> WithoutDocker<'a> {
    fn on_app2(lab: &'a Lab) -> Self {
        lab.on("app2", "mv /run/docker.sock /run/docker.sock.away");
        Self(lab)
    }
}

impl Drop for WithoutDocker<'_> {
    fn drop(&mut self) {
        self.0.on("app2", "mv /run/docker.sock.away /run/docker.sock");
    }
}

#[test]
fn a_host_whose_docker_is_stopped_is_named_before_anything_is_done() {
    let lab = with_blue();
    let blue = ids(&lab, "blue");
    {
        let _stopped = WithoutDocker::on_app2(&lab);
        lab.deploy("0.0.2").exits(1).says("app2").says("Cannot connect to the Docker daemon");
    }
    as_if_nothing_had_been(&lab, &blue);
}
