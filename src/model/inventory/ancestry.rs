//! Which groups are within which, and how deep.

use std::collections::{HashMap, HashSet, VecDeque};

use indexmap::{IndexMap, IndexSet};

use super::groups::{ALL, Group};
use crate::model::source::{Location, Problem};

/// The parents of every group, and its depth. There is no cycle in it.
#[derive(Debug, Clone)]
pub(super) struct Ancestry {
    parents: HashMap<String, Vec<String>>,
    depths: HashMap<String, usize>,
}

impl Ancestry {
    /// Reads the ancestry off the children; every cycle is a problem.
    pub(super) fn of(groups: &IndexMap<String, Group>) -> Result<Self, Vec<Problem>> {
        let parents = parents(groups);
        let depths = depths(groups, &parents);
        let stuck: Vec<&str> =
            groups.keys().filter(|name| !depths.contains_key(*name)).map(String::as_str).collect();
        if stuck.is_empty() {
            return Ok(Self { parents, depths });
        }
        Err(cycles(&stuck, &parents).iter().filter_map(|cycle| problem(cycle, groups)).collect())
    }

    /// How far from `all`, by the longest way.
    pub(super) fn depth(&self, group: &str) -> usize {
        self.depths.get(group).copied().unwrap_or(0)
    }

    /// Every group that `group` is within, nearest first.
    pub(super) fn ancestors(&self, group: &str) -> IndexSet<&str> {
        let mut found: IndexSet<&str> = self.parents_of(group).collect();
        let mut next = 0;
        while let Some(&name) = found.get_index(next) {
            found.extend(self.parents_of(name));
            next += 1;
        }
        found
    }

    fn parents_of(&self, group: &str) -> impl Iterator<Item = &str> {
        self.parents.get(group).into_iter().flatten().map(String::as_str)
    }
}

fn parents(groups: &IndexMap<String, Group>) -> HashMap<String, Vec<String>> {
    let mut parents: HashMap<String, Vec<String>> = HashMap::new();
    for (name, group) in groups {
        for child in group.children.keys() {
            parents.entry(child.clone()).or_default().push(name.clone());
        }
    }
    parents
}

/// The depth of every group that no cycle leads to: a group's turn comes when all its parents had theirs.
fn depths(
    groups: &IndexMap<String, Group>,
    parents: &HashMap<String, Vec<String>>,
) -> HashMap<String, usize> {
    let mut waiting_for: HashMap<&str, usize> =
        groups.keys().map(|name| (name.as_str(), parents.get(name).map_or(0, Vec::len))).collect();
    let mut ready: VecDeque<(&str, usize)> =
        waiting_for.iter().filter(|(_, count)| **count == 0).map(|(name, _)| (*name, 0)).collect();
    let mut depths = HashMap::new();
    while let Some((name, depth)) = ready.pop_front() {
        depths.insert(name.to_owned(), depth);
        for child in groups.get(name).into_iter().flat_map(|group| group.children.keys()) {
            if let Some(count) = waiting_for.get_mut(child.as_str()) {
                *count -= 1;
                if *count == 0 {
                    // Depths come in rising order, so that the last parent is the deepest.
                    ready.push_back((child, depth + 1));
                }
            }
        }
    }
    depths
}

/// The cycles that keep `stuck` groups from their turn, each from parent to child and back.
fn cycles<'a>(stuck: &[&'a str], parents: &'a HashMap<String, Vec<String>>) -> Vec<Vec<&'a str>> {
    let all_stuck: HashSet<&str> = stuck.iter().copied().collect();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut cycles = Vec::new();
    for &start in stuck {
        // Every stuck group has a stuck parent, so that going up from it must end in a cycle.
        let mut path: IndexSet<&str> = IndexSet::new();
        let mut here = Some(start);
        while let Some(name) = here.filter(|name| !seen.contains(name)) {
            if let Some(from) = path.get_index_of(name) {
                let mut cycle: Vec<&str> = path.iter().skip(from).copied().collect();
                cycle.push(name);
                cycle.reverse();
                cycles.push(cycle);
                break;
            }
            path.insert(name);
            let mut up = parents.get(name).into_iter().flatten().map(String::as_str);
            here = up.find(|parent| all_stuck.contains(parent));
        }
        seen.extend(path);
    }
    cycles
}

/// A cycle is reported where one of its groups names the next.
fn problem(cycle: &[&str], groups: &IndexMap<String, Group>) -> Option<Problem> {
    let written = |pair: &[&str]| -> Option<Location> {
        let [parent, child] = pair else { return None };
        groups.get(*parent)?.children.get(*child)?.clone()
    };
    let location = cycle.windows(2).filter_map(written).next_back()?;
    let way = cycle.join(" > ");
    let message = if cycle.len() == 2 {
        format!("the group `{}` is its own child", cycle.first()?)
    } else {
        format!("these groups are within each other: {way}")
    };
    let help = if cycle.contains(&ALL) {
        "every group is within `all` already; leave `all` out of `children`"
    } else {
        "take one of them out of the other's `children`"
    };
    Some(Problem::at(&location, message).help(help))
}
