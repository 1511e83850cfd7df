//! Traffic moved by hand, and load balancers that do not serve what they are configured for.

use bgctl::event::{Kind, Outcome};
use bgctl::model::Color::{self, Blue, Green};
use bgctl::plan::{Blocked, Goal};
use bgctl::remote::fake::World;

use super::house::{House, LINK, host};
use super::scenario::{point_to_blue, serve_blue};

/// Version 2 is live on green, version 1 runs on blue.
async fn house() -> House {
    let house = House::new(2);
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    house
}

fn served(house: &House) -> Vec<Color> {
    house.load_balancers().iter().map(|balancer| house.serves(balancer).unwrap()).collect()
}

fn link(house: &House, balancer: &str) -> Option<Color> {
    let link = house.fleet.worlds()[&host(balancer)].links[LINK].clone();
    Color::BOTH.into_iter().find(|color| link.ends_with(&format!("-{color}.conf")))
}

#[tokio::test(start_paused = true)]
async fn load_balancers_that_disagree_are_brought_to_either_color() {
    for color in Color::BOTH {
        let house = house().await;
        house.fleet.change(&host("lb2"), serve_blue);
        let told = house.does(Goal::Switch(color), "2").await;
        assert_eq!((served(&house), told.plan.live), (vec![color; 2], None));
        assert_eq!(told.calls().filter(|call| call.what == "swap").count(), 2, "each proves it");
        let from = told.events().filter_map(|event| match event.kind {
            Kind::Switched { from, .. } => from,
            _ => None,
        });
        let mut from: Vec<Color> = from.collect();
        from.sort();
        assert_eq!(from, [Blue, Green]);
        assert!(house.plan(Goal::Switch(color), "2").await.unwrap().is_empty(), "again");
        assert!(house.plan(Goal::Apply, "3").await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn several_load_balancers_have_a_skew_and_one_has_none() {
    let skews = |told: &super::house::Told| {
        told.events()
            .filter(|event| matches!(event.kind, Kind::AllSwitched { load_balancers: 2, .. }))
            .count()
    };
    let two = house().await;
    assert_eq!(skews(&two.does(Goal::Apply, "3").await), 1);
    two.fleet.change(&host("lb2"), |world| world.nginx.as_mut().unwrap().stubborn = true);
    assert_eq!(skews(&two.run(Goal::Apply, "4", |_, _| None).await), 0, "one of them did not move");
    let one = House::new(1);
    let told = one.does(Goal::Apply, "1").await;
    assert!(told.events().all(|event| !matches!(event.kind, Kind::AllSwitched { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_says_something_else_is_put_right_and_moves_nothing() {
    let house = house().await;
    house.fleet.change(&host("lb2"), point_to_blue);
    let plan = house.plan(Goal::Switch(Green), "2").await.unwrap();
    assert_eq!((plan.live, plan.counts().switch), (Some(Green), 2));
    assert!(
        plan.notes.iter().any(|note| note.text.contains("`bgctl switch --to green`")),
        "{:?}",
        plan.notes
    );
    house.does(Goal::Switch(Green), "2").await;
    assert_eq!((served(&house), link(&house, "lb2")), (vec![Green; 2], Some(Green)));
}

#[tokio::test(start_paused = true)]
async fn an_undo_brings_back_what_was_served_whatever_the_link_said() {
    // To blue: what the link of lb1 says already. To green: what it serves already.
    for goal in [Goal::Apply, Goal::Switch(Blue), Goal::Switch(Green)] {
        let house = house().await;
        house.fleet.change(&host("lb1"), point_to_blue);
        house.fleet.change(&host("lb2"), |world| world.nginx.as_mut().unwrap().stubborn = true);
        let told = house.run(goal, "3", |_, _| None).await;
        assert_ne!(told.ending().outcome, Outcome::Done);
        assert_eq!(served(&house), [Green; 2], "{goal:?}\n{}", told.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_color_that_does_not_run_gets_no_traffic() {
    type Trouble = (&'static str, &'static str, fn(&mut World));
    let troubles: [Trouble; 3] = [
        ("app2", "no containers of blue", |world| world.projects.retain(|name, _| !name.ends_with("blue"))),
        ("app1", "web of blue is exited", |world| {
            world.projects.get_mut("my-server-blue").unwrap().running = false;
        }),
        ("lb2", "no site file of blue", |world| world.files.retain(|path, _| !path.ends_with("blue.conf"))),
    ];
    for (name, what, trouble) in troubles {
        let house = house().await;
        house.fleet.change(&host(name), trouble);
        let Err(Blocked::NotReady { what: said, details, hint }) = house.plan(Goal::Switch(Blue), "2").await
        else {
            panic!("{what}")
        };
        let said = format!("{said} {}", details.join(" "));
        assert!(said.contains(what) && said.contains(name), "{said}");
        assert!(hint.contains("bgctl "), "{hint}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_color_that_answers_wrongly_gets_no_traffic() {
    let house = house().await;
    house.fleet.change(&host("app2"), |world| {
        world.ill.insert("my-server:1".to_owned());
    });
    let told = house.run(Goal::Switch(Blue), "2", |_, _| None).await;
    assert_eq!((told.ending().outcome, served(&house)), (Outcome::Undone, vec![Green; 2]));
    assert!(told.calls().all(|call| call.what != "swap"));
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_refused() {
    let house = house().await;
    let mut model = house.model("2");
    model.limit = Some(bgctl::model::Pattern::parse("lb1").unwrap());
    let request = bgctl::plan::Request { goal: Goal::Switch(Blue), force: false };
    let Err(Blocked::NotReady { what, .. }) = house.plan_of(request, &model).await else { panic!() };
    assert!(what.contains("--limit"), "{what}");
}

/// Else a fleet whose live color is ill could neither be deployed to nor mended.
#[tokio::test(start_paused = true)]
async fn a_link_is_put_right_whatever_state_the_served_color_is_in() {
    let house = house().await;
    house.fleet.change(&host("lb2"), point_to_blue);
    house.fleet.change(&host("app2"), |world| {
        world.projects.get_mut("my-server-green").unwrap().image = "my-server:1".to_owned();
    });
    house.does(Goal::Switch(Green), "2").await;
    assert_eq!((served(&house), link(&house, "lb2")), (vec![Green; 2], Some(Green)));
}
