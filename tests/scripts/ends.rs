//! Scripts that are ended leave nothing: not what they were sent, and no copy of a host's keys.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bgctl::scripts::{KEEP, LOCK, TEST_COPY, TEST_SITE};

use crate::shells::{Shell, open_folder, parts, text, until};

/// Those that nothing above a test has its children ignore.
const SIGNALS: [&str; 2] = ["TERM", "PIPE"];

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

fn holds_something(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|data| data.len() > 0)
}

/// Starts a script with an open stdin, ends its process group by a signal once the first byte of it has arrived, and
/// waits for its end. Before that byte, who reads may not be there yet: a shell opens a file ahead of the program that
/// writes into it, and waits for a program that has heard no signal.
fn ended(mut command: Command, signal: &str, arrived: impl Fn() -> bool) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"x").unwrap();
    until("it begins", arrived);
    let group = format!("-{}", child.id());
    Command::new("kill").args(["-s", signal, "--", &group]).status().unwrap();
    child.wait().unwrap();
    drop(stdin);
}

#[test]
fn a_test_of_a_site_that_is_ended_leaves_no_copy_of_the_configuration() {
    for shell in Shell::all() {
        for signal in SIGNALS {
            let place = open_folder();
            let [conf, temporary] = ["nginx", "tmp"].map(|name| {
                fs::create_dir(place.path().join(name)).unwrap();
                place.path().join(name)
            });
            fs::write(conf.join("nginx.conf"), "key").unwrap();
            let (link, main) = (conf.join("site"), conf.join("nginx.conf"));
            let mut command = shell.script(None, TEST_COPY, &[text(&link), "4", text(&main), "nginx", ""]);
            command.env("TMPDIR", &temporary);
            ended(command, signal, || {
                let folders = fs::read_dir(&temporary).unwrap();
                folders.flatten().any(|folder| holds_something(&folder.path().join("site")))
            });
            assert!(is_empty(&temporary), "{shell}: {signal}");
        }
    }
}

#[test]
fn a_release_that_did_not_arrive_leaves_nothing() {
    for shell in Shell::all() {
        for signal in SIGNALS {
            let place = open_folder();
            let releases = place.path().join("bgctl/shop/releases");
            let new = releases.join("abc/.new");
            ended(shell.script(None, KEEP, &[text(&releases), "abc", "4", "5"]), signal, || {
                holds_something(&new)
            });
            assert!(is_empty(&releases.join("abc")), "{shell}: {signal}");
        }
    }
}

/// What a command prints may be anything; it has no name by which it could stay.
#[test]
fn what_a_command_prints_is_no_file_of_any_name() {
    let script = parts(&["bound_lib", "by_hand_lib"]) + "by_hand 'echo said; sleep 1; exit 7'";
    for shell in Shell::all() {
        let place = open_folder();
        let mut command = shell.script(None, &script, &[]);
        let child = command.env("TMPDIR", place.path()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        assert!(is_empty(place.path()), "{shell}");
        let said = child.wait_with_output().unwrap();
        assert_eq!((said.status.code(), said.stderr.as_slice()), (Some(7), &b"said\n"[..]), "{shell}");
    }
}

/// Every script that makes something for itself alone has it removed whatever ends it.
#[test]
fn nothing_relies_on_an_end_that_a_signal_does_not_have() {
    assert!(TEST_SITE.contains("at_end 'rm -rf \"$work\"'"));
    for (path, text) in crate::scan::scripts() {
        let alone =
            text.contains("' EXIT") && !text.contains("' HUP INT TERM") && !path.ends_with("end_lib.sh");
        // These two are gone over elsewhere.
        assert!(
            !alone || path.ends_with("put.sh") || path.ends_with("restore.sh"),
            "{path}: trap … EXIT alone"
        );
    }
}

/// `BusyBox` before its version 1.30 took the time as an option, and some hosts have no such program at all.
#[test]
fn what_is_bounded_runs_whatever_timeout_is_like() {
    let old = "[ \"$1\" = -t ] || { echo \"can't execute '$1'\" >&2; exit 127; }
        shift; exec /usr/bin/timeout \"$@\"";
    let none = "exit 127";
    let script = parts(&["bound_lib"]) + "bounded 9 sh -c 'printf \"%s|\" \"$@\"; exit 7' sh 'a  b' ''";
    for shell in Shell::all() {
        for program in [None, Some(old), Some(none)] {
            if let Some(program) = program {
                shell.program("timeout", program);
            }
            let said = shell.run(&script, &[]).exits(7);
            assert_eq!((said.out.as_str(), said.errors.as_str()), ("a  b||", ""), "{shell}: {program:?}");
            let lock = open_folder();
            shell.run(LOCK, &[text(&lock.path().join("bgctl/shop")), "{}"]).exits(0).says("locked");
        }
    }
}
