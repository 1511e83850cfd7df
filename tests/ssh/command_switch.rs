//! How the script of a switch by commands goes back, in the shell of this machine.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// Runs shell text behind the libraries of a switch by commands, in a folder where the file `live` is what is live.
fn after_libraries(folder: &Path, text: &str) -> i32 {
    let library = |name: &str| {
        let path = format!("{}/src/run/scripts/{name}_lib.sh", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    let script = ["clock", "by_hand", "command_switch"].map(library).concat() + text;
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
