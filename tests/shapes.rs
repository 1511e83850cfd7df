//! What `bgctl init` writes is valid for every shape: it can be read and renders, and nothing is ever overwritten.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper may fail it")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use assert_cmd::Command;
use bgctl::model::source::Source;
use bgctl::model::{Files, Inventory, Playbook, Vars, parse_extra};
use bgctl::plan::{Model, check, questions};
use bgctl::shapes::Shape;
use tempfile::TempDir;

/// `bgctl` in a folder, with nothing of the developer's environment.
fn bgctl(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("bgctl").unwrap();
    command.args(args).current_dir(folder).env_clear().env("HOME", folder);
    command
}

/// What says the hosts of a shape.
fn hosts(shape: Shape) -> &'static [&'static str] {
    if shape.is_one_host() {
        &["--host", "solo=198.51.100.9"]
    } else {
        &["--load-balancers", "edge1=198.51.100.1", "--app-servers", "node1=198.51.100.3,node2"]
    }
}

fn init(folder: &Path, shape: Shape) -> Command {
    let args = ["init", "--shape", shape.name(), "--app", "shop", "--user", "ops"];
    bgctl(folder, &[&args, hosts(shape)].concat())
}

struct Folder<'a>(&'a Path);

impl Files for Folder<'_> {
    fn template(&self, name: &str) -> Result<Arc<Source>, String> {
        Ok(source(&self.0.join("templates").join(name)))
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, String> {
        Err(name.to_owned())
    }
}

fn source(path: &Path) -> Arc<Source> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Source::new(path.display().to_string(), text)
}

/// What was written, as `bgctl plan` reads it.
fn model(folder: &Path) -> Model {
    let extra = parse_extra(&["version=1.4.0".to_owned()], &|_| unreachable!()).unwrap();
    let inventory = source(&folder.join("inventories/shop.yml"));
    let inventory = Inventory::parse(&[inventory], Path::new("/"), &extra)
        .unwrap_or_else(|problems| panic!("{problems}"));
    let environment = Vars::from_iter([("SECRET_KEY".to_owned(), "hunter2".into())]);
    let inventory = inventory.with_environment(environment);
    let playbook = Playbook::parse(&source(&folder.join("playbooks/shop.yml")), &Folder(folder));
    let playbook = playbook.unwrap_or_else(|problems| panic!("{problems}"));
    let (limit, escalations) = (None, BTreeMap::new());
    Model { inventory, playbook, extra, limit, escalations, run: "run".to_owned(), archives: BTreeMap::new() }
}

#[track_caller]
fn is_valid(shape: Shape) {
    let folder = TempDir::new().unwrap();
    let said = init(folder.path(), shape).assert().success();
    let said = String::from_utf8(said.get_output().stdout.clone()).unwrap();
    assert!(said.contains("bgctl plan -i inventories/shop.yml -e version=1.0.0 --diff"), "{said}");
    let model = model(folder.path());
    check(&model).unwrap_or_else(|problems| panic!("{problems}"));
    let asked: Vec<String> = questions(&model).unwrap().into_keys().map(|host| host.to_string()).collect();
    let expected: &[&str] = if shape.is_one_host() { &["solo"] } else { &["edge1", "node1", "node2"] };
    assert_eq!(asked, expected);
    assert_eq!(model.playbook.name.as_str(), "shop");
}

#[test]
fn multi_host_is_valid() {
    is_valid(Shape::MultiHost);
}

#[test]
fn single_host_is_valid() {
    is_valid(Shape::SingleHost);
}

#[test]
fn upstream_block_is_valid() {
    is_valid(Shape::UpstreamBlock);
}

#[test]
fn primary_backup_is_valid() {
    is_valid(Shape::PrimaryBackup);
}

#[test]
fn command_is_valid() {
    is_valid(Shape::Command);
}

#[test]
fn a_file_that_is_there_is_named_and_left_alone() {
    let folder = TempDir::new().unwrap();
    init(folder.path(), Shape::MultiHost).assert().success();
    // The same again changes nothing.
    init(folder.path(), Shape::MultiHost).assert().success();
    let playbook = folder.path().join("playbooks/shop.yml");
    std::fs::write(&playbook, "name: mine\n").unwrap();
    std::fs::remove_file(folder.path().join("inventories/shop.yml")).unwrap();
    let said = init(folder.path(), Shape::MultiHost).assert().code(2);
    let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
    assert!(said.contains("a file is there already: ./playbooks/shop.yml; nothing was written"), "{said}");
    assert!(said.contains("--force"), "{said}");
    assert_eq!(std::fs::read_to_string(&playbook).unwrap(), "name: mine\n");
    assert!(!folder.path().join("inventories/shop.yml").exists());
    init(folder.path(), Shape::MultiHost).arg("--force").assert().success();
    assert!(std::fs::read_to_string(&playbook).unwrap().contains("name: shop\n"));
    // A link is replaced, and not what it points to.
    let elsewhere = folder.path().join("elsewhere");
    std::fs::rename(&playbook, &elsewhere).unwrap();
    std::fs::write(&elsewhere, "name: mine\n").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &playbook).unwrap();
    init(folder.path(), Shape::MultiHost).assert().code(2);
    init(folder.path(), Shape::MultiHost).arg("--force").assert().success();
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "name: mine\n");
    assert!(std::fs::read_to_string(&playbook).unwrap().contains("name: shop\n"));
}

