//! Whether the playbook's hosts patterns mean hosts of the inventory: one that is misspelt must not make a deploy to nobody.

use crate::model::source::suggestion;
use crate::model::{HostName, Inventory, Location, Module, Pattern, Problem, Problems};

use super::scope::Model;

/// Refuses patterns of which a part means no host and no group, a stage that brings nothing up anywhere, and a switch
/// without a load balancer.
pub fn check_hosts(model: &Model) -> Result<(), Problems> {
    let (inventory, playbook) = (&model.inventory, &model.playbook);
    let mut problems = Vec::new();
    for play in playbook.stage.iter().chain(&playbook.settle) {
        problems.extend(unmatched(inventory, &play.hosts, &play.hosts_at));
    }
    problems.extend(unmatched(inventory, &playbook.switch.hosts, &playbook.switch.hosts_at));
    if problems.is_empty() {
        problems.extend(nobody(model));
    }
    Problems(problems).distinct().or(())
}

/// Each part of a pattern that means nothing.
fn unmatched(inventory: &Inventory, pattern: &Pattern, at: &Location) -> Vec<Problem> {
    let parts = match inventory.select(pattern) {
        Ok(selection) => selection.unmatched,
        Err(error) => return vec![Problem::at(at, error.to_string())],
    };
    let problem = |part: String| {
        let groups = inventory.groups();
        let names =
            || groups.keys().map(String::as_str).chain(inventory.hosts().iter().map(HostName::as_str));
        let help = match suggestion(&part, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the inventory has the groups {}", names_of(groups.keys())),
        };
        Problem::at(at, format!("no host and no group of the inventory is `{part}`")).help(help)
    };
    parts.into_iter().map(problem).collect()
}

fn names_of<'n>(names: impl Iterator<Item = &'n String>) -> String {
    names.filter(|name| !matches!(name.as_str(), "all" | "ungrouped")).cloned().collect::<Vec<_>>().join(", ")
}

/// Groups that are there and have no host: nothing would be staged, or nobody switched.
fn nobody(model: &Model) -> Option<Problem> {
    let is_empty =
        |pattern: &Pattern| model.inventory.select(pattern).is_ok_and(|selection| selection.hosts.is_empty());
    let switch = &model.playbook.switch;
    if is_empty(&switch.hosts) {
        let message = "the switch has no load balancer: its hosts are none";
        return Some(Problem::at(&switch.hosts_at, message).help("give the group a host in the inventory"));
    }
    let brings_up = |task: &crate::model::Task| matches!(task.module, Module::Compose(_));
    let mut raising = model.playbook.stage.iter().filter(|play| play.tasks.iter().any(brings_up)).peekable();
    let first = raising.peek()?.hosts_at.clone();
    raising.all(|play| is_empty(&play.hosts)).then(|| {
        Problem::at(&first, "there is no app server: the hosts of this play are none")
            .help("give the group a host in the inventory")
    })
}
