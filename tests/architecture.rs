//! The layers of ARCHITECTURE.md, checked from the source itself.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's helper may fail it")]

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

fn sources(folder: &Path, kind: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, kind, found);
        } else if path.extension().is_some_and(|ending| ending == kind) {
            found.push(path);
        }
    }
}

/// Each source file's path beneath `src/` and its text, tests left out.
fn house() -> Vec<(String, String)> {
    let src = Path::new(ROOT).join("src");
    let mut files = Vec::new();
    sources(&src, "rs", &mut files);
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
    let rooms: [(&str, &[&str]); 8] = [
        ("russh", &["remote/ssh"]),
        ("handlebars", &["model/template"]),
        ("granit_parser", &["model/source"]),
        ("clap", &["cli"]),
        ("hyper", &["remote/ssh"]),
        ("rustls", &["remote/ssh"]),
        ("indicatif", &["report"]),
        ("console::Term", &["ui"]),
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

/// A file that is longer holds two nouns; tests may be half as long again.
const LONGEST: usize = 400;

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let src = Path::new(ROOT).join("src");
    let mut files = Vec::new();
    sources(&src, "rs", &mut files);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let is_tests = path.to_str().unwrap().ends_with("tests.rs");
        let longest = if is_tests { LONGEST * 3 / 2 } else { LONGEST };
        let lines = text.lines().count();
        assert!(lines <= longest, "{} has {lines} lines", path.display());
        assert!(is_tests || text.starts_with("//! "), "{} does not say what it is for", path.display());
    }
}

#[test]
fn every_script_is_part_of_the_program() {
    let rust: String = house().into_iter().map(|(_, text)| text).collect();
    let texts = fs::read_to_string(Path::new(ROOT).join("src/scripts.rs")).unwrap();
    let mut scripts = Vec::new();
    sources(&Path::new(ROOT).join("src"), "sh", &mut scripts);
    assert!(!scripts.is_empty());
    for path in scripts {
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut lines = rust.lines().filter(|line| line.contains("include_str!"));
        let ends = [format!("/{name}\""), format!("(\"{name}\"")];
        let alone = lines.any(|line| ends.iter().any(|end| line.contains(end)));
        let sent = texts.contains(&format!("\"{}\"", name.trim_end_matches(".sh")));
        assert!(alone || sent, "{name} is included nowhere");
        assert!(fs::read_to_string(&path).unwrap().starts_with("# "), "{name} does not say what it does");
    }
}

/// What is written to a terminal has passed the door: in `ui`, or in the reports that are given a stream.
#[test]
fn the_screen_has_one_door() {
    let rules = fs::read_to_string(Path::new(ROOT).join("clippy.toml")).unwrap();
    for way in ["println", "print", "eprintln", "eprint", "io::stdout", "io::stderr"] {
        assert!(rules.contains(&format!("\"std::{way}\"")), "clippy.toml lets {way} pass");
    }
    let house = house();
    let excused =
        |(file, text): &(String, String)| (file.clone(), text.matches("clippy::disallowed_").count());
    let mut excused: Vec<(String, usize)> =
        house.iter().map(excused).filter(|(_, count)| *count > 0).collect();
    excused.sort();
    assert_eq!(excused, [("cli/environment.rs".to_owned(), 1), ("ui.rs".to_owned(), 2)]);
    for (file, text) in &house {
        if text.contains("write_all(") && file.starts_with("report/") {
            assert!(text.contains(".page(") || text.contains("json("), "{file} writes past the door");
        }
    }
}

/// Of two functions of one name the later one counts, for all of the script.
#[test]
fn no_library_takes_another_ones_name_in_a_script() {
    let text = fs::read_to_string(Path::new(ROOT).join("src/scripts.rs")).unwrap();
    let mut scripts = 0;
    for script in text.split("pub const ").skip(1) {
        let (name, parts) = script.split_once(':').unwrap();
        let files = parts.split('"').skip(1).step_by(2).map(|part| match part.strip_suffix(".sh") {
            Some(_) => format!("src/{part}"),
            None => format!("src/run/scripts/{part}.sh"),
        });
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for file in files {
            let text = fs::read_to_string(Path::new(ROOT).join(&file)).unwrap();
            let function = |line: &'_ str| line.split_once("()").map(|(name, _)| name.to_owned());
            let plain =
                |name: &String| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
            for function in text.lines().filter_map(function).filter(plain) {
                let other = known.insert(function.clone(), file.clone());
                assert!(other.is_none(), "{name}: {function} is in {file} and in {}", other.unwrap());
            }
        }
        scripts += usize::from(!known.is_empty());
    }
    assert!(scripts > 10, "{scripts}");
}

#[test]
fn what_keeps_the_house_safe_stays_switched_on() {
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    for lint in ["unsafe_code = \"forbid\"", "missing_docs = \"warn\"", "unwrap_used = \"warn\""] {
        assert!(manifest.contains(lint), "Cargo.toml no longer says {lint}");
    }
}
