//! The README's example is real: its files are valid, render, and its commands are commands.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper may fail it")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bgctl::cli::Cli;
use bgctl::model::source::Source;
use bgctl::model::{Files, Inventory, Playbook, parse_extra};
use bgctl::plan::{Model, check, questions};

const README: &str = include_str!("../README.md");

/// The block of code that follows the first mention of `title`.
fn block(title: &str) -> &'static str {
    let (_, rest) = README.split_once(title).unwrap();
    let (_, rest) = rest.split_once("\n```").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    rest.split_once("\n```").unwrap().0
}

struct Templates;

impl Files for Templates {
    fn template(&self, name: &str) -> Result<Arc<Source>, String> {
        Ok(Source::new(name, block(&format!("`templates/{name}`"))))
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, String> {
        Err(name.to_owned())
    }
}

/// The example, with these `-e`.
fn model(extra: &[&str]) -> Model {
    let extra: Vec<String> = extra.iter().map(ToString::to_string).collect();
    let extra = parse_extra(&extra, &|_| unreachable!()).unwrap();
    let inventory = Source::new("inventory", block("`inventories/prod.yml`"));
    let inventory = Inventory::parse(&[inventory], Path::new("/"), &extra).unwrap();
    let playbook = Source::new("playbook", block("`playbooks/blue-green.yml`"));
    let playbook = Playbook::parse(&playbook, &Templates).unwrap_or_else(|problems| panic!("{problems}"));
    let (limit, escalations) = (None, BTreeMap::new());
    Model { inventory, playbook, extra, limit, escalations, run: "run".to_owned() }
}

#[test]
fn its_files_are_valid_and_render() {
    let model = model(&["version=1.4.0"]);
    check(&model).unwrap_or_else(|problems| panic!("{problems}"));
    let asked: Vec<String> = questions(&model).unwrap().into_keys().map(|host| host.to_string()).collect();
    assert_eq!(asked, ["app1", "app2", "lb1"]);
}

#[test]
fn without_a_version_it_says_where_one_is_wanted() {
    let problems = check(&model(&[])).unwrap_err().to_string();
    assert!(problems.contains("the variable `version` is not defined"), "{problems}");
    assert!(problems.contains("--> playbook:3:27"), "{problems}");
    assert!(problems.contains("-e version=…"), "{problems}");
}

#[test]
fn its_commands_are_commands() {
    let commands: Vec<&str> = block("Then:").lines().collect();
    assert!(commands.len() > 2, "{commands:?}");
    for command in commands {
        let words = shlex::split(command).unwrap();
        Cli::parse_args(&words).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

#[test]
fn its_links_lead_somewhere() {
    for file in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/limits.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(path.parent().unwrap().join(link).exists(), "{file}: {link}");
        }
    }
}
