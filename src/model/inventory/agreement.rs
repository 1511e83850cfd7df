//! The inventories in `tests/inventory`, beside what Ansible says of each (core 2.19).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::*;
use crate::model::Pattern;

#[derive(Deserialize)]
struct Expected {
    groups: IndexMap<String, Vec<String>>,
    hosts: IndexMap<String, ExpectedHost>,
    #[serde(default)]
    patterns: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct ExpectedHost {
    group_names: Vec<String>,
    short: String,
    vars: Vars,
}

/// Set by bgctl for every host, and not listed by `ansible-inventory`.
const MAGIC: [&str; 5] =
    ["inventory_hostname", "inventory_hostname_short", "inventory_file", "inventory_dir", "group_names"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventory")
}

fn load(name: &str) -> (Inventory, Expected) {
    let text = fs::read_to_string(folder().join(format!("{name}.yml"))).unwrap();
    let source = Source::new(format!("{name}.yml"), text);
    let inventory = Inventory::parse(&[source], Path::new("/inventories"), &Vars::new())
        .unwrap_or_else(|problems| panic!("{name}: {problems}"));
    let expected = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    (inventory, serde_json::from_str(&expected).unwrap())
}

fn names(hosts: &[HostName]) -> Vec<&str> {
    hosts.iter().map(HostName::as_str).collect()
}

#[track_caller]
fn agrees(name: &str) {
    let (inventory, expected) = load(name);
    let groups: Vec<_> =
        inventory.groups().iter().map(|(name, hosts)| (name.as_str(), names(hosts))).collect();
    let theirs: Vec<_> = expected
        .groups
        .iter()
        .map(|(name, hosts)| (name.as_str(), hosts.iter().map(String::as_str).collect::<Vec<_>>()))
        .collect();
    assert_eq!(groups, theirs, "the groups of {name}, their order and the order of their hosts");
    assert_eq!(names(inventory.hosts()), expected.hosts.keys().collect::<Vec<_>>(), "the hosts of {name}");
    for (host, expected) in expected.hosts {
        let mut vars = inventory.vars(&host.parse().unwrap());
        assert_eq!(vars["group_names"], serde_json::json!(expected.group_names), "{name}: {host}");
        assert_eq!(vars["inventory_hostname_short"], expected.short.as_str(), "{name}: {host}");
        for magic in MAGIC {
            assert!(vars.remove(magic).is_some(), "{name}: {host} has no {magic}");
        }
        assert_eq!(vars, expected.vars, "{name}: the variables of {host}");
    }
    for (pattern, hosts) in expected.patterns {
        let selection = inventory.select(&Pattern::parse(&pattern).unwrap()).unwrap();
        assert_eq!(names(&selection.hosts), hosts, "the hosts of the pattern {pattern}");
    }
}

macro_rules! inventories {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            agrees(stringify!($name));
        })*

        #[test]
        fn no_inventory_is_forgotten() {
            let mut listed = vec![$(concat!(stringify!($name), ".yml").to_owned()),*];
            let mut there: Vec<String> = fs::read_dir(folder())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name.ends_with(".yml"))
                .collect();
            listed.sort();
            there.sort();
            assert_eq!(listed, there);
        }
    };
}

inventories! {
    anchors diamond merging nested patterns ports priority ranges simple strings templates ungrouped values
}