#[test]
fn without_a_terminal_what_is_missing_is_named() {
    let folder = TempDir::new().unwrap();
    for (args, named) in [
        (&["init"][..], "--app, --load-balancers, --app-servers is missing"),
        (
            &["init", "--app", "shop", "--app-servers", "a"],
            "bgctl init --shape multi-host --load-balancers HOSTS",
        ),
        (&["init", "--shape", "single-host"], "bgctl init --shape single-host --app NAME --host HOST"),
        (
            &["init", "--shape", "single-host", "--app", "a", "--host", "b", "--app-servers", "c"],
            "cannot be used with",
        ),
        (&["init", "--shape", "command", "--app", "a", "--host", "b"], "--shape single-host"),
        (&["init", "--shape", "single-host", "--app", "a", "--load-balancers", "b"], "has one host"),
        (&["init", "--shape", "round"], "multi-host"),
        (&["init", "--app", "Shop"], "lower-case"),
        (&["init", "--app", "shop", "--load-balancers", "a,a", "--app-servers", "b"], "a is named twice"),
        (&["init", "--app", "shop", "--load-balancers", "a b", "--app-servers", "c"], "NAME=ADDRESS"),
        (&["init", "--app", "shop", "--load-balancers", "app_servers", "--app-servers", "c"], "a group of"),
        (
            &["init", "--app", "shop", "--load-balancers", "a", "--app-servers", "12,Yes"],
            "is no text in YAML",
        ),
    ] {
        let said = bgctl(folder.path(), args).assert().code(2);
        let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
        assert!(said.contains(named), "{args:?}: no {named:?} in {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The flag that only one shape has says which.
#[test]
fn a_host_alone_is_the_shape_of_one() {
    let folder = TempDir::new().unwrap();
    let said = bgctl(folder.path(), &["init", "--app", "shop", "--host", "solo"]).assert().success();
    // Its next step needs what no file says.
    assert!(String::from_utf8_lossy(&said.get_output().stdout).contains("in your environment: SECRET_KEY"));
    assert!(
        std::fs::read_to_string(folder.path().join("playbooks/shop.yml"))
            .unwrap()
            .contains("file: /etc/nginx")
    );
}

#[test]
fn help_tells_every_shape_in_a_line() {
    let said = bgctl(Path::new("."), &["init", "--help"]).assert().success();
    let said = String::from_utf8(said.get_output().stdout.clone()).unwrap();
    for shape in Shape::ALL {
        let is_line =
            |line: &str| line.contains(&format!("- {}:", shape.name())) && line.contains(shape.summary());
        assert!(said.lines().any(is_line), "no {} in {said}", shape.name());
    }
}

#[test]
fn programs_are_told_what_was_written() {
    let folder = TempDir::new().unwrap();
    let said = init(folder.path(), Shape::SingleHost).args(["--output", "json"]).assert().success();
    let said: serde_json::Value = serde_json::from_slice(&said.get_output().stdout).unwrap();
    assert_eq!(said["shape"], "single-host");
    assert_eq!(said["files"][0], "inventories/shop.yml");
    assert_eq!(said["next"], "bgctl plan -i inventories/shop.yml -e version=1.0.0 --diff");
}

/// At a terminal of its own, by `script` of util-linux; `answers` are typed.
fn at_a_terminal(folder: &Path, command: &str, answers: &str) -> String {
    let mut script = Command::new("script");
    script.args(["-qec", command, "/dev/null"]).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin");
    let said = script.env("NO_COLOR", "1").write_stdin(answers.to_owned()).output().unwrap();
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn at_a_terminal_what_is_missing_is_asked_for_until_it_can_be_read() {
    let (folder, bgctl) = (TempDir::new().unwrap(), env!("CARGO_BIN_EXE_bgctl"));
    let answers = "round\n\nMy Shop\nshop\nedge1\nnode1=198.51.100.3, node2\n\nops\n";
    let said = at_a_terminal(folder.path(), &format!("{bgctl} init"), answers);
    for text in ["\"round\" is none of these", "\"My Shop\" is no app name", "Image [shop:{{ version }}]: "] {
        assert!(said.contains(text), "no {text:?} in {said}");
    }
    let by_flags = TempDir::new().unwrap();
    init(by_flags.path(), Shape::MultiHost).assert().success();
    for file in ["inventories/shop.yml", "playbooks/shop.yml", "templates/site.conf.hbs"] {
        let (asked, given) = (source(&folder.path().join(file)), source(&by_flags.path().join(file)));
        assert_eq!(
            asked.text.replace("        edge1:\n", "        edge1: { ansible_host: 198.51.100.1 }\n"),
            given.text
        );
    }
    // Nothing is asked where nothing is missing, and nothing is written when nobody answers.
    let nobody = TempDir::new().unwrap();
    let said = at_a_terminal(nobody.path(), &format!("{bgctl} init --app shop"), "\n");
    assert!(said.contains("nothing was written"), "{said}");
    assert_eq!(std::fs::read_dir(nobody.path()).unwrap().count(), 0);
    let said =
        at_a_terminal(nobody.path(), &format!("{bgctl} init --shape single-host --app shop --host solo"), "");
    assert!(said.contains("Written") && !said.contains("Image"), "{said}");
}
