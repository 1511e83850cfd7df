//! Every script's text: what it counts with has been looked at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every script that hosts get, by its path beneath `src/`.
pub(crate) fn scripts() -> Vec<(String, String)> {
    fn look(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "sh") {
                found.push(path);
            }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    look(&src, &mut found);
    found.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned(), text)
    };
    found.into_iter().map(read).collect()
}

/// What scripts count with that they made themselves, or that this program gives them.
const OWN: &[(&str, &[&str])] = &[
    ("facts/facts.sh", &["#", "at_size", "its_deadline"]), // at_size: of stat on this host, where `[` counts nothing out
    ("remote/ssh/kill.sh", &["i"]),
    ("run/scripts/clock_lib.sh", &["up", "hundredths"]),
    ("run/scripts/command_switch_lib.sh", &["seconds", "until"]),
    ("run/scripts/compose_up.sh", &["services"]),
    ("run/scripts/container_health.sh", &["named"]),
    ("run/scripts/dead_man.sh", &["timeout", "deadline"]),
    ("run/scripts/drain.sh", &["begin", "until"]),
    ("run/scripts/drained.sh", &["begin", "until"]),
    ("run/scripts/guard_lib.sh", &["3", "patience"]),
    ("run/scripts/keep.sh", &["count"]),
    ("run/scripts/lock.sh", &["tries"]),
    ("run/scripts/nginx_switch_lib.sh", &["asked", "begun", "seconds", "until", "longest"]),
    ("run/scripts/one_off_lib.sh", &["tries"]),
    ("run/scripts/path_lib.sh", &["at_turns"]),
    ("run/scripts/swap.sh", &["begin", "its_deadline", "patience"]),
    ("run/scripts/watch.sh", &["1", "2", "3", "from", "most", "now_size"]),
];

/// The names of variables in a text of shell; in arithmetic those without a `$`, too.
fn names(text: &str, bare: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = text.replace("$#", "");
    if let Some(at) = rest.find("$(wc") {
        rest.truncate(at);
        found.insert("wc".to_owned());
    }
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = rest.replace(['$', '{', '}', '"', '%', '.', '*', '(', ')', '+', '-', '/'], " ");
    for word in words.split(|letter| !is_part(letter)).filter(|word| !word.is_empty()) {
        let is_number = word.chars().all(|letter| letter.is_ascii_digit());
        let with_dollar = rest.contains(&format!("${word}")) || rest.contains(&format!("${{{word}"));
        if with_dollar || (bare && !is_number) {
            // A 1 ahead of hundredths is no name.
            found.insert(word.to_owned());
        }
    }
    found
}

/// What a line counts with.
fn counted(line: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // What is cut off a text has blanks in it.
    let line = line.replace("$(now)", "0").replace("#* }", "}").replace("% *}", "}");
    for part in line.split("$((").skip(1) {
        found.extend(names(part.split("))").next().unwrap_or_default(), true));
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    for (at, word) in words.iter().enumerate() {
        if ["-eq", "-ne", "-lt", "-le", "-gt", "-ge"].contains(word) {
            for operand in [at.checked_sub(1), Some(at + 1)].into_iter().flatten() {
                found.extend(words.get(operand).map(|word| names(word, false)).unwrap_or_default());
            }
        }
    }
    found
}

#[test]
fn nothing_is_counted_with_that_was_not_looked_at() {
    let mut wrong = Vec::new();
    for (path, text) in scripts() {
        let own = OWN.iter().find(|(file, _)| *file == path).map_or(&[][..], |(_, names)| names);
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let looked_at = |name: &String| {
                own.contains(&name.as_str())
                    || text.contains(&format!("digits \"${name}\""))
                    || text.contains(&format!("digits \"${{{name}"))
                    || text.contains(&format!("for number in \"${name}\""))
            };
            // awk and its kind count by themselves.
            if !line.contains("for (i") {
                wrong.extend(
                    counted(line)
                        .into_iter()
                        .filter(|name| !looked_at(name))
                        .map(|name| format!("{path}: {name} in {}", line.trim())),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_counted_with_is_found() {
    let found = |line: &str| counted(line).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(found("left=$(((its_deadline - $(now)) / 1000))"), "its_deadline");
    assert_eq!(found("x \"+$((${seen:-0} + 1))\""), "seen");
    assert_eq!(found("if [ \"$size\" -gt 3 ] || [ \"${a#* }\" -lt \"$most\" ]; then"), "a most size");
    assert_eq!(found("echo 3"), "");
}

/// A program's variables that come from hosts go by its environment: awk reads backslashes in `-v`.
#[test]
fn awk_is_given_no_text_of_others() {
    for (path, text) in scripts() {
        for line in text.lines().filter(|line| line.contains("awk -v")) {
            assert!(
                path.ends_with("nginx_lib.sh") && line.contains("-v name=\"$1\" -v deepest=\"$2\""),
                "{path}: {line}"
            );
        }
    }
}
