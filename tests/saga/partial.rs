//! Hosts that fail within the limit, batches, and several steps that write one path.

use bgctl::event::{Kind, Outcome};
use bgctl::model::Color;
use bgctl::plan::Goal;
use bgctl::remote::fake::Fault;

use super::house::{House, Told, host};
use super::invariants;

fn left_out(told: &Told) -> Vec<String> {
    let found = told.events().find_map(|event| match &event.kind {
        Kind::LeftOut { hosts } => Some(hosts.iter().map(ToString::to_string).collect()),
        _ => None,
    });
    found.unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_host_that_fails_within_the_limit_gets_no_traffic_and_is_put_down() {
    let house = House::with_app_servers(2, 3).playbook("max_fail_percentage: 0", "max_fail_percentage: 40");
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("app2"), |world| {
        world.ill.insert("my-server:2".to_owned());
    });
    let before = house.fleet.worlds();
    let told = house.does(Goal::Apply, "2").await;
    assert_eq!(left_out(&told), ["app2"]);
    let after = house.fleet.worlds();
    assert_eq!(after[&host("app2")], before[&host("app2")], "as it was");
    for balancer in house.load_balancers() {
        assert_eq!(house.serves(&balancer), Ok(Color::Green));
        let site = after[&balancer].nginx.as_ref().unwrap().loaded.clone().unwrap();
        assert!(site.contains("app1:") && !site.contains("app2:") && site.contains("app3:"), "{site}");
    }
}

/// One host fails, and its load balancers ask the others, or nobody, before traffic moves.
#[tokio::test(start_paused = true)]
async fn those_that_are_left_are_seen_from_the_load_balancers_where_the_playbook_says_so() {
    for (from, asked) in [("from: load_balancers, ", &["app1:18081", "app3:18081"][..]), ("", &[])] {
        let house = House::with_app_servers(1, 3)
            .playbook("max_fail_percentage: 0", "max_fail_percentage: 40")
            .playbook("from: load_balancers, ", from);
        house.does(Goal::Apply, "1").await;
        house.fleet.change(&host("app2"), |world| {
            world.ill.insert("my-server:2".to_owned());
        });
        let told = house.does(Goal::Apply, "2").await;
        assert_eq!(left_out(&told), ["app2"]);
        let before_the_swap = told.calls().take_while(|call| call.what != "swap");
        let mut seen: Vec<&str> = before_the_swap
            .filter(|call| call.what == "probe" && call.host == host("lb1"))
            .map(|call| call.about.as_str())
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, asked, "{}", told.story());
        let lb = &house.fleet.worlds()[&host("lb1")];
        let site = lb.nginx.as_ref().unwrap().loaded.clone().unwrap();
        assert!(!site.contains("app2:"), "{site}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_left_out_of_a_stage_is_named() {
    let house = House::with_app_servers(1, 3).playbook("max_fail_percentage: 0", "max_fail_percentage: 40");
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("app3"), |world| {
        world.ill.insert("my-server:2".to_owned());
    });
    let told = house.does(Goal::Stage, "2").await;
    assert_eq!(left_out(&told), ["app3"]);
}

#[tokio::test(start_paused = true)]
async fn one_host_too_many_undoes_all() {
    let house = House::with_app_servers(1, 3).playbook("max_fail_percentage: 0", "max_fail_percentage: 40");
    house.does(Goal::Apply, "1").await;
    for name in ["app1", "app2"] {
        house.fleet.change(&host(name), |world| {
            world.ill.insert("my-server:2".to_owned());
        });
    }
    let before = house.fleet.worlds();
    let told = house.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    invariants::hold(&house, &before, &told, "two of three");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_undoes_the_batches_before_it() {
    let house = House::with_app_servers(1, 3).playbook("serial: 100%", "serial: 1");
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("app2"), |world| {
        world.ill.insert("my-server:2".to_owned());
    });
    let before = house.fleet.worlds();
    let told = house.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    assert!(told.calls().all(|call| call.host != host("app3")), "its batch never began");
    assert!(told.calls().any(|call| call.host == host("app1") && call.what == "compose_down"));
    invariants::hold(&house, &before, &told, "the second of three batches");
}

/// Three tasks that write one file, then one that fails: the file is as it was before the first.
#[tokio::test(start_paused = true)]
async fn several_steps_that_write_one_path_are_undone_to_the_beginning() {
    let three = r#"- name: One
        copy: { content: "one {{ version }}", dest: "/srv/shared/conf/app.ini", mode: "0600" }
      - name: Two
        copy: { content: "two", dest: "/srv/shared/conf/app.ini" }
      - name: Three
        copy: { content: "three {{ color }}", dest: "/srv/shared/conf/app.ini", mode: "0644" }
      - name: Compose file"#;
    for history in [&[][..], &["1"]] {
        let house = House::new(1).playbook("- name: Compose file", three);
        for version in history {
            house.does(Goal::Apply, version).await;
        }
        let before = house.fleet.worlds();
        let told =
            house.run(Goal::Apply, "2", |call, _| (call.what == "compose_up").then_some(Fault::After)).await;
        assert_eq!(told.ending().outcome, Outcome::Undone);
        assert_eq!(
            told.calls().filter(|call| call.about.ends_with("app.ini")).count(),
            12,
            "{}",
            told.story()
        );
        invariants::hold(&house, &before, &told, "three writes of one file");
    }
}

#[tokio::test(start_paused = true)]
async fn where_one_load_balancer_fails_traffic_that_has_not_moved_stays() {
    let mut house = House::new(2);
    house.forks = 1;
    house.does(Goal::Apply, "1").await;
    let told = house
        .run(Goal::Apply, "2", |call, _| {
            (call.what == "swap" && call.host.as_str() == "lb1").then_some(Fault::Before)
        })
        .await;
    assert!(told.calls().all(|call| call.what != "swap" || call.host == host("lb1")), "{}", told.story());
    assert_eq!(told.ending().outcome, Outcome::Stuck, "lb1 fails on the way back too");
    for balancer in house.load_balancers() {
        assert_eq!(house.serves(&balancer), Ok(Color::Blue));
    }
}
