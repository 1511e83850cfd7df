//! Histories, and the run that is then disturbed.

use std::collections::BTreeMap;

use bgctl::model::{Color, HostName};
use bgctl::plan::Goal;
use bgctl::remote::fake::World;

use super::house::{House, LINK, Ready, host};
use super::images;

/// A history, and what is run after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) load_balancers: usize,
    /// What stands in the playbook in place of the driver with a symlink; empty: nothing else.
    pub(crate) driver: &'static str,
    /// `retire:` of the playbook.
    pub(crate) old: &'static str,
    /// Tasks of the stage between the compose file and the containers.
    pub(crate) tasks: &'static str,
    /// What went before: goals with versions.
    pub(crate) before: &'static [(Goal, &'static str)],
    /// What somebody did to the second load balancer after that.
    pub(crate) tampered: Option<fn(&mut World)>,
    pub(crate) goal: Goal,
    pub(crate) version: &'static str,
}

const fn scenario(name: &'static str, goal: Goal, version: &'static str) -> Scenario {
    Scenario {
        name,
        load_balancers: 1,
        driver: "",
        old: "keep",
        tasks: "",
        before: &[],
        tampered: None,
        goal,
        version,
    }
}

/// A registry that lets nobody in without a login, and every way to an image.
const IMAGES_TASKS: &str = r#"      - name: Login
        registry_login: { registry: registry.lab, username: me, password: hunter2-is-it }
      - name: Pull
        image: { pull: "registry.lab/tool:1" }
      - name: Load
        image: { load: app.tar, name: "loaded:1" }
      - name: Build
        image: { build: /srv/src, name: "built:1", args: { TOKEN: hush } }
"#;

const ONE: &[(Goal, &str)] = &[(Goal::Apply, "1")];
const TWO: &[(Goal, &str)] = &[(Goal::Apply, "1"), (Goal::Apply, "2")];

pub(crate) const FIRST: Scenario = scenario("a first deploy", Goal::Apply, "1");
pub(crate) const FIRST_ON_TWO: Scenario =
    Scenario { load_balancers: 2, ..scenario("a first deploy, two load balancers", Goal::Apply, "1") };
pub(crate) const SECOND: Scenario = Scenario { before: ONE, ..scenario("a second deploy", Goal::Apply, "2") };
pub(crate) const SECOND_ON_TWO: Scenario = Scenario {
    before: ONE,
    load_balancers: 2,
    ..scenario("a second deploy, two load balancers", Goal::Apply, "2")
};
pub(crate) const THIRD: Scenario =
    Scenario { before: TWO, ..scenario("a third deploy, onto a color that runs", Goal::Apply, "3") };
pub(crate) const IMAGES: Scenario = Scenario {
    before: ONE,
    tasks: IMAGES_TASKS,
    ..scenario("a deploy that logs in, pulls, loads and builds", Goal::Apply, "2")
};
pub(crate) const STOPS: Scenario =
    Scenario { before: ONE, old: "stop", ..scenario("a deploy that stops the old color", Goal::Apply, "2") };
pub(crate) const REMOVES: Scenario = Scenario {
    before: ONE,
    old: "remove",
    load_balancers: 2,
    ..scenario("a deploy that removes the old color", Goal::Apply, "2")
};
pub(crate) const REFRESHES: Scenario = Scenario {
    before: ONE,
    old: "refresh",
    ..scenario("a deploy that refreshes the old color", Goal::Apply, "2")
};
/// One host migrates for all, and can take it back.
pub(crate) const MIGRATES: Scenario = Scenario {
    before: ONE,
    tasks: "
      - name: Migrate
        command: { in: container, service: web, argv: [migrate, up], undo: [migrate, down] }
        run_once: true
",
    ..scenario("a deploy that migrates", Goal::Apply, "2")
};
/// Each host does it for itself, on a color that runs, and it cannot be taken back.
pub(crate) const MIGRATES_EACH: Scenario = Scenario {
    before: TWO,
    tasks: "
      - name: Migrate
        command: { in: container, service: web, argv: [migrate, up] }
      - pause: { for: 2s }
",
    ..scenario("a deploy that migrates on each host", Goal::Apply, "3")
};
pub(crate) const STAGE: Scenario = Scenario { before: ONE, ..scenario("a stage alone", Goal::Stage, "2") };
pub(crate) const PROMOTION: Scenario = Scenario {
    before: &[(Goal::Apply, "1"), (Goal::Stage, "2")],
    load_balancers: 2,
    ..scenario("a promotion", Goal::Promote, "2")
};
pub(crate) const ROLLBACK: Scenario =
    Scenario { before: TWO, load_balancers: 2, ..scenario("a rollback", Goal::Rollback, "2") };
