use std::path::Path;
use std::sync::Arc;

use crate::facts::{Container, Detected, Facts, File, Link, Nginx, Observed, Owner, Served};
use crate::model::source::Source;
use crate::model::{Action, Color, Draining, Files, HostName, Inventory, Playbook, Vars};
use crate::plan::{Blocked, Goal, Model, Request, build, kept};

const INVENTORY: &str =
    "all: { children: { load_balancers: { hosts: { lb1: } }, app_servers: { hosts: { app1: } } } }";

/// The shipped templates, as the command reads them.
struct Shipped;

impl Files for Shipped {
    fn template(&self, name: &str) -> Result<Arc<Source>, String> {
        match name {
            "site.conf.hbs" => Ok(Source::new(name, include_str!("../../../../templates/site.conf.hbs"))),
            _ => Ok(Source::new(name, include_str!("../../../../templates/compose.yml.hbs"))),
        }
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, String> {
        Err(name.to_owned())
    }
}

fn model() -> Model {
    let inventory = Inventory::parse(&[Source::new("inventory", INVENTORY)], Path::new("/"), &Vars::new());
    let playbook = Source::new("playbook", include_str!("../../../../playbooks/blue-green.yml"));
    let playbook = Playbook::parse(&playbook, &Shipped).unwrap();
    let (extra, escalations) = (Vars::new(), std::collections::BTreeMap::new());
    Model {
        inventory: inventory.unwrap(),
        playbook,
        extra,
        limit: None,
        escalations,
        run: "run".to_owned(),
        archives: std::collections::BTreeMap::new(),
    }
}

fn host(name: &str) -> HostName {
    name.parse().unwrap()
}

fn file(content: &str) -> File {
    let root = || Owner { name: "root".to_owned(), id: "0".to_owned() };
    File::Present { mode: "0640".to_owned(), owner: root(), group: root(), content: content.into() }
}

/// Green is live; what there is of blue on the app server is the test's.
fn observed(compose_file: File, state: Option<&str>) -> Observed {
    let site = |color: &str| format!("/etc/nginx/sites-available/my-server-{color}.conf");
    let nginx = Nginx { version: "1.26".to_owned(), master: Some(7), link: Link::To(site("green")) };
    let files = [(site("blue"), file("blue")), (site("green"), file("green"))].into();
    let balancer = Facts { nginx: Some(nginx), files, ..Facts::default() };
    let container = |state: &str| Container {
        project: "my-server-blue".to_owned(),
        service: "web".to_owned(),
        image: "my-server:1".to_owned(),
        image_id: "sha256:1".to_owned(),
        tag_id: None,
        state: state.to_owned(),
        health: None,
    };
    let server = Facts {
        docker: Some("26".to_owned()),
        compose: Some(crate::model::Compose::V2),
        files: [("/srv/my-server/blue/compose.yml".to_owned(), compose_file)].into(),
        containers: state.map(container).into_iter().collect(),
        ..Facts::default()
    };
    Observed {
        key: crate::model::Key::default(),
        hosts: [(host("lb1"), balancer), (host("app1"), server)].into(),
        served: [(host("lb1"), Served::Color(Color::Green))].into(),
        kept: None,
    }
}

/// What is done on the app server.
fn done(goal: Goal, observed: &Observed) -> Result<Vec<(String, Action)>, Blocked> {
    let plan = build(Request { goal, force: false }, &model(), observed, &[])?;
    let on_it = plan.steps().filter(|(host, _)| host.as_str() == "app1");
    Ok(on_it.map(|(_, step)| (step.name.clone(), step.action.clone())).collect())
}

fn way_back(observed: &Observed) -> Result<Vec<Action>, Blocked> {
    Ok(done(Goal::Rollback, observed)?.into_iter().map(|(_, action)| action).collect())
}

#[test]
fn a_color_that_runs_only_answers_for_itself_before_a_rollback() {
    let actions = way_back(&observed(file("services: {}"), Some("running"))).unwrap();
    assert!(matches!(actions.as_slice(), [Action::Check(_), Action::Fingerprint(_)]), "{actions:?}");
}

#[test]
fn a_color_that_was_stopped_is_started_first() {
    let actions = way_back(&observed(file("services: {}"), Some("exited"))).unwrap();
    assert!(
        matches!(actions.as_slice(), [Action::ComposeStart(_), Action::Check(_), Action::Fingerprint(_)]),
        "{actions:?}"
    );
}

#[test]
fn a_color_that_made_room_for_a_release_that_failed_is_brought_up_from_its_files() {
    let after_a_failure = observed(file("services: {}"), None);
    let actions = way_back(&after_a_failure).unwrap();
    assert!(
        matches!(actions.as_slice(), [Action::ComposeUp(_), Action::Check(_), Action::Fingerprint(_)]),
        "{actions:?}"
    );
    assert_eq!(kept(&model(), &after_a_failure).unwrap(), [(host("app1"), Color::Blue)]);
}

#[test]
fn a_color_of_which_nothing_is_left_cannot_be_rolled_back_to() {
    let nothing = observed(File::Missing { folders: Vec::new() }, None);
    let Err(Blocked::NotReady { details, .. }) = way_back(&nothing) else { panic!("there is a way back") };
    assert_eq!(details, ["app1: no containers of blue, and no compose file"]);
    assert!(kept(&model(), &nothing).unwrap().is_empty());
}

#[test]
fn retiring_by_hand_stops_what_the_playbook_keeps_and_only_what_runs() {
    let steps = done(Goal::Retire, &observed(file("services: {}"), Some("running"))).unwrap();
    assert!(matches!(steps.as_slice(), [(name, Action::ComposeStop(_))] if name == "Stop blue"), "{steps:?}");
    assert!(done(Goal::Retire, &observed(file("services: {}"), Some("exited"))).unwrap().is_empty());
    assert!(done(Goal::Retire, &observed(file("services: {}"), None)).unwrap().is_empty());
}

/// Whom the load balancer asks whether the old color still serves.
#[test]
fn a_drain_by_a_command_is_about_the_color_that_was_live() {
    let text = include_str!("../../../../playbooks/blue-green.yml");
    let (before, rest) = text.split_once("  nginx:\n").unwrap();
    let (_, after) = rest.split_once("  verify:").unwrap();
    let driver = "command: { detect: x, set: 'x {{ color }}', drained: 'idle {{ live_color }}' }";
    let text = format!("{before}  {driver}\n  verify:{after}").replace("old: keep", "old: stop");
    let playbook = Playbook::parse(&Source::new("playbook", text), &Shipped).unwrap();
    let model = Model { playbook, ..model() };
    let mut observed = observed(file("services: {}"), Some("running"));
    let balancer = observed.hosts.get_mut(&host("lb1")).unwrap();
    balancer.detected = Some(Detected { status: 0, said: "green".to_owned() });
    let plan = build(Request { goal: Goal::Retire, force: false }, &model, &observed, &[]).unwrap();
    let asked = plan.steps().find_map(|(_, step)| match &step.action {
        Action::Drain { of: Draining::Command(run), .. } => run.shell(),
        _ => None,
    });
    assert_eq!(asked, Some("idle blue"));
}
