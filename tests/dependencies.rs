//! What is checked of our dependencies, with a `cargo` that answers as it is told, and once with the real one.
#![expect(clippy::disallowed_methods, reason = "runs the scripts that are tested")]
#![expect(clippy::unwrap_used, reason = "a test's helper may fail it")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Answers what its environment says, and writes down what it was asked.
const CARGO: &str = r#"#!/bin/sh
echo "$*" >>"$ASKED"
case "$*" in
  *"fetch db"*) echo "no network"; exit "$FETCHED" ;;
  *advisories*) echo "$SAID"; exit "$FOUND" ;;
esac
"#;
const COPY: &str = "advisory-dbs/advisory-db-3157b0e258782691/crates";

fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// `scripts/deny` with such a cargo.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        program(&folder.path().join("bin/cargo"), CARGO);
        Self(folder)
    }

    /// With a copy of the database of an earlier time.
    fn with_copy() -> Self {
        let desk = Self::new();
        fs::create_dir_all(desk.0.path().join(COPY)).unwrap();
        desk
    }

    /// What it comes to, what it said, and what cargo was asked.
    fn deny(&self, variables: &[(&str, &str)]) -> (bool, String, String) {
        let asked = self.0.path().join("asked");
        let _ = fs::remove_file(&asked);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.0.path().join("bin").display());
        let mut script = Command::new(Path::new(ROOT).join("scripts/deny"));
        script.env_clear().env("PATH", path).env("CARGO_HOME", self.0.path()).env("ASKED", &asked);
        script.envs([("FETCHED", "1"), ("FOUND", "0"), ("SAID", "")]).envs(variables.iter().copied());
        let output = script.output().unwrap();
        (output.status.success(), said(&output), fs::read_to_string(asked).unwrap())
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn a_database_that_cannot_be_had_is_said_and_no_failure() {
    for ci in ["", "true"] {
        let (well, said, asked) = Desk::new().deny(&[("CI", ci)]);
        assert!(
            well && said.contains("advisories: NOT CHECKED") && said.contains("BGCTL_ADVISORY_DB"),
            "{said}"
        );
        assert!(!asked.contains("check advisories"), "{asked}");
    }
}

#[test]
fn what_the_database_tells_is_a_failure_wherever_it_came_from() {
    let found = ("FOUND", "1");
    assert!(!Desk::new().deny(&[("FETCHED", "0"), found]).0);
    assert!(Desk::new().deny(&[("FETCHED", "0")]).0);
    for ci in ["", "true"] {
        let (well, said, asked) = Desk::with_copy().deny(&[("CI", ci), found]);
        assert!(!well && said.contains("earlier time"), "{said}");
        assert!(asked.contains("--offline") && asked.contains("check advisories"), "{asked}");
        assert!(Desk::with_copy().deny(&[("CI", ci)]).0);
    }
}

#[test]
fn a_copy_that_is_too_old_fails_in_ci_and_is_a_warning_at_the_desk() {
    let stale = [("FOUND", "1"), ("SAID", "repository is stale (last update: 2020-01-01)")];
    let (well, said, _) = Desk::with_copy().deny(&stale);
    assert!(well && said.contains("NOT CHECKED: the copy is too old"), "{said}");
    let (well, said, _) = Desk::with_copy().deny(&[("CI", "true"), stale[0], stale[1]]);
    assert!(!well && said.contains("too old"), "{said}");
}

#[test]
fn a_clone_that_is_named_is_read_or_it_fails() {
    let desk = Desk::new();
    let clone = desk.0.path().join("clone");
    let named = clone.display().to_string();
    let (well, said, _) = desk.deny(&[("BGCTL_ADVISORY_DB", &named)]);
    assert!(!well && said.contains("no clone of RustSec's database"), "{said}");
    fs::create_dir_all(clone.join("crates")).unwrap();
    let (well, _, asked) = desk.deny(&[("BGCTL_ADVISORY_DB", &named)]);
    assert!(well && asked.contains("--offline") && !asked.contains("fetch"), "{asked}");
    assert!(!desk.deny(&[("BGCTL_ADVISORY_DB", &named), ("FOUND", "1")]).0);
}

fn git(folder: &Path, args: &[&str]) {
    let mut git = Command::new("git");
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    let output = git.arg("-C").arg(folder).args(who).args(args).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn an_advisory_of_something_that_is_here_is_found_by_the_real_one() {
    let folder = TempDir::new().unwrap();
    let advisory = |name: &str| {
        let text = "[advisory]\nid = \"RUSTSEC-2099-0001\"\npackage = \"NAME\"\ndate = \"2099-01-01\"\n\n[versions]\npatched = []";
        let entry = folder.path().join("crates").join(name);
        fs::create_dir_all(&entry).unwrap();
        let text =
            format!("```toml\n{}\n```\n\n# made for a test\n\nIt is not true.\n", text.replace("NAME", name));
        fs::write(entry.join("RUSTSEC-2099-0001.md"), text).unwrap();
        git(folder.path(), &["add", "-A"]);
        git(folder.path(), &["commit", "-q", "-m", name]);
    };
    let deny = || {
        let mut script = Command::new(Path::new(ROOT).join("scripts/deny"));
        script.env("BGCTL_ADVISORY_DB", folder.path()).output().unwrap()
    };
    git(folder.path(), &["init", "-q", "-b", "main"]);
    advisory("no-such-crate-here");
    let output = deny();
    assert!(output.status.success(), "{}", said(&output));
    fs::remove_dir_all(folder.path().join("crates")).unwrap();
    advisory("tar");
    let output = deny();
    assert!(!output.status.success() && said(&output).contains("RUSTSEC-2099-0001"), "{}", said(&output));
}

/// `scripts/prereleases` over a lock file and a table.
fn prereleases(lock: &[(&str, &str)], table: &[(&str, &str)]) -> (bool, String) {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    fs::create_dir(at("scripts")).unwrap();
    fs::create_dir(at("docs")).unwrap();
    fs::copy(Path::new(ROOT).join("scripts/prereleases"), at("scripts/prereleases")).unwrap();
    let entry = |(name, version): &(&str, &str)| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\n")
    };
    fs::write(at("Cargo.lock"), lock.iter().map(entry).collect::<String>()).unwrap();
    let row = |(name, version): &(&str, &str)| format!("| {name} | {version} | what | why |\n");
    let rows: String = table.iter().map(row).collect();
    fs::write(at("docs/dependencies.md"), format!("| crate | version |\n|---|---|\n{rows}")).unwrap();
    let output = Command::new(at("scripts/prereleases")).arg("--check").output().unwrap();
    (output.status.success(), said(&output))
}

#[test]
fn what_is_not_released_yet_has_its_reason_or_fails() {
    let (rc, released) = (("a", "1.0.0-rc.1"), ("wasi", "0.11.1+wasi-snapshot-preview1"));
    assert!(prereleases(&[rc, released, ("b", "2.0.0")], &[rc]).0);
    let (well, said) = prereleases(&[rc, ("b", "2.0.0-alpha.1")], &[rc]);
    assert!(!well && said.contains("b 2.0.0-alpha.1"), "{said}");
    // Another one than the one that was thought about, and one that has gone.
    assert!(!prereleases(&[("a", "1.0.0-rc.2")], &[rc]).0);
    assert!(!prereleases(&[("a", "1.0.0")], &[rc]).0);
}
