//! Against OpenSSH's server: scripts, their arguments, their end.

use std::time::{Duration, Instant};

use bgctl::remote::{Exec, Output, Remote, RemoteError};

use crate::hosts;
use crate::sshd::Sshd;

const PRINT: &str = "for value do printf '%s\\0' \"$value\"; done";

async fn exec(server: &Sshd, exec: Exec) -> Result<Output, RemoteError> {
    let fleet = server.fleet().await;
    let output = fleet.exec(&hosts::name(), exec).await;
    fleet.close().await;
    output
}

#[tokio::test]
async fn arguments_arrive_byte_for_byte_and_run_nothing() {
    let server = Sshd::start();
    let owned = server.path("owned");
    let touch = format!("touch {}", owned.display());
    let long = "é'\"\n$x`y` ".repeat(30_000);
    let args = vec![
        String::new(),
        " two  spaces ".to_owned(),
        "it's \"quoted\" \\ and \\\\n".to_owned(),
        format!("$({touch}) `{touch}`; {touch} & {touch}"),
        "\nlines\n\nand a last one\n\n".to_owned(),
        "\t*?[a]~!#%\r{}<>|".to_owned(),
        "grüße, 世界, 🦀, \u{81}\u{88}\u{7f}\u{1}".to_owned(),
        "-n".to_owned(),
        long,
    ];
    let output = exec(&server, Exec::reads(PRINT).args(args.clone())).await.unwrap();
    let printed: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().split_terminator('\0').collect();
    assert_eq!(printed, args);
    assert!(!owned.exists());
}

#[tokio::test]
async fn stdin_environment_and_status_are_the_scripts_own() {
    let server = Sshd::start();
    let stdin: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    let output = exec(&server, Exec::reads("cat; exit 7").stdin(stdin.clone())).await.unwrap();
    assert_eq!((output.status, output.stdout == stdin), (7, true));
    let env = vec![("A".to_owned(), "it's\n$(x)".to_owned()), ("s".to_owned(), "bg".to_owned())];
    let printed = exec(&server, Exec { env, ..Exec::reads("sh -c 'printf %s/%s \"$A\" \"$s\"' >&2") }).await;
    assert_eq!(printed.unwrap().stderr, b"it's\n$(x)/bg");
    let killed = exec(&server, Exec::reads("kill -USR1 $$")).await.unwrap();
    assert_eq!(killed.status, 128 + 10);
}

#[tokio::test]
async fn no_argument_list_shows_a_script_or_its_values() {
    let server = Sshd::start();
    let script = "cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '";
    let output = exec(&server, Exec::reads(script).args(["tell-nobody"]).stdin("nor-this")).await.unwrap();
    let seen = output.text();
    assert!(seen.contains("bgctl-"), "the command line itself is seen");
    for secret in ["tell-nobody", "nor-this", "cat /proc/*/cmdline"] {
        assert!(!seen.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_timeout_ends_the_whole_process_group() {
    let server = Sshd::start();
    let fleet = server.fleet().await;
    let host = hosts::name();
    let pids = server.path("pids");
    let script = "sleep 300 & echo $$ $! >\"$1\"; wait";
    let exec = Exec::changes(script).args([pids.display().to_string()]).timeout(Duration::from_millis(700));
    let error = fleet.exec(&host, exec).await;
    assert_eq!(error, Err(RemoteError::TimedOut(Duration::from_millis(700))));
    assert_dead(&pids);
    // The connection goes on.
    assert!(fleet.exec(&host, Exec::reads("true")).await.unwrap().success());
    fleet.close().await;
}

#[tokio::test]
async fn a_dropped_future_ends_what_it_started() {
    let server = Sshd::start();
    let fleet = server.fleet().await;
    let pids = server.path("pids");
    let script = "sleep 300 & echo $$ $! >\"$1\"; wait";
    let host = hosts::name();
    let exec = fleet.exec(&host, Exec::changes(script).args([pids.display().to_string()]));
    assert!(tokio::time::timeout(Duration::from_millis(700), exec).await.is_err());
    fleet.close().await;
    assert_dead(&pids);
}

fn assert_dead(pids: &std::path::Path) {
    for pid in std::fs::read_to_string(pids).unwrap().split_whitespace() {
        // Where nothing reaps orphans, a dead one stays as a zombie.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{pid} lives on: {stat}");
    }
}

#[tokio::test]
async fn more_scripts_than_sessions_all_run() {
    let server = Sshd::with("MaxSessions 3");
    let fleet = server.fleet().await;
    let host = hosts::name();
    let runs = (0..40).map(|n| fleet.exec(&host, Exec::reads("printf %s \"$1\"").args([n.to_string()])));
    for (n, output) in futures::future::join_all(runs).await.into_iter().enumerate() {
        assert_eq!(output.unwrap().text(), n.to_string());
    }
    assert_eq!(fleet.stats()[&host].sessions, 40);
    fleet.close().await;
}

#[tokio::test]
async fn output_beyond_the_cap_is_dropped_and_input_may_be_ignored() {
    let server = Sshd::start();
    let script = "head -c 20000000 /dev/zero; head -c 2000000 /dev/zero >&2";
    let output = exec(&server, Exec::changes(script).stdin(vec![b'x'; 10_000_000])).await.unwrap();
    assert_eq!((output.status, output.stdout.len(), output.stderr.len()), (0, 16 << 20, 1 << 20));
    assert!(output.cut);
    let output = exec(&server, Exec::changes("head -c 16777216 /dev/zero")).await.unwrap();
    assert_eq!((output.stdout.len(), output.cut), (16 << 20, false));
}

#[tokio::test]
async fn half_an_answer_is_none_and_what_gives_it_is_ended() {
    let server = Sshd::start();
    let mark = server.path("mark");
    let script = "trap 'echo ended >\"$1\"; exit' TERM; while :; do head -c 1000000 /dev/zero; done";
    let started = Instant::now();
    let error = exec(&server, Exec::reads(script).args([mark.display().to_string()])).await.unwrap_err();
    assert_eq!(error, RemoteError::TooLong(16 << 20));
    assert_eq!(error.to_string(), "its answer is longer than 16 MiB");
    assert!(started.elapsed() < Duration::from_secs(30) && mark.exists());
}

#[tokio::test]
async fn a_background_child_does_not_hold_the_channel() {
    let server = Sshd::start();
    let started = Instant::now();
    let output = exec(&server, Exec::reads("sleep 100 & echo done")).await.unwrap();
    assert_eq!(output.text(), "done\n");
    assert!(started.elapsed() < Duration::from_secs(90));
}

#[tokio::test]
async fn a_greeting_of_the_login_shell_is_no_output() {
    let server = Sshd::with("ForceCommand echo hello; echo there >&2; eval \"$SSH_ORIGINAL_COMMAND\"");
    let output = exec(&server, Exec::reads("echo out; echo err >&2")).await.unwrap();
    assert_eq!((output.text().as_str(), output.errors().as_str()), ("out\n", "err"));
}

#[tokio::test]
async fn a_login_shell_that_runs_nothing_is_a_refusal_with_its_words() {
    let server = Sshd::with("ForceCommand echo This account is not available.; exit 1");
    let error = exec(&server, Exec::reads("true")).await.unwrap_err();
    assert!(error.never_started());
    assert!(error.to_string().contains("This account is not available."), "{error}");
}
