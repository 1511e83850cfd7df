//! The ends of the old color.

use bgctl::event::Outcome;
use bgctl::model::{Action, Color};
use bgctl::plan::{Blocked, Goal, Phase, Plan};

use super::house::{House, host};
use super::invariants;

fn house(retire: &str) -> House {
    House::new(2).playbook("retire: { old: keep }", &format!("retire: {{ {retire} }}"))
}

fn settling(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let of = plan.waves.iter().filter(|wave| wave.phase == Phase::Settle);
    let lane = of.map(|wave| {
        let lanes = wave.lanes.iter();
        let steps =
            lanes.flat_map(|lane| lane.steps.iter().map(|step| format!("{}: {}", lane.host, step.name)));
        (wave.name.clone(), steps.collect())
    });
    lane.collect()
}

/// The image that a color runs on a host.
fn runs(house: &House, on: &str, color: Color) -> Option<String> {
    let worlds = house.fleet.worlds();
    let project = worlds[&host(on)].projects.get(&format!("my-server-{color}"))?;
    project.running.then(|| project.image.clone())
}

#[tokio::test(start_paused = true)]
async fn a_refresh_brings_the_old_color_to_the_new_release_after_the_drain() {
    let house = house("old: refresh");
    house.does(Goal::Apply, "1").await;
    assert_eq!(runs(&house, "app1", Color::Green), None, "there was no old color");
    let plan = house.plan(Goal::Apply, "2").await.unwrap();
    let settling = settling(&plan);
    let names: Vec<&str> = settling.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Keep the release",
            "Drain",
            "Settle the old color",
            "Settle the old color, seen from the load balancers"
        ]
    );
    assert_eq!(settling[2].1[..3], ["app1: Compose file", "app1: Recreate blue", "app1: Answers for itself"]);
    let told = house.does(Goal::Apply, "2").await;
    assert!(told.calls().any(|call| call.host == host("lb2") && call.about == "app2:18080"), "blue is asked");
    for on in ["app1", "app2"] {
        for color in Color::BOTH {
            assert_eq!(runs(&house, on, color).as_deref(), Some("my-server:2"), "{color} on {on}");
        }
    }
    assert!(house.plan(Goal::Apply, "2").await.unwrap().is_empty(), "cron does nothing");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_moves_no_traffic_and_can_be_made_again_by_hand() {
    let house = house("old: refresh");
    house.does(Goal::Apply, "1").await;
    let before = house.fleet.worlds();
    let told = house
        .run(Goal::Apply, "2", |call, _| {
            let blue = call.host == host("app2") && call.what == "probe" && call.about.ends_with(":18080");
            blue.then_some(bgctl::remote::fake::Fault::Before)
        })
        .await;
    assert_eq!(told.ending().outcome, Outcome::Unsettled, "{}", told.story());
    invariants::hold(&house, &before, &told, "blue is ill on app2");
    house.fleet.change(&host("app2"), |world| {
        world.projects.get_mut("my-server-blue").unwrap().image = "my-server:1".to_owned();
        let file = world.files.get_mut("/srv/my-server/blue/compose.yml").unwrap();
        file.content =
            String::from_utf8(file.content.clone()).unwrap().replace("server:2", "server:1").into();
    });
    let Err(Blocked::NotReady { what, .. }) = house.plan(Goal::Retire, "1").await else {
        panic!("other inputs")
    };
    assert!(what.contains("is not what is live"), "{what}");
    let plan = house.plan(Goal::Retire, "2").await.unwrap();
    let steps: Vec<String> = settling(&plan).into_iter().flat_map(|(_, steps)| steps).collect();
    assert!(steps.iter().all(|step| !step.starts_with("app1")), "it is refreshed already: {steps:?}");
    house.does(Goal::Retire, "2").await;
    assert_eq!(runs(&house, "app2", Color::Blue).as_deref(), Some("my-server:2"));
    assert!(house.plan(Goal::Retire, "2").await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_waited_for_is_waited_for_once_and_not_by_hand() {
    let waits = |plan: &Plan| {
        let waves = plan.waves.iter();
        let waits = waves.filter(|wave| {
            let mut steps = wave.lanes.iter().flat_map(|lane| &lane.steps);
            steps.any(|step| matches!(step.action, Action::Wait { .. }))
        });
        waits.count()
    };
    let house = house("old: stop, after: 10m")
        .playbook("  - name: Settle the old color\n", "  - name: Settle the old color\n    serial: 1\n");
    house.does(Goal::Apply, "1").await;
    assert_eq!(waits(&house.plan(Goal::Apply, "2").await.unwrap()), 1);
    let began = tokio::time::Instant::now();
    house.does(Goal::Apply, "2").await;
    let took = began.elapsed().as_secs();
    assert!((600..660).contains(&took), "{took} s");
    house.does(Goal::Rollback, "2").await;
    assert_eq!(waits(&house.plan(Goal::Retire, "2").await.unwrap()), 0);
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "Ctrl-C comes from outside of the run")]
async fn ctrl_c_ends_the_wait_and_traffic_stays() {
    let house = house("old: stop, after: 10h");
    house.does(Goal::Apply, "1").await;
    let began = tokio::time::Instant::now();
    let told = house
        .run(Goal::Apply, "2", |call, stop| {
            if call.what == "drain" {
                let stop = stop.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
                    stop.cancel();
                });
            }
            None
        })
        .await;
    assert_eq!(told.ending().outcome, Outcome::Unsettled);
    assert_eq!(told.ending().live, Some(Color::Green));
    assert!(began.elapsed().as_secs() < 60);
    assert_eq!(runs(&house, "app1", Color::Blue).as_deref(), Some("my-server:1"), "it was not stopped");
}
