//! Releases that hosts keep, and the way back to one of them.

use bgctl::event::{Kind, Outcome};
use bgctl::model::{Action, BadKept, Color};
use bgctl::plan::{self, Blocked, Goal, Phase, Plan, Request};
use bgctl::remote::fake::Fault;

use super::house::{House, host, nothing};

const FOLDER: &str = "/var/lib/bgctl/my-server/releases";

async fn lived_in(house: House, versions: &[&str]) -> House {
    for version in versions {
        house.does(Goal::Apply, version).await;
    }
    house
}

/// How many releases a host keeps.
fn kept_on(house: &House, name: &str) -> usize {
    house.fleet.worlds()[&host(name)].kept.keys().filter(|path| path.starts_with(FOLDER)).count()
}

fn image(house: &House, on: &str, color: Color) -> String {
    house.fleet.worlds()[&host(on)].projects[&format!("my-server-{color}")].image.clone()
}

fn refusal(result: Result<Plan, Blocked>) -> String {
    match result {
        Err(Blocked::NotReady { what, details, .. }) => format!("{what} {}", details.join(" ")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_host_keeps_what_was_rendered_for_it_for_both_colors() {
    let house = lived_in(House::new(1), &["1"]).await;
    let kept = house.kept("1");
    assert_eq!(kept.hosts.len(), 3);
    for color in Color::BOTH {
        let side = &kept.hosts[&host("app2")].sides[&color];
        let [file, compose] = side.steps.as_slice() else { panic!("{side:?}") };
        let Action::PutFile(file) = &file.action else { panic!("{file:?}") };
        assert_eq!(file.path, format!("/srv/my-server/{color}/compose.yml"));
        assert!(matches!(compose.action, Action::ComposeUp(_)));
        let site = kept.hosts[&host("lb1")].sides[&color].site.clone().unwrap();
        assert!(site.contains(&format!("X-Color {color}")), "{site}");
    }
    let record = house.record().unwrap();
    assert_eq!(record.went_live[&Color::Blue].release, kept.release);
}

#[tokio::test(start_paused = true)]
async fn a_kept_release_comes_back_exactly_as_it_was_rendered() {
    let house = lived_in(House::new(2), &["1", "2", "3"]).await;
    let kept = house.kept("1");
    // Whatever the files of now would make: only what was kept counts.
    let house = house.playbook("mode: \"0640\"", "mode: \"0600\"");
    let told = house.does(Goal::Restage, "1").await;
    assert_eq!(told.ending().live, Some(Color::Green));
    for on in ["app1", "app2"] {
        assert_eq!(image(&house, on, Color::Green), "my-server:1");
        let world = &house.fleet.worlds()[&host(on)];
        assert_eq!(world.files["/srv/my-server/green/compose.yml"].mode, "0640");
        assert_eq!(image(&house, on, Color::Blue), "my-server:3", "it was live, and stays");
    }
    let record = house.record().unwrap();
    assert_eq!(record.went_live[&Color::Green].release, kept.release);
    assert_eq!(record.staged, None);
    // And back again, by a flip.
    house.does(Goal::Rollback, "3").await;
    assert_eq!(house.serves(&host("lb1")), Ok(Color::Blue));
}

#[tokio::test(start_paused = true)]
async fn a_kept_release_passes_all_gates() {
    let house = lived_in(House::new(1), &["1", "2", "3"]).await;
    let ready = house.ready(Goal::Restage, "1").await;
    let names: Vec<&str> = ready.plan.waves.iter().map(|wave| wave.name.as_str()).collect();
    let release = &ready.plan.release;
    assert_eq!(
        names[..5],
        [
            format!("Stage release {release} again").as_str(),
            "green answers for itself",
            "green answers to the load balancers",
            "Compare the app servers",
            "Test the new site"
        ]
    );
    assert!(ready.plan.waves.iter().all(|wave| wave.phase != Phase::Settle));
    house.fleet.change(&host("app2"), |world| {
        world.moved.insert("my-server:1".to_owned(), "sha256:another".to_owned());
    });
    let told = house.carry_out(&ready, |_, _| None).await;
    assert_eq!(told.ending().outcome, Outcome::Undone, "{}", told.story());
    assert_eq!(house.serves(&host("lb1")), Ok(Color::Blue));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_come_back_is_refused() {
    let house = lived_in(House::new(1), &["1", "2", "3"]).await;
    let model = house.model("3");
    let request = Request { goal: Goal::Restage, force: false };
    let plan_of = |kept| async {
        let mut observed = house.observe(&model).await;
        observed.kept = kept;
        plan::build(request, &model, &observed, &[])
    };
    let text = refusal(plan_of(Some(house.kept("3"))).await);
    assert!(text.contains("is live already, on blue"), "{text}");
    let mut fewer = house.kept("1");
    fewer.hosts.remove(&host("app2"));
    assert!(refusal(plan_of(Some(fewer)).await).contains("app2 does not keep it"));
    let mut others = house.kept("1");
    others.hosts.get_mut(&host("lb1")).unwrap().servers.pop();
    assert!(refusal(plan_of(Some(others)).await).contains("lb1: its app servers were app1"));
}

#[tokio::test(start_paused = true)]
async fn only_older_releases_go_and_never_one_that_a_rollback_needs() {
    let house = House::new(1).playbook("name: my-server\n", "name: my-server\nkeep_releases: 2\n");
    let house = lived_in(house, &["1", "2", "3"]).await;
    assert_eq!((kept_on(&house, "app1"), kept_on(&house, "lb1")), (2, 2));
    house.kept("2");
    house.kept("3");

    let house = House::new(1).playbook("name: my-server\n", "name: my-server\nkeep_releases: 1\n");
    let house = lived_in(house, &["1", "2", "3"]).await;
    assert_eq!(kept_on(&house, "app1"), 2, "the live one, and the one that a rollback goes to");
    house.kept("2");

    let house = House::new(1).playbook("name: my-server\n", "name: my-server\nkeep_releases: 0\n");
    let house = lived_in(house, &["1", "2"]).await;
    assert_eq!(kept_on(&house, "app1"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_cannot_keep_it_is_named_and_the_run_is_done() {
    let house = lived_in(House::new(1), &["1"]).await;
    let told = house
        .run(Goal::Apply, "2", |call, _| {
            (call.what == "keep" && call.host == host("app2")).then_some(Fault::Before)
        })
        .await;
    assert_eq!(told.ending().outcome, Outcome::Done, "{}", told.story());
    let failed: Vec<_> =
        told.events().filter(|event| matches!(event.kind, Kind::Failed { ignored: true, .. })).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].host, Some(host("app2")));
    assert_eq!((kept_on(&house, "app1"), kept_on(&house, "app2")), (2, 1));
}

/// Contents never stand in a plan that is shown or kept elsewhere.
#[tokio::test(start_paused = true)]
async fn what_is_kept_is_not_shown() {
    let hidden = r#"- name: Secret
        copy: { content: "hunter2", dest: "/srv/{{ app }}/{{ color }}/secret" }
        no_log: true
      - name: Compose file"#;
    let house = House::new(1).playbook("- name: Compose file", hidden);
    let plan = house.plan(Goal::Apply, "1").await.unwrap();
    let base64 = "aHVudGVyMg";
    for text in [plan::to_json(&plan).to_string(), plan::seal(&plan, &nothing().key)] {
        assert!(!text.contains("hunter2") && !text.contains(base64), "{text}");
    }
}

const SECRET: &str = "        environment: { TOKEN: hunter2, TAG: \"{{ version }}\" }\n        compose: {";

/// Environments may hold secrets: hosts keep their hashes, and who goes back gives what they were made of.
#[tokio::test(start_paused = true)]
async fn no_environment_is_kept_in_the_clear() {
    let house = lived_in(House::new(1).playbook("        compose: {", SECRET), &["1", "2", "3"]).await;
    for world in house.fleet.worlds().values() {
        for (path, (_, text)) in &world.kept {
            assert!(!text.contains("hunter2") && !text.contains("TOKEN"), "{path}: {text}");
        }
    }
    let kept = house.kept("1");
    let step = &kept.hosts[&host("app1")].sides[&Color::Green].steps[1];
    let Action::ComposeUp(up) = &step.action else { panic!("{step:?}") };
    assert_eq!(up.project.env[0], ("TOKEN".to_owned(), "hunter2".to_owned()));
    let told = house.does(Goal::Restage, "1").await;
    assert_eq!(told.ending().live, Some(Color::Green));
    // Another version, or another secret, is another environment.
    let texts = house.kept_texts(&kept.release);
    let model = house.model("2");
    let bad = plan::open_kept(&kept.release, &texts, &model, &nothing()).unwrap_err();
    assert_eq!(bad.len(), 2, "{bad:?}");
    assert!(bad.iter().all(|(_, why)| *why == BadKept::OtherEnvironment), "{bad:?}");
}

/// What an app server keeps is what was kept there, as load balancers know: who may write there does not decide.
#[tokio::test(start_paused = true)]
async fn what_somebody_changed_in_a_kept_release_is_refused() {
    let house = lived_in(House::new(2), &["1", "2", "3"]).await;
    let release = house.kept("1").release;
    let honest = house.kept_texts(&release);
    let model = house.model("1");
    let open = |texts: &_| plan::open_kept(&release, texts, &model, &nothing());
    assert_eq!(open(&honest).unwrap().hosts.len(), 4);
    let mut forged = honest.clone();
    let text = forged.get_mut(&host("app1")).unwrap();
    *text = text.replace("\"no_log\":false", "\"no_log\":true");
    let bad = open(&forged).unwrap_err();
    assert!(bad.iter().all(|(on, _)| *on == host("app1")), "{bad:?}");
    assert_eq!(bad.len(), 2, "both load balancers know: {bad:?}");
    for lie in ["", "{", "{\"format\":9}", "null"] {
        forged.insert(host("app1"), lie.to_owned());
        assert!(open(&forged).is_err(), "{lie}");
    }
}

/// A kept step is done again where the playbook of now does the same thing, as the same user, and no further.
#[tokio::test(start_paused = true)]
async fn a_kept_release_makes_nothing_that_the_playbook_does_not() {
    let house = lived_in(House::new(1), &["1", "2", "3"]).await;
    let model = house.model("3");
    let request = Request { goal: Goal::Restage, force: false };
    let forge = |change: &dyn Fn(&mut bgctl::model::KeptStep)| {
        let mut kept = house.kept("1");
        let app1 = kept.hosts.get_mut(&host("app1")).unwrap();
        app1.sides.get_mut(&Color::Green).unwrap().steps.iter_mut().for_each(change);
        kept
    };
    let file = |step: &mut bgctl::model::KeptStep, change: &dyn Fn(&mut bgctl::model::PutFile)| {
        if let Action::PutFile(file) = &mut step.action {
            change(file);
        }
    };
    let up = |step: &mut bgctl::model::KeptStep, change: &dyn Fn(&mut bgctl::model::ComposeUp)| {
        if let Action::ComposeUp(up) = &mut step.action {
            change(up);
        }
    };
    let forgeries: [&dyn Fn(&mut bgctl::model::KeptStep); 9] = [
        &|step| step.escalate = Some("root".to_owned()),
        &|step| file(step, &|file| file.path = "/etc/cron.d/x".to_owned()),
        &|step| file(step, &|file| file.validate = Some("id".to_owned())),
        &|step| file(step, &|file| file.mode = Some("4755".to_owned())),
        &|step| file(step, &|file| file.owner = Some("root".to_owned())),
        &|step| up(step, &|up| up.project.dir = "/tmp".to_owned()),
        &|step| up(step, &|up| up.project.name = "my-server-blue".to_owned()),
        &|step| up(step, &|up| up.services = vec!["--file=/tmp/x".to_owned()]),
        &|step| up(step, &|up| up.env_file = Some("/etc/shadow".to_owned())),
    ];
    for (index, forgery) in forgeries.into_iter().enumerate() {
        let mut observed = house.observe(&model).await;
        observed.kept = Some(forge(forgery));
        let text = refusal(plan::build(request, &model, &observed, &[]));
        assert!(
            text.contains("has tasks that this playbook has not") && text.contains("app1: "),
            "{index}: {text}"
        );
    }
    let mut observed = house.observe(&model).await;
    observed.kept = Some(forge(&|_| {}));
    assert!(plan::build(request, &model, &observed, &[]).is_ok());
}
