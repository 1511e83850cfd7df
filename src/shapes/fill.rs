//! From the example's names to a user's own. What is shipped is valid as it stands, so that it can be read and run;
//! its names are replaced as words, and a line that names an example host stands for one line a host.

use std::str::FromStr;

use crate::model::AppName;

/// A machine: its name in the inventory, and its address where the name does not lead there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Option<String>,
}

/// Why a machine was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host: write NAME, or NAME=ADDRESS, of letters, digits, `.`, `-` and `_`")]
pub struct BadMachine(String);

impl FromStr for Machine {
    type Err = BadMachine;

    fn from_str(text: &str) -> Result<Self, BadMachine> {
        let (name, address) = text.split_once('=').map_or((text, None), |(name, rest)| (name, Some(rest)));
        if [Some(name), address].into_iter().flatten().all(is_plain) {
            return Ok(Self { name: name.to_owned(), address: address.map(str::to_owned) });
        }
        Err(BadMachine(text.to_owned()))
    }
}

/// Whether a text is a word that needs no quotes in any of the files.
fn is_plain(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Why a host cannot have this name in an inventory in YAML, where it would be something else.
fn no_host(name: &str) -> Option<String> {
    if GROUPS.contains(&name) {
        return Some(format!("a host cannot be called {name}: a group of the inventory is"));
    }
    let is_number = name.parse::<f64>().is_ok() || name.starts_with("0x") || name.starts_with("0o");
    let is_word = WORDS.iter().any(|word| word.eq_ignore_ascii_case(name));
    (is_number || is_word)
        .then(|| format!("{name} is no text in YAML: write NAME={name}, with a name that has letters"))
}

/// What a user's files are to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The app.
    pub app: AppName,
    /// Its image, with `{{ version }}` where the release stands.
    pub image: String,
    /// Who logs in.
    pub user: String,
    /// The ports of blue and of green.
    pub ports: [u16; 2],
    /// The load balancers; none where one host is everything.
    pub load_balancers: Vec<Machine>,
    /// The app servers; the one host where it is everything.
    pub app_servers: Vec<Machine>,
}

/// The example's hosts of one kind, with their addresses.
type Hosts = &'static [(&'static str, &'static str)];
const LOAD_BALANCERS: Hosts = &[("lb1", "192.0.2.10")];
const APP_SERVERS: Hosts = &[("app1", "192.0.2.21"), ("app2", "192.0.2.22")];
const ONE_HOST: Hosts = &[("web1", "192.0.2.30")];

/// The inventory's groups, and those that every inventory has.
const GROUPS: [&str; 4] = ["all", "ungrouped", "load_balancers", "app_servers"];
/// Words that are no text in YAML.
const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

const IMAGE: &str = "my-server:{{ version }}";
const REGISTRY: &str = "registry: \"\"";
const BECOME: &str = "ansible_become: true";

impl Names {
    /// What is wrong with them, said for a person.
    pub fn check(&self) -> Result<(), String> {
        if self.image.chars().any(|c| c.is_control() || "\"\\".contains(c)) || self.image.trim().is_empty() {
            return Err(format!("{:?} is no image: write NAME:{{{{ version }}}}", self.image));
        }
        if !is_plain(&self.user) {
            return Err(format!("{:?} is no name of a user", self.user));
        }
        let [blue, green] = self.ports;
        if blue == green {
            return Err(format!("blue and green cannot both have port {blue}"));
        }
        let mut names: Vec<&str> = self
            .load_balancers
            .iter()
            .chain(&self.app_servers)
            .map(|machine| machine.name.as_str())
            .collect();
        names.sort_unstable();
        let twice = names.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(one),
            _ => None,
        });
        if let Some(name) = twice {
            return Err(format!("{name} is named twice"));
        }
        names.into_iter().find_map(no_host).map_or(Ok(()), Err)
    }

    /// A shipped text with these names.
    pub(super) fn fill(&self, text: &str) -> String {
        let groups = [
            (LOAD_BALANCERS, &self.load_balancers),
            (APP_SERVERS, &self.app_servers),
            (ONE_HOST, &self.app_servers),
        ];
        let mut filled = String::new();
        for line in text.split_inclusive('\n').filter(|line| self.is_wanted(line)) {
            match groups.iter().find_map(|(examples, own)| Some((example_in(line, examples)?, own))) {
                None => filled.push_str(&self.words(line, &[])),
                // The first stands for all of the user's; the others only show that there may be several.
                Some((Example { is_first: true, name, address }, own)) => {
                    filled.extend(own.iter().map(|machine| self.line_of(machine, line, name, address)));
                }
                Some(_) => {}
            }
        }
        filled
    }

    /// Who logs in as root need become nobody.
    fn is_wanted(&self, line: &str) -> bool {
        self.user != "root" || line.trim() != BECOME
    }

    /// The line for a machine. One without an address is met by its name, and says none in the inventory.
    fn line_of(&self, machine: &Machine, line: &str, name: &str, address: &str) -> String {
        let line = match &machine.address {
            Some(_) => line.to_owned(),
            None => line.replace(&format!(" {{ ansible_host: {address} }}"), ""),
        };
        let own = machine.address.as_ref().unwrap_or(&machine.name);
        self.words(&line, &[(address, own), (name, &machine.name)])
    }

    fn words(&self, line: &str, hosts: &[(&str, &str)]) -> String {
        let [blue, green] = self.ports.map(|port| port.to_string());
        let registry = format!("registry: \"{}\"", registry_of(&self.image).unwrap_or_default());
        let user = format!("ansible_user: {}", self.user);
        let word = self.app.as_str().replace('-', "_");
        // Of nginx's variables those that begin with a digit are something else.
        let word =
            if word.starts_with(|first: char| first.is_ascii_digit()) { format!("app_{word}") } else { word };
        let app: [(&str, &str); 7] = [
            (IMAGE, &self.image),
            (REGISTRY, &registry),
            ("ansible_user: deploy", &user),
            ("my-server", self.app.as_str()),
            ("my_server", &word),
            ("18080", &blue),
            ("18081", &green),
        ];
        replace_words(line, &[hosts, app.as_slice()].concat())
    }
}

/// The registry in an image's name, if it has one: what stands before the first `/` and looks like a host.
fn registry_of(image: &str) -> Option<&str> {
    let (first, _) = image.split_once('/')?;
    (first.contains(['.', ':']) || first == "localhost").then_some(first)
}

/// A host of the examples, as a line names it.
struct Example {
    /// Whether it is the first of its kind.
    is_first: bool,
    name: &'static str,
    address: &'static str,
}

fn example_in(line: &str, examples: Hosts) -> Option<Example> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let names = |wanted: &str| line.split(|c| !is_part(c)).any(|word| word.trim_end_matches('.') == wanted);
    let found = examples.iter().position(|(name, address)| names(name) || names(address))?;
    examples.get(found).map(|(name, address)| Example { is_first: found == 0, name, address })
}

/// Replaces in one pass, so that what was put in is not met again.
fn replace_words(text: &str, words: &[(&str, &str)]) -> String {
    let (mut replaced, mut rest) = (String::with_capacity(text.len()), text);
    'text: while let Some(first) = rest.chars().next() {
        for (from, to) in words {
            if let Some(after) = rest.strip_prefix(from) {
                replaced.push_str(to);
                rest = after;
                continue 'text;
            }
        }
        replaced.push(first);
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    replaced
}
