//! Scripts of a switch, in the shell of this machine.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A script as hosts get it: its libraries before it.
fn script(parts: &[&str]) -> String {
    let text = |part: &&str| {
        let path = format!("{}/src/run/scripts/{part}.sh", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    parts.iter().map(text).collect()
}

/// Runs shell text behind the libraries of a switch by commands, in a folder where the file `live` is what is live.
fn after_libraries(folder: &Path, text: &str) -> i32 {
    let script = script(&["clock_lib", "by_hand_lib", "command_switch_lib"]) + text;
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(folder);
    shell.env("BGCTL_DETECT", "cat live 2>/dev/null").env("BGCTL_SET_GREEN", "touch asked");
    shell.status().unwrap().code().unwrap()
}

/// What was asked for comes late, when it has been given up: that is no proof of the way back.
#[test]
fn a_way_back_to_nothing_is_not_proved_by_the_color_that_was_tried() {
    let folder = TempDir::new().unwrap();
    let text = "seconds=0
        point green || exit 2
        ! take_effect 2>/dev/null || exit 3
        point '' || exit 4
        take_effect || exit 5
        echo green >live
        ! take_effect 2>/dev/null || exit 6";
    assert_eq!(after_libraries(folder.path(), text), 0);
}

/// A restart is a way to switch, too. Whoever waited for the end of what was started would hold every switch of the host.
#[test]
fn what_a_command_starts_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let text = "BGCTL_SET_GREEN='sleep 60 & echo $! >started; echo it is done'
        said=$(point green 2>&1) || exit 2
        [ \"$said\" = 'it is done' ] || exit 3
        kill \"$(cat started)\" || exit 4
        BGCTL_SET_GREEN='echo no >&2; exit 7'
        said=$(point green 2>&1) && exit 5
        case $said in no*) ;; *) exit 6 ;; esac";
    assert_eq!(after_libraries(folder.path(), text), 0);
}

/// Variables that people call as a script calls its own, or as nobody would.
#[test]
fn variables_keep_their_values_whatever_they_are_called() {
    let script = script(&["variables_lib"])
        + "name=mine; with_variables sh -c 'printf \"%s|\" \"$name\" \"$count\" \"$TOKEN\" \"$1\"' sh \"$name\"; echo $name";
    for shell in [&["sh"][..], &["bash", "--posix"], &["busybox", "sh"]] {
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).args(["-c", &script]).env("BGCTL_NAMES", "name count TOKEN");
        command.env("BGCTL_ENV_name", "shop").env("BGCTL_ENV_count", "3").env("BGCTL_ENV_TOKEN", "a 'b'\n$c");
        let said = command.output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&said.stdout),
            "shop|3|a 'b'\n$c|mine|mine\n",
            "{shell:?}: {said:?}"
        );
    }
}

/// Confirms the switch of a run in an app's folder.
fn confirm(app: &Path, run: &str) -> Output {
    let script = script(&["clock_lib", "guard_lib", "confirm"]);
    Command::new("sh").args(["-c", &script, "sh"]).arg(app).arg(run).output().unwrap()
}

/// The dead-man of a switch counts on while another app switches for longer than anybody waits.
#[test]
fn a_confirmation_does_not_wait_for_other_apps() {
    let folder = TempDir::new().unwrap();
    let app = folder.path().join("app");
    std::fs::create_dir(&app).unwrap();
    let armed = "run 1\ntoken\n1\nboot\n99\n2026-01-02T03:04:05Z\n/link\n/from\n/to\n";
    std::fs::write(app.join("armed"), armed).unwrap();
    let turn = File::create(folder.path().join("switch.lock")).unwrap();
    turn.lock().unwrap();
    let said = confirm(&app, "run 2");
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stderr).contains("nothing of run run 2 does"), "{said:?}");
    assert!(app.join("armed").exists());
    // Where this machine was started again since, it says so; else it goes through.
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    std::fs::write(app.join("armed"), armed.replace("boot\n", &boot)).unwrap();
    let said = confirm(&app, "run 1");
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    assert_eq!((app.join("armed").exists(), app.join("confirmed").exists()), (false, true));
}
