//! Hosts and groups: the declarations of all sources, merged.

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use super::ancestry::Ancestry;
use super::declaration::{Declaration, Variable};
use crate::model::HostName;
use crate::model::source::{Location, Problem, Problems};

/// The group of every host.
pub(super) const ALL: &str = "all";
/// The group of the hosts that are in no other.
pub(super) const UNGROUPED: &str = "ungrouped";
/// The one variable that is no variable: it decides between groups of equal depth.
const PRIORITY: &str = "ansible_group_priority";

/// All hosts and groups of an inventory, in the order of their first mention.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    pub(super) by_name: IndexMap<String, Group>,
    pub(super) hosts: IndexMap<HostName, Host>,
    pub(super) ancestry: Ancestry,
}

/// Variables by name.
pub(super) type Variables = IndexMap<String, Variable>;

/// A group. `all` and `ungrouped` always exist.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// The hosts that it names itself, not those of its children.
    pub(super) hosts: IndexSet<HostName>,
    /// Its children, and where that is written; not written for what is within `all` by itself.
    pub(super) children: IndexMap<String, Option<Location>>,
    pub(super) vars: Variables,
    pub(super) priority: i64,
}

/// A host.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) vars: Variables,
    /// Where it is mentioned first.
    pub(super) location: Location,
}

impl Groups {
    /// Merges the declarations of all sources, in the order of the sources.
    pub(super) fn merge(declarations: impl IntoIterator<Item = Declaration>) -> Result<Self, Problems> {
        let mut merging = Merging::new();
        for declaration in declarations {
            merging.declare(declaration);
        }
        merging.finish()
    }

    /// All hosts of a group: its own first, then its children's, nearest generation first.
    pub(super) fn hosts_of(&self, group: &str) -> Option<IndexSet<HostName>> {
        let (name, _) = self.by_name.get_key_value(group)?;
        let mut seen: IndexSet<&str> = IndexSet::from([name.as_str()]);
        let mut next = 0;
        while let Some(group) = seen.get_index(next).and_then(|name| self.by_name.get(*name)) {
            seen.extend(group.children.keys().map(String::as_str));
            next += 1;
        }
        let groups = seen.into_iter().filter_map(|name| self.by_name.get(name));
        Some(groups.flat_map(|group| group.hosts.iter().cloned()).collect())
    }

    /// Every group that a host is in, itself or through a child, in no order that matters.
    pub(super) fn groups_of(&self, host: &HostName) -> IndexSet<&str> {
        within(&self.by_name, &self.ancestry, host)
    }
}

fn within<'a>(
    groups: &'a IndexMap<String, Group>,
    ancestry: &'a Ancestry,
    host: &HostName,
) -> IndexSet<&'a str> {
    let own = groups.iter().filter(|(_, group)| group.hosts.contains(host));
    own.flat_map(|(name, _)| std::iter::once(name.as_str()).chain(ancestry.ancestors(name))).collect()
}

/// An inventory in the making: nothing of it is known to hang together yet.
struct Merging {
    groups: IndexMap<String, Group>,
    hosts: IndexMap<HostName, Host>,
    problems: Vec<Problem>,
}

impl Merging {
    fn new() -> Self {
        let mut merging = Self { groups: IndexMap::new(), hosts: IndexMap::new(), problems: Vec::new() };
        merging.group(ALL).children.insert(UNGROUPED.to_owned(), None);
        merging.group(UNGROUPED);
        merging
    }

    fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_insert_with(|| Group {
            hosts: IndexSet::new(),
            children: IndexMap::new(),
            vars: Variables::new(),
            priority: 1,
        })
    }

    fn declare(&mut self, declaration: Declaration) {
        match declaration {
            Declaration::Group { name } => {
                self.group(&name);
            }
            Declaration::GroupVariable { group, name, variable } if name == PRIORITY => {
                match priority(&variable.value) {
                    Some(priority) => self.group(&group).priority = priority,
                    None => self.problems.push(
                        Problem::at(&variable.location, format!("`{PRIORITY}` must be a whole number"))
                            .help("the higher number wins between groups of equal depth; the default is 1"),
                    ),
                }
            }
            Declaration::GroupVariable { group, name, variable } => {
                self.group(&group).vars.insert(name, variable);
            }
            Declaration::Child { group, child, location } => {
                self.group(&child);
                self.group(&group).children.entry(child).or_insert(Some(location));
            }
            Declaration::Host { group, host, port, location } => {
                self.group(&group).hosts.insert(host.clone());
                self.hosts.entry(host).or_insert_with(|| Host::new(port, location));
            }
            Declaration::HostVariable { host, name, variable } => {
                if let Some(host) = self.hosts.get_mut(&host) {
                    host.vars.insert(name, variable);
                }
            }
        }
    }

    fn finish(mut self) -> Result<Groups, Problems> {
        self.put_within_all();
        let ancestry = match Ancestry::of(&self.groups) {
            Ok(ancestry) => ancestry,
            Err(cycles) => {
                self.problems.extend(cycles);
                return Err(Problems(self.problems));
            }
        };
        if !self.problems.is_empty() {
            return Err(Problems(self.problems));
        }
        self.settle_ungrouped(&ancestry);
        Ok(Groups { by_name: self.groups, hosts: self.hosts, ancestry })
    }

    /// Every group that is nobody's child is a child of `all`.
    fn put_within_all(&mut self) {
        let children: IndexSet<&String> =
            self.groups.values().flat_map(|group| group.children.keys()).collect();
        let roots: Vec<String> =
            self.groups.keys().filter(|name| *name != ALL && !children.contains(name)).cloned().collect();
        self.group(ALL).children.extend(roots.into_iter().map(|root| (root, None)));
    }

    /// `ungrouped` holds exactly the hosts that are in no group but `all`.
    fn settle_ungrouped(&mut self, ancestry: &Ancestry) {
        for host in self.hosts.keys() {
            let within = within(&self.groups, ancestry, host);
            let grouped = within.iter().any(|&name| name != ALL && name != UNGROUPED);
            let Some(ungrouped) = self.groups.get_mut(UNGROUPED) else { return };
            if grouped {
                ungrouped.hosts.shift_remove(host);
            } else {
                ungrouped.hosts.insert(host.clone());
            }
        }
    }
}

impl Host {
    /// As in Ansible, only a host's first mention can give it a port this way.
    fn new(port: Option<u16>, location: Location) -> Self {
        let port = port.map(|port| (String::from("ansible_port"), variable(port, &location)));
        Self { vars: port.into_iter().collect(), location }
    }
}

fn variable(value: impl Into<Value>, location: &Location) -> Variable {
    Variable { value: value.into(), location: location.clone() }
}

fn priority(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}
