//! What must be true of the app servers before traffic moves to them.

use bgctl::event::{Kind, Outcome};
use bgctl::model::{Color, Images, Pattern};
use bgctl::plan::{Goal, Phase, Request};

use super::house::{House, Ready, Told, host};
use super::invariants;

fn why(told: &Told) -> String {
    let found = told.events().find_map(|event| match &event.kind {
        Kind::UndoStarted { why } => Some(why.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no undo\n{}", told.story()))
}

fn error(told: &Told, on: &str) -> String {
    let found = told.events().find_map(|event| match &event.kind {
        Kind::Failed { error, .. } if event.host == Some(host(on)) => Some(error.message.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{on} did not fail\n{}", told.story()))
}

fn converged(told: &Told) -> Vec<(Color, Images)> {
    let found = told.events().filter_map(|event| match &event.kind {
        Kind::Converged { color, images } => {
            assert_eq!(event.phase, Some(Phase::Switch));
            Some((*color, images.clone()))
        }
        _ => None,
    });
    found.collect()
}

fn swapped(told: &Told) -> bool {
    told.calls().any(|call| call.what == "swap")
}

/// A tag that stands for another image on one host.
fn move_tag(house: &House, on: &str, image: &str) {
    house.fleet.change(&host(on), |world| {
        world.moved.insert(image.to_owned(), "sha256:another".to_owned());
    });
}

#[tokio::test(start_paused = true)]
async fn what_went_live_is_on_record() {
    let house = House::new(2);
    let told = house.does(Goal::Apply, "1").await;
    let [(color, images)] = converged(&told).try_into().unwrap();
    assert_eq!(color, Color::Blue);
    assert_eq!(Vec::from_iter(&images.0["web"].ids), ["sha256:my-server:1"]);
}

#[tokio::test(start_paused = true)]
async fn a_host_with_another_image_is_named_and_traffic_stays() {
    let house = House::with_app_servers(2, 3);
    house.does(Goal::Apply, "1").await;
    move_tag(&house, "app1", "my-server:2");
    let before = house.fleet.worlds();
    let told = house.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    let why = why(&told);
    assert!(why.contains("app1 runs web from image sha256:another, app2, app3 (2 hosts) from"), "{why}");
    assert!(!swapped(&told) && converged(&told).is_empty());
    invariants::hold(&house, &before, &told, "a tag that moved");
}

#[tokio::test(start_paused = true)]
async fn what_is_staged_alone_is_compared_too() {
    let house = House::new(1);
    house.does(Goal::Apply, "1").await;
    let told = house.does(Goal::Stage, "2").await;
    let mut seen: Vec<_> = told
        .events()
        .filter_map(|event| match &event.kind {
            Kind::Fingerprinted { color, images } => {
                assert_eq!((*color, event.phase), (Color::Green, Some(Phase::Stage)));
                Some((event.host.clone().unwrap(), images.0["web"].names.clone()))
            }
            _ => None,
        })
        .collect();
    seen.sort();
    let name = || ["my-server:2".to_owned()].into();
    assert_eq!(seen, [(host("app1"), name()), (host("app2"), name())]);

    move_tag(&house, "app1", "my-server:3");
    let before = house.fleet.worlds();
    let told = house.run(Goal::Stage, "3", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    assert!(why(&told).contains("app2 runs web from image sha256:my-server:3, app1 from"), "{}", why(&told));
    invariants::hold(&house, &before, &told, "a tag that moved, staged alone");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_changed_after_it_was_staged_is_named() {
    let house = House::new(1);
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Stage, "2").await;
    let ready = house.ready(Goal::Promote, "2").await;
    let path = "/srv/my-server/green/compose.yml";
    house.fleet.change(&host("app2"), |world| world.files.get_mut(path).unwrap().content.push(b'#'));
    let told = house.carry_out(&ready, |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    let message = error(&told, "app2");
    assert_eq!(message, format!("not as this release renders them: {path} differs"));
    assert!(!swapped(&told));

    house.fleet.change(&host("app2"), |world| drop(world.files.remove(path)));
    let told = house.carry_out(&ready, |_, _| None).await;
    assert!(error(&told, "app2").ends_with("compose.yml is gone"), "{}", told.story());
}

#[tokio::test(start_paused = true)]
async fn a_rollback_compares_images_and_renders_nothing() {
    let house = House::new(1);
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    // The files of the color that traffic goes back to are nobody's business.
    house.fleet.change(&host("app2"), |world| {
        world.files.get_mut("/srv/my-server/blue/compose.yml").unwrap().content.push(b'#');
    });
    // Nobody knows any more what blue was live with.
    assert!(house.record().unwrap().went_live.contains_key(&Color::Blue));
    for balancer in house.load_balancers() {
        house.fleet.change(&balancer, |world| world.last_runs.clear());
    }
    move_tag(&house, "app2", "my-server:1");
    let told = house.run(Goal::Rollback, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    assert!(why(&told).contains("app2 runs web from image sha256:another, app1 from"), "{}", told.story());
    house.fleet.change(&host("app2"), |world| world.moved.clear());
    let told = house.does(Goal::Rollback, "2").await;
    assert_eq!(converged(&told).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_left_out_is_not_compared() {
    let house = House::with_app_servers(1, 3).playbook("max_fail_percentage: 0", "max_fail_percentage: 40");
    house.does(Goal::Apply, "1").await;
    move_tag(&house, "app1", "my-server:2");
    house.fleet.change(&host("app1"), |world| {
        world.ill.insert("my-server:2".to_owned());
    });
    let told = house.does(Goal::Apply, "2").await;
    assert_eq!(converged(&told).len(), 1, "{}", told.story());
}

/// A file that shows the upstreams was rendered while the host that failed was still one of them; and what runs
/// once ran on that very host.
#[tokio::test(start_paused = true)]
async fn files_are_compared_with_what_the_stage_rendered() {
    let more = r#"- name: Peers
        copy: { content: "{{ json upstreams }}", dest: "/srv/{{ app }}/{{ color }}/peers" }
      - name: Once
        copy: { content: "once", dest: "/srv/{{ app }}/{{ color }}/once" }
        run_once: true
      - name: Compose file"#;
    let house = House::with_app_servers(1, 3)
        .playbook("max_fail_percentage: 0", "max_fail_percentage: 40")
        .playbook("- name: Compose file", more);
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("app1"), |world| {
        world.ill.insert("my-server:2".to_owned());
    });
    house.does(Goal::Apply, "2").await;
    house.does(Goal::Apply, "3").await;
}

#[tokio::test(start_paused = true)]
async fn hosts_outside_of_a_limit_are_compared_too() {
    let house = House::with_app_servers(1, 3);
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Stage, "2").await;
    move_tag(&house, "app3", "my-server:2");
    let mut model = house.model("2");
    model.limit = Some(Pattern::parse("app1,load_balancers").unwrap());
    let observed = house.observe(&model).await;
    let request = Request { goal: Goal::Apply, force: false };
    let plan = bgctl::plan::build(request, &model, &observed, &[]).unwrap();
    let run = bgctl::model::RunId::new(jiff::Timestamp::UNIX_EPOCH, 9);
    let ready = Ready { model, observed, request, plan, run };
    let told = house.carry_out(&ready, |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    assert!(why(&told).contains("app3 runs web from image sha256:another"), "{}", told.story());
}

/// Secrets that no log shows are not written into a plan as a digest either.
#[tokio::test(start_paused = true)]
async fn a_hidden_file_is_compared_and_its_digest_written_nowhere() {
    let hidden = r#"- name: Secret
        copy: { content: "pin {{ version }}", dest: "/srv/{{ app }}/{{ color }}/pin" }
        no_log: true
      - name: Compose file"#;
    let house = House::new(1).playbook("- name: Compose file", hidden);
    let ready = house.ready(Goal::Apply, "1").await;
    let gate = ready.plan.waves.iter().find(|wave| wave.name == "Compare the app servers").unwrap();
    let text = serde_json::to_string(gate).unwrap();
    assert_eq!(text.matches("sha256").count(), 2, "the compose file's alone, on each host: {text}");
    assert!(text.contains(r#"{"path":"/srv/my-server/blue/pin"}"#), "{text}");
    house.does(Goal::Stage, "1").await;
    let ready = house.ready(Goal::Promote, "1").await;
    house.fleet.change(&host("app1"), |world| {
        world.files.get_mut("/srv/my-server/blue/pin").unwrap().content.push(b'!');
    });
    let told = house.carry_out(&ready, |_, _| None).await;
    assert!(error(&told, "app1").ends_with("/srv/my-server/blue/pin differs"), "{}", told.story());
}