pub(crate) const ROLLBACK_TO_STOPPED: Scenario =
    Scenario { before: TWO, old: "stop", ..scenario("a rollback to a stopped color", Goal::Rollback, "2") };
pub(crate) const RESTAGE: Scenario = Scenario {
    before: &[(Goal::Apply, "1"), (Goal::Apply, "2"), (Goal::Apply, "3")],
    ..scenario("a rollback to a kept release", Goal::Restage, "1")
};
pub(crate) const RETIREMENT: Scenario =
    Scenario { before: TWO, ..scenario("a retirement", Goal::Retire, "2") };

const FILE: &str = "nginx: { template: site.conf.hbs, file: /etc/nginx/my-server.conf }";
const COMMAND: &str = "command: { detect: cat live, set: 'echo {{ color }} >live', drained: 'true' }";

pub(crate) const FIRST_BY_FILE: Scenario =
    Scenario { driver: FILE, ..scenario("a first deploy, by a file", Goal::Apply, "1") };
pub(crate) const THIRD_BY_FILE: Scenario =
    Scenario { driver: FILE, before: TWO, ..scenario("a third deploy, by a file", Goal::Apply, "3") };
pub(crate) const ROLLBACK_BY_FILE: Scenario =
    Scenario { driver: FILE, before: TWO, ..scenario("a rollback, by a file", Goal::Rollback, "2") };
pub(crate) const SECOND_BY_COMMAND: Scenario = Scenario {
    driver: COMMAND,
    before: ONE,
    old: "remove",
    ..scenario("a second deploy, by a command", Goal::Apply, "2")
};
pub(crate) const ROLLBACK_BY_COMMAND: Scenario = Scenario {
    driver: COMMAND,
    before: TWO,
    load_balancers: 2,
    ..scenario("a rollback, by commands", Goal::Rollback, "2")
};

pub(crate) const BY_HAND: Scenario = Scenario {
    before: TWO,
    load_balancers: 2,
    ..scenario("a switch by hand", Goal::Switch(Color::Blue), "2")
};
pub(crate) const AGREEMENT: Scenario = Scenario {
    tampered: Some(serve_blue),
    ..Scenario { name: "load balancers brought to agree", goal: Goal::Switch(Color::Green), ..BY_HAND }
};

/// What a person does who edits one load balancer by hand.
pub(crate) fn serve_blue(world: &mut World) {
    point_to_blue(world);
    let site = String::from_utf8(world.files[BLUE].content.clone()).unwrap();
    world.nginx.as_mut().unwrap().loaded = Some(site);
}

/// As [`serve_blue`], with the reload forgotten.
pub(crate) fn point_to_blue(world: &mut World) {
    world.links.insert(LINK.to_owned(), BLUE.to_owned());
}

const BLUE: &str = "/etc/nginx/sites-available/my-server-blue.conf";

/// A scenario up to the run that is disturbed, which can then be carried out again and again.
pub(crate) struct Rehearsal {
    pub(crate) scenario: Scenario,
    pub(crate) worlds: BTreeMap<HostName, World>,
    pub(crate) ready: Ready,
    house: House,
}

impl Scenario {
    /// The history, and the plan after it.
    pub(crate) async fn rehearse(self) -> Rehearsal {
        let old = format!("retire: {{ old: {} }}", self.old);
        let mut house = House::new(self.load_balancers).playbook("retire: { old: keep }", &old);
        if !self.driver.is_empty() {
            house = house.driven_by(self.driver);
        }
        let compose = "      - name: Recreate";
        let tasks = self.tasks.trim_start_matches('\n');
        let mut house = house.playbook(compose, &format!("{tasks}{compose}"));
        house.archives.insert("app.tar".to_owned(), Ok(images::archive("loaded:1", "1234")));
        for name in ["app1", "app2"] {
            let wants = Some(images::PASSWORD.to_owned()).filter(|_| self.tasks.contains(images::PASSWORD));
            house.fleet.change(&host(name), |world| world.registry_password = wants);
        }
        for (goal, version) in self.before {
            house.does(*goal, version).await;
        }
        for name in ["app1", "app2"] {
            house.fleet.change(&host(name), |world| world.images.clear());
        }
        if let Some(tamper) = self.tampered {
            house.fleet.change(&host("lb2"), tamper);
        }
        let ready = house.ready(self.goal, self.version).await;
        Rehearsal { scenario: self, worlds: house.fleet.worlds(), ready, house }
    }
}

impl Rehearsal {
    /// The house before the run.
    pub(crate) fn house(&self) -> House {
        self.house.again(&self.worlds)
    }
}
