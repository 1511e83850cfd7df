//! The layers of ARCHITECTURE.md, checked from the source itself.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Each module's row of the table: what it may name, and whether it is async.
fn table() -> BTreeMap<String, (BTreeSet<String>, bool)> {
    let text = fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).unwrap();
    let (_, rows) = text.split_once("| module | may name `crate::…` | async | I/O |\n").unwrap();
    let mut table = BTreeMap::new();
    for row in rows.lines().skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let allowed = cells[2].split([',', ' ']).filter(|word| !word.is_empty() && *word != "–");
        table.insert(cells[1].replace('`', ""), (allowed.map(str::to_owned).collect(), cells[3] == "yes"));
    }
    table
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Each source file's path beneath `src/` and its text, tests left out.
fn house() -> Vec<(String, String)> {
    let src = Path::new(ROOT).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let named = files.into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        (name, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned())
    });
    named.filter(|(name, _)| !name.ends_with("tests.rs") && !name.starts_with("main")).collect()
}

fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

fn words_after<'t>(text: &'t str, mark: &str) -> Vec<&'t str> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.split(mark).skip(1).map(|rest| rest.split(|letter| !is_part(letter)).next().unwrap()).collect()
}

#[test]
fn a_module_names_only_what_its_layer_may() {
    let table = table();
    assert!(table.len() > 10, "{table:?}");
    let mut wrong = Vec::new();
    for (file, text) in house() {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let (allowed, is_async) = table.get(module).unwrap_or_else(|| panic!("{module} is not in the table"));
        for named in words_after(&text, "crate::") {
            if named != module && table.contains_key(named) && !allowed.contains(named) {
                wrong.push(format!("{file} names crate::{named}"));
            }
        }
        if !is_async && (text.contains("async fn") || text.contains(".await")) {
            wrong.push(format!("{file} is async"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_dependency_stays_in_its_room() {
    let rooms: [(&str, &[&str]); 6] = [
        ("russh", &["remote/ssh"]),
        ("handlebars", &["model/template"]),
        ("granit_parser", &["model/source"]),
        ("clap", &["cli"]),
        ("hyper", &["remote/ssh"]),
        ("indicatif", &["report"]),
    ];
    let house = house();
    for (dependency, rooms) in rooms {
        let mark = format!("{dependency}::");
        let users: Vec<&str> =
            house.iter().filter(|(_, text)| text.contains(&mark)).map(|(file, _)| file.as_str()).collect();
        assert!(!users.is_empty(), "nobody uses {dependency}");
        for file in users {
            assert!(rooms.iter().any(|room| file.starts_with(room)), "{file} names {dependency}");
        }
    }
}
