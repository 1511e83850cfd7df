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
    Model { inventory, playbook, extra, limit, escalations, run: "run".to_owned(), archives: BTreeMap::new() }
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
    let pages = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/limits.md",
        "docs/gateways.md",
        "docs/images.md",
        "docs/migrations.md",
        "docs/apps.md",
        "docs/guarantees.md",
        "docs/performance.md",
    ];
    let shapes = ["README", "multi-host", "single-host", "upstream-block", "primary-backup", "command"]
        .map(|name| format!("docs/shapes/{name}.md"));
    for file in pages.map(str::to_owned).iter().chain(&shapes) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let link = link.split('#').next().unwrap();
            assert!(path.parent().unwrap().join(link).exists(), "{file}: {link}");
        }
    }
}

/// What a page of docs/shapes says that a test shows.
#[test]
fn the_tests_that_the_shapes_name_are_there() {
    let read =
        |path: String| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let mut named = 0;
    for shape in ["multi-host", "single-host", "upstream-block", "primary-backup", "command"] {
        let room = shape.replace('-', "_");
        let tests = read(format!("tests/lab/shapes/{room}.rs"));
        let page = read(format!("docs/shapes/{shape}.md"));
        for name in
            page.split(&format!("`shapes::{room}::")).skip(1).filter_map(|rest| rest.split('`').next())
        {
            assert!(tests.contains(&format!("fn {name}()")), "{shape}: {name}");
            named += 1;
        }
    }
    assert!(named >= 5, "{named}");
}

#[test]
fn the_shipped_sites_differ_in_where_they_listen_alone() {
    let site = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let (head, rest) = text.split_once("\nserver {").unwrap();
        let (_, site) = rest.split_once("# bgctl proves a switch").unwrap();
        (head.split_once("\nupstream").unwrap().1.to_owned(), site.to_owned())
    };
    assert_eq!(site("site.conf.hbs"), site("site-tls.conf.hbs"));
}
