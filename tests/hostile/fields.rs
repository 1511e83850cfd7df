//! Every fact, and where it may go: a table that breaks the build where a fact is added, and markers that prove it.

use bgctl::facts::{
    Armed, Container, DeadMan, DeadManResult, Detected, Facts, File, Link, Nginx, Owner, Post, Records,
};
use bgctl::model::{Color, Compose, HostName, Image};
use bgctl::plan::{self, Goal, Model, Plan, Request};
use serde_json::json;

use super::answers;
use super::house::{House, host};

/// Where a fact may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Into steps of its own host.
    Home,
    /// It is compared: with what is wished for there, or with what others tell.
    Compared,
    /// Of a load balancer: which color is live there.
    Traffic,
    /// Before people, as text.
    Shown,
}

/// What stands in for whatever a host could say.
const MARK: &str = "m4rker";

/// A fact, where it may go, and how it is filled with the marker.
type Row = (&'static str, &'static [Use], fn(&mut Facts));

fn table(facts: &Facts) -> Vec<Row> {
    // A new fact is not known here: say where it may go, in the table beneath.
    let Facts {
        system: _,
        files: _,
        existing: _,
        docker: _,
        compose: _,
        images: _,
        containers: _,
        nginx: _,
        detected: _,
        records:
            Records { holder: _, last_run: _, plan: _, history: _, armed: _, dead_man: _, closed: _, key: _ },
        kept: _,
        trouble: _,
    } = facts;
    vec![
        ("system", &[Use::Home], |facts| {
            facts.system.values_mut().for_each(|value| MARK.clone_into(value));
        }),
        ("files", &[Use::Home, Use::Compared, Use::Traffic], |facts| facts.files.values_mut().for_each(fill)),
        ("existing", &[Use::Compared], |facts| facts.existing = [MARK.to_owned()].into()),
        ("docker", &[Use::Home], |facts| facts.docker = Some(MARK.to_owned())),
        // One of three words, by which its own compose is called.
        ("compose", &[Use::Home], |facts| facts.compose = Some(Compose::Podman)),
        ("images", &[Use::Compared], |facts| {
            let marks = || [MARK.to_owned()].into();
            let image = Image { ids: marks(), digests: marks(), names: marks() };
            facts.images.values_mut().for_each(|value| *value = image.clone());
            facts.images.insert(MARK.to_owned(), image);
        }),
        ("containers", &[Use::Compared, Use::Shown], |facts| {
            facts.containers.iter_mut().for_each(mark_container);
        }),
        // Its link is what its own swap finds there.
        ("nginx", &[Use::Home, Use::Traffic], |facts| {
            if facts.nginx.is_some() {
                let link = Link::To(MARK.to_owned());
                facts.nginx = Some(Nginx { version: MARK.to_owned(), master: Some(u32::MAX), link });
            }
        }),
        ("detected", &[Use::Traffic, Use::Shown], |facts| {
            facts.detected = Some(Detected { status: i32::MAX, said: MARK.to_owned() });
        }),
        ("records.holder", &[Use::Shown], |facts| facts.records.holder = Some(MARK.to_owned())),
        ("records.closed", &[Use::Shown], |facts| facts.records.closed = Some(MARK.to_owned())),
        ("records.last_run", &[Use::Compared, Use::Shown], |facts| {
            facts.records.last_run =
                facts.records.last_run.as_ref().map(|text| text.replace("me@here", MARK));
        }),
        ("records.plan", &[Use::Compared], |facts| facts.records.plan = Some(MARK.to_owned())),
        ("records.history", &[Use::Shown], |facts| facts.records.history = vec![MARK.to_owned()]),
        ("records.armed", &[Use::Shown], |facts| {
            facts.records.armed = Some(Armed {
                post: Post::Lost,
                left: i64::MAX,
                run: MARK.to_owned(),
                time: MARK.to_owned(),
                from: Some(MARK.to_owned()),
                to: Some(MARK.to_owned()),
            });
        }),
        ("records.dead_man", &[Use::Shown], |facts| {
            facts.records.dead_man = Some(DeadMan {
                time: MARK.to_owned(),
                run: MARK.to_owned(),
                link: MARK.to_owned(),
                back: Some(MARK.to_owned()),
                switched_to: Some(MARK.to_owned()),
                waited_ms: u64::MAX,
                result: DeadManResult::Stuck,
                said: MARK.to_owned(),
            });
        }),
        // Hashes are made with it, of which releases have their ids; two load balancers must have the same.
        ("records.key", &[Use::Compared], |facts| facts.records.key = "ab".repeat(32).parse().ok()),
        // An id of twelve digits, which whoever asks for a kept release names in full or in part.
        ("kept", &[Use::Compared, Use::Shown], |facts| {
            facts.kept = vec![("0ddba110ddba".parse().unwrap(), i64::MAX)];
        }),
        ("trouble", &[Use::Shown], |facts| facts.trouble = vec![MARK.to_owned()]),
    ]
}

