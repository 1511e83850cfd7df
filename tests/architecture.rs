//! The layers, checked from the source itself.
#![expect(clippy::unwrap_used, reason = "a test's helper may fail it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which rooms a room may name as `crate::…`; itself it may always name.
const LAYERS: [(&str, &[&str]); 13] = [
    ("model", &[]),
    ("scripts", &[]),
    ("paint", &["model"]),
    ("facts", &["model", "scripts"]),
    ("plan", &["facts", "model", "paint"]),
    ("event", &["plan", "model"]),
    ("journal", &["event", "model"]),
    ("report", &["event", "plan", "model", "paint"]),
    ("remote", &["model", "scripts"]),
    ("run", &["event", "facts", "journal", "model", "plan", "remote", "report", "scripts"]),
    ("ui", &["model", "paint"]),
    ("cli", &["model"]),
    (
        "cmd",
        &[
            "cli", "event", "facts", "journal", "model", "paint", "plan", "remote", "report", "run",
            "scripts", "ui",
        ],
    ),
];

/// Crates that stand behind one door each: where they may be named.
const DOORS: [(&str, &[&str]); 8] = [
    ("russh", &["remote/ssh/"]),
    ("hyper", &["remote/ssh/"]),
    ("handlebars", &["model/template/"]),
    ("granit_parser", &["model/source/"]),
    ("annotate_snippets", &["model/source/"]),
    ("clap", &["cli.rs", "cli/"]),
    ("indicatif", &["report/", "ui.rs"]),
    // For its widths and styles; the terminal itself is `ui`'s and `report`'s.
    ("console", &["report/", "ui.rs", "paint.rs", "plan/show", "cmd/"]),
];

/// No file is longer; a file of tests may be half as long again.
const LONGEST: usize = 400;

struct Page {
    /// Below `src/`.
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages(extension: &str) -> Vec<Page> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root().join("src")).unwrap().to_str().unwrap().to_owned();
                found.push(Page { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty());
    found
}

/// The room that a file is in.
fn room(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// The words that follow `crate::` in code, `crate::{a, b::c}` included.
fn named(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => {
                found.extend(list.split('}').next().unwrap().split(',').map(|item| word(item.trim())));
            }
            None => {
                found.insert(word(rest));
            }
        }
    }
    found
}

#[test]
fn every_room_names_only_the_rooms_beneath_it() {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.into_iter().collect();
    let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let pages = pages("rs");
    for page in pages.iter().filter(|page| !["lib.rs", "main.rs"].contains(&page.path.as_str())) {
        let room = room(&page.path);
        let may = layers.get(room).unwrap_or_else(|| panic!("{} is in no room of the table", page.path));
        for name in named(&page.text) {
            assert!(name == room || may.contains(&name.as_str()), "{} names crate::{name}", page.path);
            seen.entry(room).or_default().insert(name);
        }
    }
    assert!(seen["run"].contains("remote") && seen["plan"].contains("facts"), "nothing was read: {seen:?}");
}

#[test]
fn the_table_has_no_circle() {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut rest: Vec<_> = LAYERS.to_vec();
    while !rest.is_empty() {
        let before = rest.len();
        rest.retain(|(room, may)| {
            let ready = may.iter().all(|name| known.contains(name));
            if ready {
                known.insert(room);
            }
            !ready
        });
        assert!(rest.len() < before, "a circle among {rest:?}");
    }
}

#[test]
fn each_foreign_crate_has_one_door() {
    for page in pages("rs") {
        for (name, doors) in DOORS {
            let names =
                page.text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")).any(|line| {
                    line.match_indices(&format!("{name}::")).any(|(at, _)| {
                        let before = line[..at].chars().next_back();
                        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
                    })
                });
            let allowed = doors.iter().any(|door| page.path.starts_with(door));
            assert!(!names || allowed, "{} names {name}, which belongs into {doors:?}", page.path);
        }
    }
}

#[test]
fn files_are_short() {
    for page in pages("rs") {
        let lines = page.text.lines().count();
        let is_tests = page.path.ends_with("tests.rs");
        let longest = if is_tests { LONGEST * 3 / 2 } else { LONGEST };
        assert!(lines <= longest, "{} has {lines} lines", page.path);
    }
}

#[test]
fn every_file_begins_with_a_sentence_about_itself() {
    for page in pages("rs") {
        let tests = page.path.ends_with("tests.rs");
        assert!(tests || page.text.starts_with("//! "), "{} does not say what it is for", page.path);
    }
}

#[test]
fn every_script_is_part_of_the_program() {
    let rust: String = pages("rs").into_iter().map(|page| page.text).collect();
    for page in pages("sh") {
        let name = page.path.rsplit('/').next().unwrap();
        let included =
            rust.lines().any(|line| line.contains("include_str!") && line.contains(&format!("{name}\"")));
        assert!(included, "{} is included nowhere", page.path);
        assert!(page.text.starts_with("# "), "{} does not say what it does", page.path);
    }
}

#[test]
fn unsafe_code_stays_forbidden() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    for page in pages("rs") {
        let code = page.text.lines().map(str::trim_start);
        let found = code.filter(|line| line.contains("unsafe {") || line.contains("allow(unsafe_code"));
        assert_eq!(found.count(), 0, "{}", page.path);
    }
}
