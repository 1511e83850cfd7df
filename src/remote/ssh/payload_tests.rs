#![expect(clippy::disallowed_methods, reason = "runs the shells that the hosts have")]

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;
use crate::model::Secret;

/// Those that hosts have as `sh` or as login shell, where this machine has them.
const SHELLS: &[&[&str]] =
    &[&["dash"], &["bash"], &["busybox", "ash"], &["zsh"], &["ksh"], &["fish"], &["tcsh"]];

fn installed() -> impl Iterator<Item = &'static [&'static str]> {
    let exists = |name: &str| {
        let which = Command::new("sh").args(["-c", "command -v \"$1\"", "sh", name]).output();
        which.is_ok_and(|output| output.status.success())
    };
    SHELLS.iter().copied().filter(move |shell| exists(shell[0]))
}

fn fed(command: &mut Command, input: &[u8]) -> std::process::Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// Runs an exec as a host would, with this login shell.
fn as_login_shell(shell: &[&str], exec: &Exec) -> std::process::Output {
    let payload = Payload::new(exec).unwrap();
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", &payload.command]);
    fed(&mut command, &[&payload.script[..], &payload.stdin[..]].concat())
}

/// Lets a shell read the script itself, as the host's `sh`.
fn as_sh(shell: &[&str], exec: &Exec) -> std::process::Output {
    let payload = Payload::new(exec).unwrap();
    let loader = payload.command.strip_prefix("exec sh -c '").unwrap().strip_suffix('\'').unwrap();
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", loader]);
    fed(&mut command, &[&payload.script[..], &payload.stdin[..]].concat())
}

/// What a run printed after its marker's line.
fn printed(output: &std::process::Output) -> Vec<u8> {
    let end = output.stdout.iter().position(|byte| *byte == b'\n').expect("a marker");
    output.stdout[end + 1..].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_values_pass_through_any_sh(
        args in prop::collection::vec("[^\0]{0,20}|[ '\"\\\\$`\n!*~#-]{0,12}|[\u{80}-\u{ff}\n]{0,8}", 0..5),
        value in "[^\0]{0,20}",
        stdin in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let script = "printf '%s\\0' \"$#\" \"$VALUE\" \"$@\"; cat";
        let exec = Exec { env: vec![("VALUE".to_owned(), value.clone())], ..Exec::reads(script) };
        let exec = exec.args(args.clone()).stdin(stdin.clone());
        let mut expected = [vec![args.len().to_string(), value], args].concat().join("\0").into_bytes();
        expected.push(0);
        expected.extend(stdin);
        for shell in installed().filter(|shell| !matches!(shell[0], "zsh" | "fish" | "tcsh")) {
            prop_assert_eq!(&printed(&as_sh(shell, &exec)), &expected, "{:?}", shell);
        }
    }
}

#[test]
fn every_login_shell_takes_the_command_line() {
    for shell in installed() {
        let output = as_login_shell(shell, &Exec::reads("echo \"$1\"; exit 5").args(["it's\nhere"]));
        assert_eq!(printed(&output), b"it's\nhere\n", "{shell:?}");
        assert_eq!(output.status.code(), Some(5), "{shell:?}");
    }
}

#[test]
fn a_script_that_arrives_in_part_does_not_run() {
    let payload = Payload::new(&Exec::reads("echo ran")).unwrap();
    for length in 0..payload.script.len() - 1 {
        let mut command = Command::new("sh");
        let output = fed(command.args(["-c", &payload.command]), &payload.script[..length]);
        assert_eq!((printed(&output).as_slice(), output.status.code()), (&b""[..], Some(255)), "{length}");
    }
}

#[test]
fn the_command_line_suits_every_login_shell_and_tells_nothing() {
    let exec = Exec::reads("echo script").args(["argument"]).stdin("input");
    let payload = Payload::new(&exec).unwrap();
    let inner = payload.command.strip_prefix("exec sh -c '").unwrap().strip_suffix('\'').unwrap();
    assert!(!inner.contains(['\'', '!', '\n']), "{inner}");
    for secret in ["script", "argument", "input"] {
        assert!(!payload.command.contains(secret), "{secret}");
    }
}

#[test]
fn sudo_gets_its_password_on_a_line_of_its_own() {
    let to = |password| Some(Escalation { user: "root".to_owned(), password });
    let plain = Payload::new(&Exec::reads("id").escalate(to(None))).unwrap();
    assert!(plain.command.starts_with("exec sudo -H -n -u root sh -c '"), "{}", plain.command);
    let secret = Payload::new(&Exec::reads("id").escalate(to(Some(Secret::new("pw"))))).unwrap();
    assert_eq!(secret.password.as_ref().map(|password| password.as_slice()), Some(&b"pw\n"[..]));
    assert!(!secret.command.contains("pw"));
}

#[test]
fn what_a_shell_cannot_hold_is_refused() {
    let env = |name: &str| Exec { env: vec![(name.to_owned(), "x".to_owned())], ..Exec::reads("true") };
    let escalate = Some(Escalation { user: "a b".to_owned(), password: None });
    for exec in [
        Exec::reads("true").args(["a\0b"]),
        env("A-B"),
        env("X=$(touch owned)"),
        Exec::reads("true").escalate(escalate),
    ] {
        assert!(matches!(Payload::new(&exec), Err(RemoteError::Refused(_))), "{exec:?}");
    }
}

#[test]
fn an_exec_that_is_traced_shows_no_value() {
    let to = Escalation { user: "root".to_owned(), password: Some(Secret::new("hunter2")) };
    let env = vec![("TOKEN".to_owned(), "hunter2".to_owned())];
    let exec = Exec::reads("# Speaks\necho").args(["hunter2"]).env(env).stdin("hunter2").escalate(Some(to));
    let told = format!("{exec:?}");
    assert!(told.contains("# Speaks") && told.contains("TOKEN") && !told.contains("hunter2"), "{told}");
}
