//! What is refused before any host is contacted, because a deploy would be to somebody else, or touch what is live.
#![expect(clippy::unwrap_used, reason = "a test's helper may fail it")]

use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

/// `bgctl` in a folder, with nothing of the developer's environment.
fn bgctl(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("bgctl").unwrap();
    command.args(args).current_dir(folder).env_clear().env("HOME", folder);
    command
}

/// The files of a shape, in the current folder.
fn init(folder: &Path, shape: &str) {
    let names = [
        "--app",
        "shop",
        "--load-balancers",
        "edge1=198.51.100.1",
        "--app-servers",
        "node1=198.51.100.3,node2",
    ];
    bgctl(folder, &[&["init", "--shape", shape], &names[..]].concat()).assert().success();
}

/// Else a deploy to nobody would be a success, and a switch would move traffic to what does not run.
#[test]
fn a_group_that_is_not_there_is_refused_before_any_host_is_contacted() {
    let folder = TempDir::new().unwrap();
    init(folder.path(), "primary-backup");
    let playbook = folder.path().join("playbooks/shop.yml");
    let text = std::fs::read_to_string(&playbook).unwrap();
    let refused = |text: &str, words: &[&str]| {
        std::fs::write(&playbook, text).unwrap();
        for command in [
            &["plan"][..],
            &["apply", "-y"],
            &["switch", "--to", "green", "-y"],
            &["rollback", "-y"],
            &["status"],
        ] {
            let args = [command, &["-i", "inventories/shop.yml", "-e", "version=1"]].concat();
            let said = bgctl(folder.path(), &args).assert().code(2);
            let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
            assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
        }
    };
    let typo = text.replacen("hosts: app_servers", "hosts: app_server", 1);
    refused(
        &typo,
        &[
            "no host and no group of the inventory is `app_server`",
            "did you mean `app_servers`?",
            "shop.yml:",
        ],
    );
    let typo = text.replace("hosts: load_balancers", "hosts: balancers");
    refused(&typo, &["`balancers`", "the inventory has the groups load_balancers, app_servers"]);

    let inventory = folder.path().join("inventories/shop.yml");
    let hosts = std::fs::read_to_string(&inventory).unwrap();
    let nobody: Vec<&str> = hosts.lines().filter(|line| !line.contains("node")).collect();
    std::fs::write(&inventory, nobody.join("\n")).unwrap();
    refused(&text, &["there is no app server"]);
}

/// A stage touches the idle color only.
#[test]
fn a_stage_that_would_touch_the_live_color_is_refused() {
    let folder = TempDir::new().unwrap();
    init(folder.path(), "multi-host");
    let playbook = folder.path().join("playbooks/shop.yml");
    let text = std::fs::read_to_string(&playbook).unwrap();
    let dir = "dir: \"/srv/{{ app }}/{{ color }}\"";
    assert!(text.contains(dir), "{text}");
    let task = "      - name: Compose file";
    for (changed, why) in [
        (text.replace(dir, "dir: \"/srv/{{ app }}\""), "`dir` is /srv/shop for both colors"),
        (
            text.replace(task, &format!("      - retire: {{ old: remove }}\n{task}")),
            "would take down the color that is live",
        ),
    ] {
        std::fs::write(&playbook, changed).unwrap();
        let args = ["apply", "-y", "-i", "inventories/shop.yml", "-e", "version=1"];
        let said = bgctl(folder.path(), &args).assert().code(2);
        let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
        assert!(said.contains(why), "no {why:?} in {said}");
    }
}

/// Else the shipped playbook would be deployed in place of the one that is meant.
#[test]
fn a_misspelt_variable_of_bgctl_is_refused() {
    let folder = TempDir::new().unwrap();
    init(folder.path(), "multi-host");
    let inventory = folder.path().join("inventories/shop.yml");
    let text = std::fs::read_to_string(&inventory).unwrap();
    std::fs::write(&inventory, text.replace("bgctl_playbook", "bgctl_playbok")).unwrap();
    let said = bgctl(folder.path(), &["status", "-i", "inventories/shop.yml"]).assert().code(2);
    let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
    assert!(said.contains("did you mean `bgctl_playbook`?") && said.contains("shop.yml:"), "{said}");
}

/// Hosts without their variables would be other hosts.
#[test]
fn folders_of_variables_beside_an_inventory_are_refused() {
    let folder = TempDir::new().unwrap();
    init(folder.path(), "multi-host");
    for (beside, name) in [("inventories", "group_vars"), ("playbooks", "host_vars")] {
        let variables = folder.path().join(beside).join(name);
        std::fs::create_dir(&variables).unwrap();
        std::fs::write(variables.join("all.yml"), "ansible_user: root\n").unwrap();
        let said =
            bgctl(folder.path(), &["apply", "-y", "-i", "shop.yml", "-e", "version=1"]).assert().code(2);
        let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
        assert!(said.contains(&format!("{name}: variables in folders are not read")), "{said}");
        std::fs::remove_dir_all(variables).unwrap();
    }
}

/// Each command names the one that shows what it would do.
#[test]
fn who_cannot_be_asked_is_told_what_shows_it() {
    let folder = TempDir::new().unwrap();
    init(folder.path(), "multi-host");
    for (command, shows) in [
        (&["apply", "-e", "version=1"][..], "bgctl plan shows"),
        (&["promote", "-e", "version=1"], "bgctl promote --check shows"),
        (&["rollback"], "bgctl rollback --check shows"),
        (&["retire"], "bgctl retire --check shows"),
        (&["switch", "--to", "green"], "bgctl switch --to green --check shows"),
    ] {
        let args = [command, &["-i", "inventories/shop.yml"]].concat();
        let said = bgctl(folder.path(), &args).assert().code(2);
        let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
        assert!(said.contains(shows), "{args:?}: no {shows:?} in {said}");
    }
}
