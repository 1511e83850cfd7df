//! Which hosts a pattern means.

use indexmap::IndexSet;

use super::Inventory;
use crate::model::HostName;
use crate::model::pattern::{Pattern, PatternError, Role, Subscript, Term};

/// The hosts that a pattern means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Each once, in Ansible's `order: inventory`: that of the pattern's parts, and of the hosts of a group.
    pub hosts: Vec<HostName>,
    /// Parts of the pattern that no host and no group matches: worth a warning, as in Ansible.
    pub unmatched: Vec<String>,
}

impl Inventory {
    /// The hosts that a pattern means; an error only where a subscript points beyond its hosts.
    pub fn select(&self, pattern: &Pattern) -> Result<Selection, PatternError> {
        let mut selected: IndexSet<HostName> = IndexSet::new();
        let mut unmatched = Vec::new();
        for term in pattern.terms() {
            let Some(matching) = self.matching(term) else {
                unmatched.push(term.text.clone());
                if term.role == Role::Keep {
                    selected.clear();
                }
                continue;
            };
            let hosts = subscripted(matching, term)?;
            match term.role {
                Role::Add => selected.extend(hosts),
                Role::Keep => selected.retain(|host| hosts.contains(host)),
                Role::Remove => selected.retain(|host| !hosts.contains(host)),
            }
        }
        Ok(Selection { hosts: selected.into_iter().collect(), unmatched })
    }

    /// The hosts of all matching groups, then the matching hosts themselves, perhaps twice: subscripts count
    /// them so. A plain name that is a group's is not looked for among the hosts. `None`: nothing matches.
    fn matching(&self, term: &Term) -> Option<Vec<HostName>> {
        if let Some(host) = self.hosts().iter().find(|host| host.as_str() == term.text) {
            return Some(vec![host.clone()]);
        }
        let glob = &term.glob;
        let groups: Vec<_> = self.groups().iter().filter(|(name, _)| glob.matches(name)).collect();
        let mut hosts: Vec<HostName> = groups.iter().flat_map(|(_, hosts)| hosts.iter().cloned()).collect();
        if groups.is_empty() || glob.is_wild() || glob.as_str().contains('.') {
            let mentioned = self.groups.hosts.keys();
            hosts.extend(mentioned.filter(|host| glob.matches(host.as_str())).cloned());
        }
        (!groups.is_empty() || !hosts.is_empty()).then_some(hosts)
    }
}

/// What is left of a part's hosts by its `[…]`.
fn subscripted(hosts: Vec<HostName>, term: &Term) -> Result<Vec<HostName>, PatternError> {
    match term.subscript {
        _ if hosts.is_empty() => Ok(hosts),
        None => Ok(hosts),
        Some(Subscript::At(at)) => {
            let count = hosts.len();
            let index = if at < 0 { count.checked_sub(at.unsigned_abs()) } else { Some(at.unsigned_abs()) };
            let host = index.and_then(|index| hosts.into_iter().nth(index));
            host.map(|host| vec![host])
                .ok_or_else(|| PatternError::OutOfRange { pattern: term.text.clone(), count })
        }
        Some(Subscript::Slice(first, last)) => {
            let many = last.map_or(usize::MAX, |last| (last - first).saturating_add(1));
            Ok(hosts.into_iter().skip(first).take(many).collect())
        }
    }
}
