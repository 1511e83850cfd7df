//! Runs that nothing disturbs: what is there afterwards.

use bgctl::event::{Kind, Outcome};
use bgctl::model::Color;
use bgctl::plan::Goal;

use super::house::{House, LINK, host};
use super::invariants;

#[tokio::test(start_paused = true)]
async fn colors_take_turns_and_a_release_that_matches_changes_nothing() {
    let house = House::new(2);
    for (version, color) in [("1", Color::Blue), ("2", Color::Green), ("3", Color::Blue)] {
        house.does(Goal::Apply, version).await;
        for balancer in house.load_balancers() {
            assert_eq!(house.serves(&balancer), Ok(color), "version {version}");
        }
        let again = house.plan(Goal::Apply, version).await.unwrap();
        assert!(again.is_empty(), "version {version} again: {:?}", again.waves);
    }
    let worlds = house.fleet.worlds();
    for name in ["app1", "app2"] {
        let projects = &worlds[&host(name)].projects;
        assert_eq!(projects["my-server-blue"].image, "my-server:3");
        assert_eq!(projects["my-server-green"].image, "my-server:2");
    }
    assert_eq!(worlds[&host("lb1")].links[LINK], "/etc/nginx/sites-available/my-server-blue.conf");
}

#[tokio::test(start_paused = true)]
async fn the_old_color_is_kept_stopped_or_removed() {
    for (old, expected) in [("keep", Some(true)), ("stop", Some(false)), ("remove", None)] {
        let house = House::new(1).playbook("old: keep", &format!("old: {old}"));
        house.does(Goal::Apply, "1").await;
        house.does(Goal::Apply, "2").await;
        let worlds = house.fleet.worlds();
        let blue = worlds[&host("app1")].projects.get("my-server-blue");
        assert_eq!(blue.map(|project| project.running), expected, "{old}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_color_is_started_before_traffic_goes_back_to_it() {
    let house = House::new(1).playbook("old: keep", "old: stop");
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    let told = house.does(Goal::Rollback, "2").await;
    let order: Vec<&str> = told.calls().map(|call| call.what).collect();
    let first = |what: &str| order.iter().position(|call| *call == what).unwrap();
    assert!(first("compose_state") < first("probe") && first("probe") < first("swap"), "{order:?}");
    assert_eq!(house.serves(&host("lb1")), Ok(Color::Blue));
}

#[tokio::test(start_paused = true)]
async fn what_is_staged_serves_only_after_its_promotion() {
    let house = House::new(1);
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Stage, "2").await;
    assert_eq!(house.serves(&host("lb1")), Ok(Color::Blue));
    house.does(Goal::Promote, "2").await;
    assert_eq!(house.serves(&host("lb1")), Ok(Color::Green));
    assert!(house.plan(Goal::Promote, "9").await.is_err(), "9 was never staged");
}

#[tokio::test(start_paused = true)]
async fn a_sick_release_is_put_down_with_its_logs_and_gets_no_traffic() {
    let house = House::new(1);
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("app2"), |world| {
        world.ill.insert("my-server:2".to_owned());
    });
    let before = house.fleet.worlds();
    let told = house.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    invariants::hold(&house, &before, &told, "a sick release");
    assert!(told.calls().all(|call| call.what != "swap"));
    let logs = told.events().filter(|event| matches!(event.kind, Kind::Logs { .. })).count();
    assert_eq!(logs, 2, "of both hosts");
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_nginx_ignores_on_one_of_two_takes_both_back() {
    let house = House::new(2);
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("lb2"), |world| {
        world.nginx.as_mut().unwrap().stubborn = true;
    });
    let before = house.fleet.worlds();
    let told = house.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Stuck, "lb2 does not reload on the way back either");
    for balancer in house.load_balancers() {
        assert_eq!(house.serves(&balancer), Ok(Color::Blue), "{}", told.story());
    }
    assert_eq!(before[&host("lb2")].links, house.fleet.worlds()[&host("lb2")].links);
}

#[tokio::test(start_paused = true)]
async fn a_site_that_nginx_refuses_never_lands() {
    let house = House::new(2);
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("lb2"), |world| {
        world.nginx.as_mut().unwrap().refuses = Some("X-Color green".to_owned());
    });
    let before = house.fleet.worlds();
    let told = house.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    invariants::hold(&house, &before, &told, "a refused site");
    let harmless = ["test_site", "probe"];
    assert!(told.calls().all(|call| !call.host.as_str().starts_with("lb") || harmless.contains(&call.what)));
}
