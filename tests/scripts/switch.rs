//! Scripts of a switch, in the shell of this machine.

use std::fs::File;
use std::path::Path;

use bgctl::scripts::CONFIRM;
use tempfile::TempDir;

use crate::shells::{Shell, parts, text};

/// Runs shell text behind the libraries of a switch by commands, in a folder where the file `live` is what is live.
fn after_libraries(shell: &Shell, folder: &Path, text: &str) -> i32 {
    let script = parts(&["digits_lib", "clock_lib", "bound_lib", "by_hand_lib", "command_switch_lib"]) + text;
    let mut command = shell.script(None, &script, &[]);
    command.current_dir(folder);
    command.env("BGCTL_DETECT", "cat live 2>/dev/null").env("BGCTL_SET_GREEN", "touch asked");
    command.status().unwrap().code().unwrap()
}

/// What was asked for comes late, when it has been given up: that is no proof of the way back.
#[test]
fn a_way_back_to_nothing_is_not_proved_by_the_color_that_was_tried() {
    let text = "seconds=0
        point green || exit 2
        ! take_effect 2>/dev/null || exit 3
        point '' || exit 4
        take_effect || exit 5
        echo green >live
        ! take_effect 2>/dev/null || exit 6";
    for shell in Shell::all() {
        let folder = TempDir::new().unwrap();
        assert_eq!(after_libraries(&shell, folder.path(), text), 0, "{shell}");
    }
}

/// A restart is a way to switch, too. Whoever waited for the end of what was started would hold every switch of the host.
#[test]
fn what_a_command_starts_is_not_waited_for() {
    let text = "BGCTL_SET_GREEN='sleep 60 & echo $! >started; echo it is done'
        said=$(point green 2>&1) || exit 2
        [ \"$said\" = 'it is done' ] || exit 3
        kill \"$(cat started)\" || exit 4
        BGCTL_SET_GREEN='echo no >&2; exit 7'
        said=$(point green 2>&1) && exit 5
        case $said in no*) ;; *) exit 6 ;; esac";
    for shell in Shell::all() {
        let folder = TempDir::new().unwrap();
        assert_eq!(after_libraries(&shell, folder.path(), text), 0, "{shell}");
    }
}

/// Variables that people call as a script calls its own, or as nobody would.
#[test]
fn variables_keep_their_values_whatever_they_are_called() {
    let script = parts(&["variables_lib"])
        + "name=mine; with_variables sh -c 'printf \"%s|\" \"$name\" \"$count\" \"$TOKEN\" \"$1\"' sh \"$name\"; echo $name";
    for shell in Shell::all() {
        let mut command = shell.script(None, &script, &[]);
        command.env("BGCTL_NAMES", "name count TOKEN");
        command.env("BGCTL_ENV_name", "shop").env("BGCTL_ENV_count", "3").env("BGCTL_ENV_TOKEN", "a 'b'\n$c");
        let said = command.output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&said.stdout),
            "shop|3|a 'b'\n$c|mine|mine\n",
            "{shell}: {said:?}"
        );
    }
}

/// The dead-man of a switch counts on while another app switches for longer than anybody waits.
#[test]
fn a_confirmation_does_not_wait_for_other_apps() {
    for shell in Shell::all() {
        let folder = TempDir::new().unwrap();
        let app = folder.path().join("app");
        std::fs::create_dir(&app).unwrap();
        let armed = "run 1\ntoken\n1\nboot\n99\n2026-01-02T03:04:05Z\n/link\n/from\n/to\n";
        std::fs::write(app.join("armed"), armed).unwrap();
        let turn = File::create(folder.path().join("switch.lock")).unwrap();
        turn.lock().unwrap();
        let confirm = |run: &str| shell.run(CONFIRM, &[text(&app), run]);
        confirm("run 2").exits(1).says("nothing of run run 2 does");
        assert!(app.join("armed").exists());
        // Where this machine was started again since, it says so; else it goes through.
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        std::fs::write(app.join("armed"), armed.replace("boot\n", &boot)).unwrap();
        confirm("run 1").exits(0);
        assert_eq!((app.join("armed").exists(), app.join("confirmed").exists()), (false, true));
    }
}
