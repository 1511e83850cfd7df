//! The YAML inventory: groups at the top, each with `hosts`, `vars` and `children`.

use std::sync::Arc;

use serde_json::Value;

use super::declaration::{Declaration, Variable};
use super::entry::Entry;
use crate::model::HostName;
use crate::model::source::{self, Location, Node, Problem, Problems, Scalars, Source, Yaml};

/// What a group may say.
const SECTIONS: [&str; 3] = ["hosts", "vars", "children"];

/// What a YAML source declares, in its own order.
pub(super) fn read(source: &Arc<Source>) -> Result<Vec<Declaration>, Problems> {
    let root = source::parse(source, Scalars::Yaml11)?;
    let mut reading = Reading::default();
    reading.inventory(&root);
    if reading.problems.is_empty() { Ok(reading.declarations) } else { Err(Problems(reading.problems)) }
}

#[derive(Default)]
struct Reading {
    declarations: Vec<Declaration>,
    problems: Vec<Problem>,
}

impl Reading {
    fn inventory(&mut self, root: &Node) {
        let Yaml::Map(groups) = &root.value else {
            let example = "write groups at the top: `all:`, with `hosts:`, `vars:` and `children:` in it";
            let message = match root.value {
                Yaml::Null => "the inventory is empty",
                _ => "the inventory must be a mapping of groups",
            };
            self.problem(&root.location, message, example);
            return;
        };
        for (key, body) in groups {
            if key.as_str() == Some("plugin") {
                let help = "run `ansible-inventory --list --yaml` and use what it prints";
                self.problem(&key.location, "inventory plugins are not available in this version", help);
            } else {
                self.group(key, Some(body));
            }
        }
    }

    /// One group with all that is in it; its name, if it has one.
    fn group(&mut self, key: &Node, body: Option<&Node>) -> Option<String> {
        let name = self.name(key, "a group's name")?;
        self.declarations.push(Declaration::Group { name: name.clone() });
        match body.filter(|body| !body.is_null()) {
            None => {}
            Some(Node { value: Yaml::Map(sections), .. }) => {
                for (section, content) in sections {
                    self.section(&name, section, content);
                }
            }
            Some(other) => self.problem(
                &other.location,
                format!("the group `{name}` must be a mapping, and this is {}", other.kind()),
                "a group has `hosts:`, `vars:` and `children:`, or nothing",
            ),
        }
        Some(name)
    }

    fn section(&mut self, group: &str, key: &Node, content: &Node) {
        let section = match key.as_str() {
            Some(section) if SECTIONS.contains(&section) => section,
            _ => return self.unknown_section(group, key),
        };
        match &content.value {
            Yaml::Null => {}
            Yaml::Map(entries) => {
                for (name, value) in entries {
                    self.entry(group, section, name, Some(value));
                }
            }
            // As in Ansible, one name may stand alone.
            Yaml::String(_) => self.entry(group, section, content, None),
            _ => self.problem(
                &content.location,
                format!("`{section}` of the group `{group}` must be a mapping"),
                "end each name with a colon, and write no dash before it",
            ),
        }
    }

    fn entry(&mut self, group: &str, section: &str, key: &Node, value: Option<&Node>) {
        match section {
            "hosts" => self.hosts(group, key, value),
            "vars" => {
                if let Some((name, variable)) = self.variable(key, value) {
                    self.declarations.push(Declaration::GroupVariable {
                        group: group.to_owned(),
                        name,
                        variable,
                    });
                }
            }
            _ => {
                if let Some(child) = self.group(key, value) {
                    let (group, location) = (group.to_owned(), key.location.clone());
                    self.declarations.push(Declaration::Child { group, child, location });
                }
            }
        }
    }

    /// One key under `hosts:`, which may stand for many hosts, and the variables of them all.
    fn hosts(&mut self, group: &str, key: &Node, value: Option<&Node>) {
        let Some(written) = self.name(key, "a host's name") else { return };
        let entry: Entry = match written.parse() {
            Ok(entry) => entry,
            Err(why) => {
                let message = format!("`{written}` is no host: {why}");
                let help =
                    "a host is written as NAME, NAME:PORT, [IPV6]:PORT, or with ranges as in web[01:10]";
                return self.problem(&key.location, message, help);
            }
        };
        let vars = self.host_vars(&written, value);
        for host in entry.names {
            self.declarations.push(Declaration::Host {
                group: group.to_owned(),
                host: host.clone(),
                port: entry.port,
                location: key.location.clone(),
            });
            self.declarations.extend(vars.iter().map(|(name, variable)| declare(&host, name, variable)));
        }
    }

    fn host_vars(&mut self, host: &str, value: Option<&Node>) -> Vec<(String, Variable)> {
        match value.filter(|value| !value.is_null()) {
            None => Vec::new(),
            Some(Node { value: Yaml::Map(entries), .. }) => {
                entries.iter().filter_map(|(name, value)| self.variable(name, Some(value))).collect()
            }
            Some(other) => {
                let message = format!(
                    "the variables of the host `{host}` must be a mapping, and this is {}",
                    other.kind()
                );
                self.problem(&other.location, message, "write each as `name: value` on a line of its own");
                Vec::new()
            }
        }
    }

    fn variable(&mut self, key: &Node, value: Option<&Node>) -> Option<(String, Variable)> {
        let name = self.name(key, "a variable's name")?;
        let location = value.unwrap_or(key).location.clone();
        Some((name, Variable { value: value.map_or(Value::Null, Node::to_json), location }))
    }

    /// A key that must be text: YAML reads `1.2` as a number and `on` as true.
    fn name(&mut self, key: &Node, what: &str) -> Option<String> {
        match key.as_str() {
            Some("") => {
                self.problem(&key.location, format!("{what} is empty"), "write a name before the colon");
            }
            Some(name) => return Some(name.to_owned()),
            None => {
                let message = format!("{what} must be text, and this is {}", key.kind());
                self.problem(&key.location, message, "put it in quotes");
            }
        }
        None
    }

    fn unknown_section(&mut self, group: &str, key: &Node) {
        let Some(written) = self.name(key, "a key of a group") else { return };
        let message = format!("unknown key `{written}` in the group `{group}`");
        let help = match source::suggestion(&written, SECTIONS) {
            Some(section) => format!("did you mean `{section}`?"),
            None => "a group has only `hosts`, `vars` and `children`; groups within it go below `children`"
                .to_owned(),
        };
        self.problem(&key.location, message, help);
    }

    fn problem(&mut self, location: &Location, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::at(location, message).help(help));
    }
}

fn declare(host: &HostName, name: &str, variable: &Variable) -> Declaration {
    Declaration::HostVariable { host: host.clone(), name: name.to_owned(), variable: variable.clone() }
}
