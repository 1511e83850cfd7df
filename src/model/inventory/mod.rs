//! Ansible's inventory: hosts, groups and variables.
//!
//! Each source is read into declarations (`yaml` now; other formats beside it), the declarations of all
//! sources are merged (`groups`), and only then is decided which value wins (`vars`).

#[cfg(test)]
mod agreement;
mod ancestry;
mod declaration;
mod entry;
mod extra;
mod groups;
mod hostvars;
mod pairs;
mod range;
mod select;
#[cfg(test)]
mod tests;
mod vars;
mod yaml;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;

use self::groups::{ALL, Groups};
use super::source::{Problems, Source};
use super::{HostName, Vars};

pub use self::extra::{parse_extra, without_values};
pub use self::select::Selection;

/// Hosts, groups and variables of all sources together.
#[derive(Debug, Clone)]
pub struct Inventory {
    groups: Groups,
    members: IndexMap<String, Vec<HostName>>,
    extra: Vars,
    base: PathBuf,
    /// What the helper `env` may look up.
    environment: Vars,
    /// Made when first asked for.
    shared: OnceLock<Arc<Vars>>,
}

impl Inventory {
    /// Reads and merges YAML sources: the later source wins, and `extra` (`-e`) wins over all. `base` is the
    /// absolute folder from which the sources' names are seen; `inventory_dir` is made of it.
    pub fn parse(sources: &[Arc<Source>], base: &Path, extra: &Vars) -> Result<Self, Problems> {
        let mut declarations = Vec::new();
        let mut problems = Vec::new();
        for source in sources {
            match yaml::read(source) {
                Ok(declared) => declarations.extend(declared),
                Err(Problems(found)) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let groups = Groups::merge(declarations)?;
        let members = groups
            .by_name
            .keys()
            .map(|name| (name.clone(), groups.hosts_of(name).into_iter().flatten().collect()))
            .collect();
        let (extra, base, environment) = (extra.clone(), base.to_owned(), Vars::new());
        Ok(Self { groups, members, extra, base, environment, shared: OnceLock::new() })
    }

    /// With what the helper `env` may look up, by name.
    #[must_use]
    pub fn with_environment(self, environment: Vars) -> Self {
        Self { environment, shared: OnceLock::new(), ..self }
    }

    /// All hosts, in Ansible's order: a group's own hosts come before its children's.
    #[must_use]
    pub fn hosts(&self) -> &[HostName] {
        self.members.get(ALL).map_or(&[], Vec::as_slice)
    }

    /// The hosts of a group and of its children.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<Vec<HostName>> {
        self.members.get(name).cloned()
    }

    /// All groups with their hosts, `all` and `ungrouped` first, the others in the order of their mention.
    #[must_use]
    pub fn groups(&self) -> &IndexMap<String, Vec<HostName>> {
        &self.members
    }
}
