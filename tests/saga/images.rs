//! Logins and images: who has a login, where its password stands, which images count as the same.

use std::path::PathBuf;

use bgctl::event::{Kind, Outcome};
use bgctl::model::{Action, Archive};
use bgctl::plan::{self, Blocked, Goal, Show};
use bgctl::remote::fake::{Call, Fault};

use super::house::{House, Told, Verb, host, nothing};
use super::invariants;

pub(crate) const PASSWORD: &str = "hunter2-is-it";
const LOGIN: &str = "registry_login: { registry: registry.lab, username: me, password: hunter2-is-it }";

/// An archive with one image.
pub(crate) fn archive(name: &str, hex: &str) -> Archive {
    let manifest = format!(r#"[{{"Config":"{hex}.json","RepoTags":["{name}"],"Layers":[]}}]"#);
    let place = (PathBuf::from("/nowhere/app.tar"), 123_456_789);
    Archive::read(place, &manifest, None, &[format!("{hex}.json")].into()).unwrap()
}

/// A house whose registry lets nobody in without the password, and these tasks ahead of the compose file's.
fn house(tasks: &[&str]) -> House {
    let tasks: Vec<String> = tasks.iter().map(|task| format!("      - {task}\n")).collect();
    let at = "      - name: Compose file";
    let mut house = House::new(1).playbook(at, &format!("{}{at}", tasks.concat()));
    house.archives.insert("app.tar".to_owned(), Ok(archive("my-server:2", "1234")));
    for name in ["app1", "app2"] {
        house.fleet.change(&host(name), |world| world.registry_password = Some(PASSWORD.to_owned()));
    }
    house
}

fn errors(told: &Told) -> Vec<String> {
    let errors = told.events().filter_map(|event| match &event.kind {
        Kind::Failed { error, .. } => {
            Some(format!("{} {}", error.message, error.hint.clone().unwrap_or_default()))
        }
        _ => None,
    });
    errors.collect()
}

fn ends(told: &Told, what: &str) -> Vec<String> {
    let ended = told.events().filter(|event| event.task.as_deref() == Some(what));
    let details = ended.filter_map(|event| match &event.kind {
        Kind::Ended { detail, .. } => Some(detail.clone().unwrap_or_default()),
        _ => None,
    });
    details.collect()
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_login_has_it() {
    let house = house(&[LOGIN, "image: { pull: \"registry.lab/tool:1\" }"]);
    let told = house.does(Goal::Apply, "1").await;
    assert_eq!(ends(&told, "image"), ["sha256:registry.lab", "sha256:registry.lab"], "{}", told.story());

    let without = self::house(&["image: { pull: \"registry.lab/tool:1\" }"]);
    let told = without.run(Goal::Apply, "1", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    let error = errors(&told).remove(0);
    assert!(error.contains("registry.lab does not let this host pull registry.lab/tool:1"), "{error}");
    assert!(error.contains("registry_login"), "{error}");
}

/// Also where the login stands in a play of its own, and where compose alone would pull.
#[tokio::test(start_paused = true)]
async fn a_login_is_for_later_plays_too_and_for_no_other_host() {
    let play = format!("  - hosts: app1\n    tasks: [{{ {LOGIN} }}]\n");
    let first = "  - name: Recreate the idle color";
    let house = self::house(&[]).playbook(first, &format!("{play}{first}"));
    let told = house.run(Goal::Apply, "1", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    let failed: Vec<_> = told
        .events()
        .filter(|event| matches!(event.kind, Kind::Failed { .. }))
        .map(|event| event.host.clone().unwrap())
        .collect();
    assert_eq!(failed, [host("app2")], "{}", told.story());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_told_and_live_traffic_is_untouched() {
    let house = house(&[LOGIN]);
    house.does(Goal::Apply, "1").await;
    let before = house.fleet.worlds();
    let wrong = house.playbook(PASSWORD, "hunter3");
    let told = wrong.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone);
    assert!(errors(&told)[0].contains("registry.lab refused the login of me"), "{:?}", errors(&told));
    assert!(told.calls().all(|call| call.what != "put"), "{}", told.story());
    invariants::hold(&wrong, &before, &told, "a wrong password");
}

#[tokio::test(start_paused = true)]
async fn a_password_stands_in_no_plan_and_no_record_not_even_as_a_hash() {
    let house = house(&[LOGIN]);
    let plan = house.plan(Goal::Apply, "1").await.unwrap();
    let shown = plan::show(&plan, Show { color: false, diff: true, width: 200 });
    assert!(shown.contains("log in to registry.lab as me"), "{shown}");
    let sealed = plan::seal(&plan, &nothing().key);
    let all = [shown, sealed.clone(), plan::to_json(&plan).to_string(), format!("{plan:?}")].concat();
    let sum = data_encoding::HEXLOWER.encode(&sha2_of(PASSWORD));
    assert!(!all.contains("hunter2") && !all.contains(&sum), "{all}");
    assert!(!sealed.contains("password") && sealed.contains("registry.lab"), "{sealed}");
}

fn sha2_of(text: &str) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(text).to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_run_is_gone_on_with_by_another_token() {
    let house = house(&[LOGIN]);
    house.does(Goal::Apply, "1").await;
    let crash = |call: &Call, _: &_| {
        (call.what == "login" && call.host == host("app2")).then_some(Fault::Crash { done: false })
    };
    assert!(house.run(Goal::Apply, "2", crash).await.ending.is_none());
    for name in ["app1", "app2"] {
        house.fleet.change(&host(name), |world| world.registry_password = Some("rotated".to_owned()));
    }
    let house = house.playbook(PASSWORD, "rotated");
    let told = house.take_over(Verb::Resume, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Done, "{}", told.story());
}

#[tokio::test(start_paused = true)]
async fn a_release_is_what_images_are_and_not_who_got_them() {
    let load = "image: { load: app.tar, name: \"my-server:2\" }";
    let id = async |house: &House| house.plan(Goal::Apply, "2").await.unwrap().release;
    let one = house(&[LOGIN, load]);
    let plain = id(&one).await;
    let rotated =
        house(&[LOGIN, load]).playbook(PASSWORD, "rotated").playbook("username: me", "username: you");
    assert_eq!(id(&rotated).await, plain);
    assert_eq!(id(&house(&[load])).await, plain);
    let mut other = house(&[LOGIN, load]);
    other.archives.insert("app.tar".to_owned(), Ok(archive("my-server:2", "5678")));
    assert_ne!(id(&other).await, plain);
}

#[tokio::test(start_paused = true)]
async fn an_archive_is_loaded_where_its_image_lacks() {
    let house = house(&[LOGIN, "image: { load: app.tar, name: \"my-server:2\" }"]);
    house.fleet.change(&host("app1"), |world| {
        world.images.insert("my-server:2".to_owned(), "sha256:1234".to_owned());
    });
    let plan = house.plan(Goal::Apply, "2").await.unwrap();
    let loads: Vec<_> =
        plan.steps().filter(|(_, step)| matches!(step.action, Action::LoadImage(_))).collect();
    assert_eq!(loads.len(), 1, "{loads:?}");
    assert_eq!(*loads[0].0, host("app2"));
    let shown = plan::show(&plan, Show { color: false, diff: false, width: 200 });
    assert!(shown.contains("load my-server:2 from app.tar (123 MB)"), "{shown}");
    assert!(shown.contains("skipped on app1: image (unchanged)"), "{shown}");

    // What is live matches until the archive holds another image.
    let mut house = house;
    house.does(Goal::Apply, "2").await;
    assert!(house.plan(Goal::Apply, "2").await.unwrap().is_empty());
    house.archives.insert("app.tar".to_owned(), Ok(archive("my-server:2", "5678")));
    assert!(!house.plan(Goal::Apply, "2").await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_archive_that_cannot_be_used_is_told_before_any_host_is_asked() {
    let house = house(&["image: { load: \"{{ version }}.tar\", name: \"my-server:{{ version }}\" }"]);
    let mut model = house.model("2");
    assert_eq!(Vec::from_iter(plan::archives(&model).unwrap()), ["2.tar"]);
    model.archives.insert("2.tar".to_owned(), Err("it was cut off".to_owned()));
    let error = plan::check(&model).unwrap_err().to_string();
    assert!(error.contains("2.tar cannot be loaded: it was cut off"), "{error}");
    model.archives.insert("2.tar".to_owned(), Ok(archive("my-server:1", "1234")));
    let error = plan::check(&model).unwrap_err().to_string();
    assert!(error.contains("2.tar does not hold my-server:2; it holds my-server:1"), "{error}");
}

/// Nobody who goes back needs a token, an archive or the version of then.
#[tokio::test(start_paused = true)]
async fn a_rollback_needs_none_of_it() {
    let house = house(&[
        LOGIN,
        "image: { load: app.tar, name: \"my-server:2\" }",
        "image: { pull: \"registry.lab/{{ version }}\" }",
    ]);
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    let mut house = house.playbook(PASSWORD, "\"{{ env 'GONE' }}\"");
    house.archives.clear();
    let mut model = house.model("2");
    model.extra.clear();
    let request = plan::Request { goal: Goal::Rollback, force: false };
    let plan = house.plan_of(request, &model).await.unwrap();
    assert!(plan.steps().all(|(_, step)| !matches!(step.action, Action::Login(_))));
}

#[tokio::test(start_paused = true)]
async fn hosts_that_got_different_images_are_named_before_traffic_moves() {
    let house = house(&[LOGIN, "image: { pull: \"registry.lab/tool:1\" }"]);
    house.does(Goal::Apply, "1").await;
    house.fleet.change(&host("app2"), |world| {
        world.images.clear();
        world.moved.insert("registry.lab/tool:1".to_owned(), "sha256:another".to_owned());
    });
    let told = house.run(Goal::Apply, "2", |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    let why = told.events().find_map(|event| match &event.kind {
        Kind::UndoStarted { why } => Some(why.clone()),
        _ => None,
    });
    let why = why.unwrap();
    assert!(why.contains("did not get the same image"), "{why}");
    assert!(why.contains("registry.lab/tool:1 is sha256:another on app2, "), "{why}");
    assert!(told.calls().all(|call| call.what != "swap"));
}

#[tokio::test(start_paused = true)]
async fn what_only_a_pull_or_a_build_can_tell_is_noted() {
    let pinned = format!("image: {{ pull: \"registry.lab/tool@sha256:{}\" }}", "ab".repeat(32));
    let house = house(&[
        LOGIN,
        "image: { pull: \"registry.lab/tool:1\" }",
        "image: { build: /srv/src, name: \"built:1\", args: { TOKEN: hush } }",
        &pinned,
    ]);
    let plan = house.plan(Goal::Apply, "1").await.unwrap();
    let notes: Vec<&str> = plan.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("only a pull") && notes[1].contains("only a build"), "{notes:?}");
    let json = plan::to_json(&plan).to_string();
    assert!(json.contains("TOKEN") && !json.contains("hush"), "{json}");
    assert!(!plan::seal(&plan, &nothing().key).contains("hush"));
    house.does(Goal::Apply, "1").await;
    let again = house.plan(Goal::Apply, "2").await.unwrap();
    let pulls = again
        .steps()
        .filter(|(_, step)| matches!(&step.action, Action::PullImage { name } if name.contains('@')));
    assert_eq!(pulls.count(), 0, "what is pinned and there is not pulled again");
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_not_set_is_told_before_any_host_is_asked() {
    let house = house(&[LOGIN]).playbook("hunter2-is-it", "\"\"");
    match house.plan(Goal::Apply, "1").await {
        Err(Blocked::Wrong(problems)) => {
            assert!(problems.to_string().contains("is the variable set"), "{problems}");
        }
        other => panic!("{other:?}"),
    }
}
