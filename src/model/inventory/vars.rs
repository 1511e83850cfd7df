//! The variables of a host: which of several values wins, and what every host has besides.

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::Inventory;
use super::declaration::Variable;
use super::groups::{ALL, Variables};
use crate::model::source::Location;
use crate::model::{HostName, Vars};

impl Inventory {
    /// The variables of a host as written, not expanded. From weakest to strongest: its groups by depth,
    /// `ansible_group_priority` and name; the host's own; `-e`; what bgctl sets itself.
    #[must_use]
    pub fn vars(&self, host: &HostName) -> Vars {
        let mut vars = Vars::new();
        for layer in self.layers(host) {
            vars.extend(layer.iter().map(|(name, variable)| (name.clone(), variable.value.clone())));
        }
        vars.extend(self.extra.clone());
        vars.extend(self.magic(host));
        vars
    }

    /// Where the value that wins is written; `None` for what comes from the command line or from bgctl.
    #[must_use]
    pub fn locate(&self, host: &HostName, key: &str) -> Option<Location> {
        if self.extra.contains_key(key) {
            return None;
        }
        let winning: Option<&Variable> = self.layers(host).into_iter().rev().find_map(|layer| layer.get(key));
        winning.map(|variable| variable.location.clone())
    }

    /// What the sources set for a host, weakest first.
    fn layers(&self, host: &HostName) -> Vec<&Variables> {
        let groups = &self.groups;
        let mut within: Vec<_> = groups
            .groups_of(host)
            .into_iter()
            .filter_map(|name| Some((name, groups.by_name.get(name)?)))
            .collect();
        within.sort_by_key(|(name, group)| (groups.ancestry.depth(name), group.priority, *name));
        let own = groups.hosts.get(host).map(|host| &host.vars);
        within.into_iter().map(|(_, group)| &group.vars).chain(own).collect()
    }

    /// The variables that nobody sets.
    fn magic(&self, host: &HostName) -> Vars {
        let Some(known) = self.groups.hosts.get(host) else {
            return Vars::new();
        };
        let name = host.as_str();
        let short =
            if name.parse::<IpAddr>().is_ok() { name } else { name.split('.').next().unwrap_or(name) };
        let mut groups: Vec<&str> =
            self.groups.groups_of(host).into_iter().filter(|name| *name != ALL).collect();
        groups.sort_unstable();
        let file = absolute(&self.base, &known.location.source.name);
        let folder = file.parent().unwrap_or(&file).to_string_lossy().into_owned();
        let magic: [(&str, Value); 5] = [
            ("inventory_hostname", name.into()),
            ("inventory_hostname_short", short.into()),
            ("inventory_file", file.to_string_lossy().into_owned().into()),
            ("inventory_dir", folder.into()),
            ("group_names", groups.into()),
        ];
        magic.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// `name` seen from `base`, without `.` and `..`.
fn absolute(base: &Path, name: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for component in base.join(name).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}
