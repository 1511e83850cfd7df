//! What a plan says for a fleet in a given state.

use bgctl::model::{Action, Color, Pattern, ReleaseId};
use bgctl::plan::{Blocked, Goal, Plan, Request, Undo};
use bgctl::remote::fake::{File, World};

use super::house::{House, LINK, host};
use super::scenario::serve_blue;

const APPLY: Request = Request { goal: Goal::Apply, force: false };

/// What a person or a failure does to a host.
type Drift = fn(&mut World);

/// A house with version 1 live on blue.
async fn lived_in() -> House {
    let house = House::new(2);
    house.does(Goal::Apply, "1").await;
    house
}

/// Host and name of every step.
fn steps(plan: &Plan) -> Vec<String> {
    plan.steps().map(|(host, step)| format!("{host}: {}", step.name)).collect()
}

/// Names of tasks that need nothing done on a host, and why.
fn skipped(plan: &Plan, name: &str) -> Vec<String> {
    let lanes = plan.waves.iter().flat_map(|wave| &wave.lanes).filter(|lane| lane.host == host(name));
    lanes.flat_map(|lane| &lane.skipped).map(|skipped| format!("{}: {}", skipped.name, skipped.why)).collect()
}

fn refusal(result: Result<Plan, Blocked>) -> String {
    match result {
        Err(Blocked::NotReady { what, details, .. }) => format!("{what} {}", details.join(" ")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_deploy_in_full() {
    let plan = lived_in().await.plan(Goal::Apply, "2").await.unwrap();
    assert_eq!((plan.live, plan.target), (Some(Color::Blue), Color::Green));
    assert_eq!(
        steps(&plan),
        [
            "app1: Compose file",
            "app1: Recreate green",
            "app1: Answers for itself",
            "app2: Compose file",
            "app2: Recreate green",
            "app2: Answers for itself",
            "lb1: Answers to the load balancers: app1",
            "lb1: Answers to the load balancers: app2",
            "lb2: Answers to the load balancers: app1",
            "lb2: Answers to the load balancers: app2",
            "app1: Same release everywhere",
            "app2: Same release everywhere",
            "lb1: Test the whole configuration",
            "lb2: Test the whole configuration",
            "lb1: Site of green",
            "lb1: Switch to green",
            "lb2: Site of green",
            "lb2: Switch to green",
            "lb1: Verify that green is served",
            "lb2: Verify that green is served",
            "lb1: Confirm the switch",
            "lb2: Confirm the switch",
            "app1: Keep the release",
            "app2: Keep the release",
            "lb1: Keep the release",
            "lb2: Keep the release",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn drift_of_any_kind_is_a_change() {
    let compose = "/srv/my-server/blue/compose.yml";
    let drifts: [(&str, &str, Drift); 6] = [
        ("app1", "container stopped", |world| {
            world.projects.get_mut("my-server-blue").unwrap().running = false;
        }),
        ("app2", "container gone", |world| {
            world.projects.clear();
        }),
        ("app1", "file edited", |world| {
            world.files.get_mut("/srv/my-server/blue/compose.yml").unwrap().content.push(b'#');
        }),
        ("app2", "mode changed", |world| {
            world.files.get_mut("/srv/my-server/blue/compose.yml").unwrap().mode = "0644".to_owned();
        }),
        ("lb1", "site edited", |world| {
            world.files.get_mut("/etc/nginx/sites-available/my-server-blue.conf").unwrap().content.push(b'#');
        }),
        ("lb2", "link edited", |world| {
            world.links.insert(LINK.to_owned(), "/etc/nginx/sites-available/default".to_owned());
        }),
    ];
    assert!(lived_in().await.fleet.worlds()[&host("app1")].files.contains_key(compose));
    for (name, what, drift) in drifts {
        let house = lived_in().await;
        assert!(house.plan(Goal::Apply, "1").await.unwrap().is_empty(), "before: {what}");
        house.fleet.change(&host(name), drift);
        assert!(!house.plan(Goal::Apply, "1").await.unwrap().is_empty(), "{what} on {name}");
    }
}

#[tokio::test(start_paused = true)]
async fn force_deploys_what_matches() {
    let house = lived_in().await;
    let model = house.model("1");
    assert!(house.plan_of(APPLY, &model).await.unwrap().is_empty());
    let forced = house.plan_of(Request { force: true, ..APPLY }, &model).await.unwrap();
    assert_eq!((forced.target, forced.counts().recreate, forced.counts().switch), (Color::Green, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn load_balancers_that_disagree_are_a_persons_affair() {
    let house = lived_in().await;
    house.does(Goal::Apply, "2").await;
    house.fleet.change(&host("lb2"), serve_blue);
    for goal in [Goal::Apply, Goal::Rollback, Goal::Retire] {
        let Err(Blocked::Disagree(standings)) = house.plan(goal, "3").await else { panic!("{goal:?}") };
        let served: Vec<_> = standings.iter().map(|standing| standing.served).collect();
        assert_eq!(served, [Some(Color::Green), Some(Color::Blue)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_stages_some_hosts_and_switches_only_when_the_others_match() {
    let house = lived_in().await;
    let limited = |limit: &str| {
        let mut model = house.model("2");
        model.limit = Some(Pattern::parse(limit).unwrap());
        model
    };
    let stage = Request { goal: Goal::Stage, force: false };
    let plan = house.plan_of(stage, &limited("app1")).await.unwrap();
    assert!(steps(&plan).iter().all(|step| step.contains("app1")), "{:?}", steps(&plan));
    let text = refusal(house.plan_of(APPLY, &limited("app1")).await);
    assert!(text.contains("leaves out a load balancer"), "{text}");
    let text = refusal(house.plan_of(APPLY, &limited("app1,load_balancers")).await);
    assert!(text.contains("outside --limit") && text.contains("app2: "), "{text}");
    house.does(Goal::Stage, "2").await;
    let plan = house.plan_of(APPLY, &limited("app1,load_balancers")).await.unwrap();
    let outside: Vec<String> = steps(&plan).into_iter().filter(|step| step.starts_with("app2")).collect();
    let all = ["app2: Answers for itself", "app2: Same release everywhere", "app2: Keep the release"];
    assert_eq!(outside, all, "it gets traffic, so it must be well");
    let rollback = Request { goal: Goal::Rollback, force: false };
    assert!(refusal(house.plan_of(rollback, &limited("lb1")).await).contains("as a whole"));
}

#[tokio::test(start_paused = true)]
async fn when_run_once_and_creates_decide_while_planning() {
    let tasks = r#"- name: Never
        command: { argv: ["true"] }
        when: (eq color "purple")
      - name: Once
        command: { argv: ["migrate"] }
        run_once: true
      - name: Already there
        command: { argv: ["make", "it"], creates: /srv/made }
      - name: Compose file"#;
    let house = House::new(1).playbook("- name: Compose file", tasks);
    house.fleet.change(&host("app2"), |world| {
        let [mode, owner, group] = ["0644", "root", "root"].map(str::to_owned);
        world.files.insert("/srv/made".to_owned(), File { content: Vec::new(), mode, owner, group });
    });
    let plan = house.plan(Goal::Apply, "1").await.unwrap();
    let commands: Vec<String> = plan
        .steps()
        .filter(|(_, step)| matches!(step.action, Action::Run(_)))
        .map(|(host, step)| format!("{host}: {}", step.name))
        .collect();
    assert_eq!(commands, ["app1: Once", "app1: Already there"]);
    assert_eq!(
        skipped(&plan, "app2"),
        [
            r#"Never: when (eq color "purple") does not hold"#,
            "Once: run once, on another host",
            "Already there: /srv/made exists",
            "Keep the old color for an instant rollback: there is no old color yet",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn who_a_step_becomes_is_said_by_the_task_then_the_play_then_the_host() {
    let house = House::new(1)
        .playbook("    serial: 100%", "    become_user: deploy")
        .playbook("      - name: Recreate {{ color }}", "      - name: Recreate {{ color }}\n        become: false")
        .playbook("      - name: Answers for itself", "      - name: Answers for itself\n        become: true\n        become_user: \"app-{{ color }}\"");
    let mut model = house.model("1");
    model.escalations = model.inventory.hosts().iter().map(|host| (host.clone(), None)).collect();
    model.escalations.insert(host("app1"), Some("root".to_owned()));
    let plan = house.plan_of(APPLY, &model).await.unwrap();
    let of = |name: &str| -> Vec<Option<String>> {
        plan.steps().filter(|(at, _)| **at == host(name)).map(|(_, step)| step.escalate.clone()).collect()
    };
    let some = |user: &str| Some(user.to_owned());
    assert_eq!(of("app1"), [some("deploy"), None, some("app-blue"), some("deploy"), some("deploy")]);
    assert_eq!(of("app2"), [None, None, some("app-blue"), None, None], "become_user alone escalates nobody");
    assert!(of("lb1").iter().all(Option::is_none), "{:?}", of("lb1"));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_as_it_should_be_is_left_alone() {
    let house = lived_in().await;
    house.does(Goal::Stage, "2").await;
    let plan = house.plan(Goal::Apply, "2").await.unwrap();
    assert_eq!(skipped(&plan, "app1")[0], "Compose file: unchanged");
    assert!(!steps(&plan).contains(&"app1: Compose file".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_folder_in_a_files_place_is_refused() {
    let house = lived_in().await;
    house.fleet.change(&host("app2"), |world| {
        world.folders.insert("/srv/my-server/green/compose.yml".to_owned());
    });
    let text = refusal(house.plan(Goal::Apply, "2").await);
    assert!(text.contains("app2: /srv/my-server/green/compose.yml cannot be replaced"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_file_goes_back_to_its_content_or_away_with_the_folders_that_lacked() {
    let house = lived_in().await;
    let undo_of_file = |plan: &Plan| {
        let step = plan.steps().find(|(_, step)| step.name == "Compose file").unwrap().1;
        step.undo.clone()
    };
    let plan = house.plan(Goal::Apply, "2").await.unwrap();
    let Undo::Reverse(Action::RemoveFile { folders, .. }) = undo_of_file(&plan) else { panic!("{plan:?}") };
    assert_eq!(folders, ["/srv/my-server/green"]);
    house.does(Goal::Apply, "2").await;
    let plan = house.plan(Goal::Apply, "3").await.unwrap();
    let Undo::Reverse(Action::RestoreFile { path, kept }) = undo_of_file(&plan) else { panic!("{plan:?}") };
    assert_eq!(
        (path.as_str(), kept.as_str()),
        (
            "/srv/my-server/blue/compose.yml",
            "/var/lib/bgctl/my-server/undo/350300a04789c45b.compose.yml.run of 3.bgctl"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_release_is_named_by_what_it_renders_on_either_color() {
    let house = House::new(1);
    let release = |plan: Plan| -> ReleaseId { plan.release };
    let first = release(house.plan(Goal::Apply, "1").await.unwrap());
    house.does(Goal::Apply, "1").await;
    assert_eq!(release(house.plan(Goal::Apply, "1").await.unwrap()), first, "the color does not matter");
    assert_ne!(release(house.plan(Goal::Apply, "2").await.unwrap()), first);
}

#[tokio::test(start_paused = true)]
async fn what_is_retired_already_is_not_retired_again() {
    let house = lived_in().await;
    house.does(Goal::Apply, "2").await;
    assert!(!house.plan(Goal::Retire, "2").await.unwrap().is_empty());
    house.does(Goal::Retire, "2").await;
    assert!(!house.fleet.worlds()[&host("app1")].projects["my-server-blue"].running);
    let again = house.plan(Goal::Retire, "2").await.unwrap();
    assert!(again.is_empty(), "{:?}", steps(&again));
}

#[tokio::test(start_paused = true)]
async fn tags_that_only_a_pull_could_tell_of_are_noted_once() {
    let house = House::new(1).playbook("compose: {", "compose: { pull: always,");
    for goal in [Goal::Apply, Goal::Stage] {
        let plan = house.plan(goal, "1").await.unwrap();
        let notes = plan.notes.iter().filter(|note| note.text.contains("tags may have moved")).count();
        assert_eq!(notes, 1, "{:?}", plan.notes);
    }
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    let back = house.plan(Goal::Rollback, "2").await.unwrap();
    assert!(back.notes.iter().all(|note| !note.text.contains("tags may have moved")), "{:?}", back.notes);
}
