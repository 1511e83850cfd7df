//! Histories, and the run that is then disturbed.

use std::collections::BTreeMap;

use bgctl::model::{Color, HostName};
use bgctl::plan::Goal;
use bgctl::remote::fake::World;

use super::house::{House, LINK, Ready, host};

/// A history, and what is run after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) load_balancers: usize,
    /// `retire:` of the playbook.
    pub(crate) old: &'static str,
    /// What went before: goals with versions.
    pub(crate) before: &'static [(Goal, &'static str)],
    /// What somebody did to the second load balancer after that.
    pub(crate) tampered: Option<fn(&mut World)>,
    pub(crate) goal: Goal,
    pub(crate) version: &'static str,
}

const fn scenario(name: &'static str, goal: Goal, version: &'static str) -> Scenario {
    Scenario { name, load_balancers: 1, old: "keep", before: &[], tampered: None, goal, version }
}

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
        let house = House::new(self.load_balancers).playbook("retire: { old: keep }", &old);
        for (goal, version) in self.before {
            house.does(*goal, version).await;
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
