//! Is a rollback ready? Told by `status`, at the end of a run, and by a rehearsal.

use crate::harness::{Lab, Served};

fn lived_in() -> Lab {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    let said = lab.deploy("0.0.2").exits(0);
    said.says("rollback: ready: blue runs on all app servers, and answers every load balancer (release ");
    lab
}

#[test]
fn a_rollback_that_is_ready_is_said_to_be_and_one_that_is_not_is_told_why() {
    let lab = lived_in();
    let rollback = || lab.bgctl(&["status", "--output", "json"]).exits(0).json()["rollback"].clone();
    let ready = rollback();
    assert_eq!(
        (&ready["ready"], &ready["how"], &ready["seen"]),
        (&true.into(), &"flip".into(), &"healthy".into())
    );
    assert_eq!(ready["release"].as_str().unwrap().len(), 12, "{ready}");
    lab.bgctl(&["rollback", "--check"]).exits(0).says("would pass").says("A rollback would succeed");

    // A color that no load balancer reaches: its containers run, and are well for Docker.
    lab.on("app2", "cd /srv/my-server/blue && sed -i 's/\"18080:/\"127.0.0.1:18080:/' compose.yml && docker compose -p my-server-blue up -d 2>&1");
    let walled = rollback();
    assert_eq!((&walled["ready"], &walled["seen"]), (&false.into(), &"unhealthy".into()), "{walled}");
    assert!(
        walled["reason"].as_str().unwrap().contains("Answers to the load balancers: app2, from lb1"),
        "{walled}"
    );
    let said = lab.bgctl(&["rollback", "--check", "--output", "json"]).exits(1).json();
    assert_eq!(said["rehearsal"]["succeeds"], false);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
}

#[test]
fn a_rehearsal_tests_the_site_and_knows_what_the_color_was_live_with() {
    let lab = lived_in();
    lab.on("lb1", "echo 'no_such_directive on;' >/etc/nginx/conf.d/broken.conf");
    lab.bgctl(&["rollback", "--check"])
        .exits(1)
        .says("would FAIL")
        .says("unknown directive \"no_such_directive\"");
    lab.on("lb1", "rm /etc/nginx/conf.d/broken.conf");
    lab.bgctl(&["rollback", "--check"]).exits(0);

    lab.on("app1", "cd /srv/my-server/blue && sed -i 's/0.0.1/0.0.4/' compose.yml && docker compose -p my-server-blue up -d 2>&1");
    lab.bgctl(&["status"]).exits(0).says("not ready: blue does not hold what it was live with");
    for args in [&["rollback", "--check"][..], &["rollback", "-y"]] {
        lab.bgctl(args).exits(1).says("app1: web is made from image sha256:");
    }
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
}
