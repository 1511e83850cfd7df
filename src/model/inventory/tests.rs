//! What no inventory of `tests/inventory` shows: problems, several sources, `-e`, and where values stand.

use serde_json::json;

use super::*;
use crate::model::{Pattern, PatternError};

fn sources(texts: &[&str]) -> Vec<Arc<Source>> {
    let named = texts.iter().enumerate();
    named.map(|(at, text)| Source::new(format!("inventories/{}.yml", at + 1), *text)).collect()
}

fn parse(texts: &[&str], extra: &serde_json::Value) -> Result<Inventory, Problems> {
    let extra = extra.as_object().unwrap();
    Inventory::parse(&sources(texts), Path::new("/home/me"), extra)
}

fn inventory(text: &str) -> Inventory {
    parse(&[text], &json!({})).unwrap()
}

fn host(name: &str) -> HostName {
    name.parse().unwrap()
}

/// Each problem as `line:column message`.
#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let problems = parse(&[text], &json!({})).unwrap_err().0;
    let found: Vec<String> = problems
        .iter()
        .map(|problem| {
            let (line, column) = problem.line_column().unwrap();
            format!("{line}:{column} {}", problem.message())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_later_source_wins_over_the_earlier_and_extra_over_all() {
    let first = "web:\n  vars: {a: 1, b: 1, c: 1}\n  hosts: {w1: {h: 1, c: 2}}\n";
    let second = "web:\n  vars: {b: 2, c: 3}\n  hosts: {w2: , w1: {h: 2, e: 1}}\n";
    let inventory = parse(&[first, second], &json!({"e": 2, "inventory_hostname": "no"})).unwrap();
    assert_eq!(inventory.group("web"), Some(vec![host("w1"), host("w2")]));
    assert_eq!(
        serde_json::Value::Object(inventory.vars(&host("w1"))),
        json!({
            "a": 1, "b": 2, "c": 2, "h": 2, "e": 2,
            "inventory_hostname": "w1",
            "inventory_hostname_short": "w1",
            "inventory_file": "/home/me/inventories/1.yml",
            "inventory_dir": "/home/me/inventories",
            "group_names": ["web"],
        })
    );
    assert_eq!(inventory.vars(&host("w2"))["inventory_file"], "/home/me/inventories/2.yml");
    assert_eq!(
        inventory.vars(&host("stranger")),
        *json!({"e": 2, "inventory_hostname": "no"}).as_object().unwrap()
    );
}

#[test]
fn a_source_may_lie_above_the_base_or_anywhere() {
    for (name, file) in
        [("../up.yml", "/home/up.yml"), ("./x/../y.yml", "/home/me/y.yml"), ("/etc/h", "/etc/h")]
    {
        let source = Source::new(name, "all: {hosts: h}");
        let inventory = Inventory::parse(&[source], Path::new("/home/me"), &Vars::new()).unwrap();
        assert_eq!(inventory.vars(&host("h"))["inventory_file"], file);
    }
}

#[test]
fn a_value_is_located_where_it_wins() {
    let text = "all:\n  vars: {a: 1, b: 1}\n  children:\n    web:\n      vars:\n        b: 2\n      hosts:\n        w[1:2]:\n          c: 3\n";
    let inventory = parse(&[text], &json!({"e": 1})).unwrap();
    let place = |key| inventory.locate(&host("w2"), key).map(|location| location.line_column());
    assert_eq!(place("a"), Some((2, 13)));
    assert_eq!(place("b"), Some((6, 12)));
    assert_eq!(place("c"), Some((9, 14)));
    assert_eq!(place("e"), None);
    assert_eq!(place("inventory_hostname"), None);
}

#[test]
fn every_problem_of_every_source_is_said_at_once() {
    let first = "web:\n  host: {w1: }\n";
    let second = "db: [d1]\n";
    let problems = parse(&[first, second], &json!({})).unwrap_err().0;
    assert_eq!(problems.len(), 2);
    let shown = problems[0].render(false);
    for part in [
        "unknown key `host` in the group `web`",
        "inventories/1.yml:2:3",
        "host: {w1: }",
        "did you mean `hosts`?",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

#[test]
fn what_has_no_meaning_is_refused_where_it_stands() {
    refused("", &["1:1 the inventory is empty"]);
    refused("- web\n", &["1:1 the inventory must be a mapping of groups"]);
    refused("plugin: aws_ec2\n", &["1:1 inventory plugins are not available in this version"]);
    refused("web: w1\n", &["1:6 the group `web` must be a mapping, and this is text"]);
    refused("web:\n  hosts:\n    - w1\n", &["3:5 `hosts` of the group `web` must be a mapping"]);
    refused(
        "web:\n  hosts:\n    w1: 3\n",
        &["3:9 the variables of the host `w1` must be a mapping, and this is a number"],
    );
    refused(
        "web:\n  hosts:\n    10:\n    1.5:\n  vars: {on: 1}\n",
        &[
            "3:5 a host's name must be text, and this is a number",
            "4:5 a host's name must be text, and this is a number",
            "5:10 a variable's name must be text, and this is a boolean",
        ],
    );
    refused(
        "web:\n  hosts:\n    w[3:1]:\n    w1:ssh:\n    w2:99999:\n",
        &[
            "3:5 `w[3:1]` is no host: the range [3:1] begins after its end",
            "4:5 `w1:ssh` is no host: what follows the colon is no port; write an IPv6 address with a port as [ADDRESS]:PORT",
            "5:5 `w2:99999` is no host: 99999 is no port: ports go from 1 to 65535",
        ],
    );
    refused(
        "web:\n  vars: {ansible_group_priority: high}\n",
        &["2:34 `ansible_group_priority` must be a whole number"],
    );
}

#[test]
fn groups_within_each_other_are_named() {
    refused(
        "a:\n  children:\n    b:\n      children:\n        c:\n          children:\n            a:\n",
        &["7:13 these groups are within each other: a > b > c > a"],
    );
    refused("a:\n  children:\n    a:\n", &["3:5 the group `a` is its own child"]);
    refused("a:\n  children:\n    all:\n", &["3:5 these groups are within each other: all > a > all"]);
    refused(
        "a: {children: {b: }}\nb: {children: {a: , x: }}\nc: {children: {d: }}\nd: {children: {c: }}\n",
        &[
            "2:16 these groups are within each other: a > b > a",
            "4:16 these groups are within each other: c > d > c",
        ],
    );
}

#[test]
fn a_part_of_a_pattern_that_matches_nothing_is_told() {
    let inventory = inventory("web: {hosts: {w1: , w2: }}\nempty:\n");
    let select = |pattern| inventory.select(&Pattern::parse(pattern).unwrap());
    let all = vec![host("w1"), host("w2")];
    assert_eq!(
        select("web,wbe,!none*"),
        Ok(Selection { hosts: all.clone(), unmatched: vec!["wbe".to_owned(), "none*".to_owned()] })
    );
    assert_eq!(select("web:empty"), Ok(Selection { hosts: all, unmatched: vec![] }));
    assert_eq!(select("web[2]"), Err(PatternError::OutOfRange { pattern: "web[2]".to_owned(), count: 2 }));
    assert_eq!(select("web[-3]"), Err(PatternError::OutOfRange { pattern: "web[-3]".to_owned(), count: 2 }));
    assert_eq!(select("web[-2]").unwrap().hosts, [host("w1")]);
}