fn fill(file: &mut File) {
    let owner = || Owner { name: MARK.to_owned(), id: MARK.to_owned() };
    let (mode, content) = ("0777".to_owned(), MARK.as_bytes().to_vec());
    *file = match file {
        File::Present { .. } => File::Present { mode, owner: owner(), group: owner(), content },
        File::Missing { .. } => File::Missing { folders: vec![MARK.to_owned()] },
        File::Odd(_) => File::Odd(MARK.to_owned()),
    };
}

fn mark_container(container: &mut Container) {
    let Container { project: _, service, image, image_id, tag_id, state, health } = container;
    for text in [service, image, image_id, state] {
        MARK.clone_into(text);
    }
    (*tag_id, *health) = (Some(MARK.to_owned()), Some(MARK.to_owned()));
}

/// The lanes of a host, or of all others, as text; what a file held is its host's.
fn lanes(plan: &Plan, of: impl Fn(&HostName) -> bool) -> String {
    let lanes = plan.waves.iter().flat_map(|wave| wave.lanes.iter().map(move |lane| (wave, lane)));
    let lanes = lanes.filter(|(_, lane)| of(&lane.host));
    let texts = lanes.map(|(wave, lane)| {
        let texts: Vec<&String> = lane.steps.iter().filter_map(|step| step.before.as_ref()).collect();
        let contents = lane.steps.iter().map(|step| match &step.action {
            bgctl::model::Action::PutFile(file) => String::from_utf8_lossy(&file.content).into_owned(),
            _ => String::new(),
        });
        json!([wave.name, lane, texts, contents.collect::<Vec<_>>()]).to_string()
    });
    texts.collect::<Vec<_>>().concat()
}

/// Each fact of a host is a marker, for each goal: it turns up in no step of another host.
async fn prove(house: &House, model: &Model, liar: &str, goals: &[Goal], at_home: &mut Vec<&'static str>) {
    let (observed, liar) = (house.observe(model).await, host(liar));
    let mut planned = 0;
    for (name, uses, fill) in table(&observed.hosts[&liar]) {
        let mut observed = observed.clone();
        fill(observed.hosts.get_mut(&liar).unwrap());
        for goal in goals {
            for force in if *goal == Goal::Apply { [false, true].as_slice() } else { &[false] } {
                let force = *force;
                let Ok(plan) = plan::build(Request { goal: *goal, force }, model, &observed, &[]) else {
                    continue;
                };
                planned += 1;
                let (own, others) = (lanes(&plan, |host| *host == liar), lanes(&plan, |host| *host != liar));
                for mark in [MARK, "podman", "0ddba110ddba"] {
                    assert!(!others.contains(mark), "{name} of {liar} comes to others ({goal:?}): {others}");
                    if own.contains(mark) {
                        assert!(
                            uses.contains(&Use::Home),
                            "{name} of {liar} comes into its steps ({goal:?}): {own}"
                        );
                        at_home.push(name);
                    }
                }
            }
        }
    }
    assert!(planned > 10, "{planned}");
}

#[tokio::test(start_paused = true)]
async fn what_a_host_says_of_itself_comes_to_no_other() {
    let goals = [Goal::Apply, Goal::Stage, Goal::Rollback, Goal::Retire, Goal::Switch(Color::Blue)];
    let house = answers::house(2).await;
    let mut at_home = Vec::new();
    prove(&house, &house.model("3"), "app1", &goals, &mut at_home).await;
    prove(&house, &house.model("3"), "lb1", &[Goal::Apply, Goal::Rollback], &mut at_home).await;
    house.does(Goal::Stage, "3").await;
    prove(&house, &house.model("3"), "app1", &[Goal::Promote], &mut at_home).await;
    // What the table allows is what happens.
    for name in ["system", "files", "docker", "compose", "nginx"] {
        assert!(at_home.contains(&name), "{name} came nowhere: {at_home:?}");
    }
}

/// Where load balancers reach a host, and what they ask of it, is not for the host to say.
#[tokio::test(start_paused = true)]
async fn no_host_says_where_traffic_goes() {
    let at = "http://{{ address }}:{{ port }}/health\", from";
    for (from, to) in [
        ("18080 }", "18080, bgctl_address: \"{{ facts.hostname }}\" }"),
        ("port: 18080", "port: \"{{ facts.hostname }}\""),
        (at, "http://{{ facts.hostname }}:{{ port }}/health\", from"),
        (at, "http://{{ address }}:{{ port }}/{{ facts.os }}\", from"),
        ("name: Answers to the load balancers", "name: \"{{ facts.hostname }} answers\""),
    ] {
        let house = House::new(1).playbook(from, to);
        let model = house.model("1");
        let refused = plan::check(&model).and_then(|()| plan::questions(&model).map(drop)).unwrap_err();
        assert!(refused.to_string().contains("facts."), "{to}: {refused}");
    }
}
