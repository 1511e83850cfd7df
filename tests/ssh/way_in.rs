//! Host keys, logins and dead ends: what is let in, and what the refusals say.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use bgctl::model::Endpoint;
use bgctl::remote::ssh::{Settings, SshFleet};
use bgctl::remote::{Exec, KeyVerdict, Remote, RemoteError};

use crate::hosts;
use crate::sshd::{Sshd, free_port, run};

async fn refusal(endpoint: Endpoint) -> RemoteError {
    let (fleet, mut failed) = SshFleet::connect(vec![endpoint], Settings::default()).await;
    assert_eq!(failed.len(), 1);
    let (host, error) = failed.remove(0);
    assert_eq!(fleet.exec(&host, Exec::reads("true")).await.as_ref(), Err(&error));
    assert!(error.never_started());
    error
}

async fn verdict(server: &Sshd) -> KeyVerdict {
    match refusal(server.endpoint()).await {
        RemoteError::Untrusted(untrusted) => untrusted.verdict,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_unknown_key_is_refused_with_the_line_that_would_make_it_known() {
    let server = Sshd::start();
    std::fs::write(server.path("known_hosts"), "").unwrap();
    let RemoteError::Untrusted(untrusted) = refusal(server.endpoint()).await else { panic!() };
    assert_eq!(untrusted.verdict, KeyVerdict::Unknown);
    assert_eq!(untrusted.line, format!("[127.0.0.1]:{} {}", server.port, server.public_key("host")));
    let listed = run(Command::new("ssh-keygen").arg("-lf").arg(server.path("host.pub")));
    assert!(listed.contains(&untrusted.fingerprint), "{listed}");
    assert!(untrusted.hint.contains(&format!("ssh-keyscan -p {} 127.0.0.1", server.port)));
    std::fs::write(server.path("known_hosts"), untrusted.line).unwrap();
    server.fleet().await.close().await;
}

#[tokio::test]
async fn a_changed_key_names_file_and_line_and_the_command_to_remove_it() {
    let server = Sshd::start();
    server.know(&server.public_key("stranger"));
    let RemoteError::Untrusted(untrusted) = refusal(server.endpoint()).await else { panic!() };
    let file = server.path("known_hosts").display().to_string();
    assert_eq!(untrusted.verdict, KeyVerdict::Changed { file: file.clone(), line: 1 });
    let command = format!("ssh-keygen -R '[127.0.0.1]:{}' -f {file}", server.port);
    assert!(untrusted.hint.contains(&command), "{}", untrusted.hint);
}

#[tokio::test]
async fn a_key_known_by_another_algorithm_is_asked_for_first() {
    let server = Sshd::start();
    server.know(&server.public_key("host_rsa"));
    server.fleet().await.close().await;
    let entry = |key: &str| format!("[127.0.0.1]:{} {}", server.port, server.public_key(key));
    std::fs::write(server.path("known_hosts"), format!("@revoked {}\n{}", entry("host"), entry("host")))
        .unwrap();
    assert!(matches!(verdict(&server).await, KeyVerdict::Revoked { line: 1, .. }));
    let only_rsa = Sshd::with("HostKeyAlgorithms ssh-ed25519");
    only_rsa.know(&only_rsa.public_key("host_rsa"));
    assert_eq!(verdict(&only_rsa).await, KeyVerdict::OtherAlgorithm { known: "ssh-rsa".to_owned() });
}

#[tokio::test]
async fn hashed_names_and_a_certificate_authority_are_believed() {
    let server = Sshd::start();
    run(Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(server.path("known_hosts")));
    server.fleet().await.close().await;

    let server = Sshd::with_certificate("127.0.0.1");
    let authority = format!("@cert-authority [127.0.0.1]:* {}\n", server.public_key("stranger"));
    std::fs::write(server.path("known_hosts"), &authority).unwrap();
    server.fleet().await.close().await;
    let server = Sshd::with_certificate("elsewhere.example");
    std::fs::write(server.path("known_hosts"), &authority).unwrap();
    assert_eq!(verdict(&server).await, KeyVerdict::Unknown);
}

#[tokio::test]
async fn a_certificate_by_sha1_or_for_a_pattern_counts_for_nothing() {
    // OpenSSH takes the last one, for any host.
    let cases: [(&str, &[&str], Option<&str>); 6] = [
        ("host_rsa", &["-n", "127.0.0.1", "-t", "rsa-sha2-512"], None),
        ("host_rsa", &["-n", "127.0.0.1", "-t", "ssh-rsa"], Some("SHA-1")),
        ("stranger", &["-n", "*"], Some("not made out to this name")),
        ("stranger", &["-n", "127.0.0.?"], Some("not made out to this name")),
        ("stranger", &["-n", "127.0.0.1", "-V", "20200101:20200102"], Some("for this time")),
        ("stranger", &[], Some("not made out to this name")),
    ];
    for (authority, options, why) in cases {
        let server = Sshd::certified(authority, options);
        let authority = format!("@cert-authority * {}\n", server.public_key(authority));
        std::fs::write(server.path("known_hosts"), &authority).unwrap();
        let Some(why) = why else {
            server.fleet().await.close().await;
            continue;
        };
        let RemoteError::Untrusted(untrusted) = refusal(server.endpoint()).await else { panic!() };
        assert_eq!(untrusted.verdict, KeyVerdict::Unknown, "{options:?}");
        assert!(untrusted.hint.contains(why), "{options:?}: {}", untrusted.hint);
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_whatever_its_comment_is_and_a_broken_line_with_it() {
    let server = Sshd::start();
    let entry = format!("[127.0.0.1]:{} {}", server.port, server.public_key("host"));
    let comment = [b"@revoked ", entry.as_bytes(), b" M\xfcller\n", entry.as_bytes()].concat();
    std::fs::write(server.path("known_hosts"), comment).unwrap();
    assert!(matches!(verdict(&server).await, KeyVerdict::Revoked { line: 1, .. }));
    let broken = format!("{entry}\n@revoked [127.0.0.1]:{} ssh-ed25519 AAAA!\n", server.port);
    std::fs::write(server.path("known_hosts"), &broken).unwrap();
    assert!(matches!(verdict(&server).await, KeyVerdict::Unreadable { line: 2, .. }));
    // Unchecked, what is revoked is refused all the same.
    let endpoint = Endpoint { host_key_checking: false, ..server.endpoint() };
    assert!(matches!(refusal(endpoint).await, RemoteError::Untrusted(_)));
    std::fs::write(server.path("known_hosts"), format!("{entry}\n{}", "#".repeat(17 << 20))).unwrap();
    let RemoteError::Untrusted(untrusted) = refusal(server.endpoint()).await else { panic!() };
    assert!(matches!(&untrusted.verdict, KeyVerdict::Unread { why, .. } if why.contains("16 MiB")));
    assert!(untrusted.hint.contains("UserKnownHostsFile"), "{}", untrusted.hint);
}

#[tokio::test]
async fn a_private_key_that_others_can_read_is_ignored_as_ssh_does() {
    let server = Sshd::start();
    let user = server.path("user");
    let mode = |mode: u32| std::fs::set_permissions(&user, Permissions::from_mode(mode)).unwrap();
    for open in [0o644, 0o640, 0o604, 0o610] {
        mode(open);
        let RemoteError::Denied { reason, .. } = refusal(server.endpoint()).await else { panic!() };
        let said = format!("permissions {open:04o} for {} are too open", user.display());
        assert!(reason.contains(&said) && reason.contains("chmod 600"), "{reason}");
        assert!(reason.contains("no key to offer"), "{reason}");
    }
    // The next key is offered, and what the agent holds of it is no secret of the file's.
    let other = server.path("other");
    std::fs::copy(&user, &other).unwrap();
    std::fs::set_permissions(&other, Permissions::from_mode(0o400)).unwrap();
    let endpoint = Endpoint { key_files: vec![user.clone(), other.clone()], ..server.endpoint() };
    let (fleet, failed) = SshFleet::connect(vec![endpoint], Settings::default()).await;
    assert_eq!(failed, []);
    fleet.close().await;
    let agent = Agent::start(&server);
    agent.add(&other);
    let endpoint = Endpoint { identities_only: true, ..server.endpoint() };
    let settings = Settings { agent_socket: Some(agent.socket.clone()), ..Settings::default() };
    let (fleet, failed) = SshFleet::connect(vec![endpoint], settings).await;
    assert_eq!(failed, []);
    fleet.close().await;
}

#[tokio::test]
async fn a_key_of_no_size_that_a_key_has_is_not_read() {
    let server = Sshd::start();
    let huge = server.path("huge");
    std::fs::write(&huge, vec![b'x'; 2 << 20]).unwrap();
    std::fs::set_permissions(&huge, Permissions::from_mode(0o600)).unwrap();
    let endpoint = Endpoint { key_files: vec![huge], ..server.endpoint() };
    let RemoteError::Denied { reason, .. } = refusal(endpoint).await else { panic!() };
    assert!(reason.contains("huge: it is larger than 1 MiB"), "{reason}");
}

#[tokio::test]
async fn an_unchecked_host_is_let_in() {
    let server = Sshd::start();
    server.know(&server.public_key("stranger"));
    let endpoint = Endpoint { host_key_checking: false, ..server.endpoint() };
    let (fleet, failed) = SshFleet::connect(vec![endpoint], Settings::default()).await;
    assert_eq!(failed, []);
    fleet.close().await;
}

#[tokio::test]
async fn a_refused_key_says_what_was_tried_and_what_would_be_taken() {
    let server = Sshd::start();
    let stranger = server.path("stranger");
    let endpoint = Endpoint { key_files: vec![stranger.clone()], ..server.endpoint() };
    let RemoteError::Denied { reason, hint, .. } = refusal(endpoint).await else { panic!() };
    assert!(reason.contains(&stranger.display().to_string()) && reason.contains("publickey"), "{reason}");
    assert!(hint.contains("authorized_keys"), "{hint}");
    let endpoint = Endpoint { key_files: vec![server.path("missing")], ..server.endpoint() };
    let RemoteError::Denied { reason, .. } = refusal(endpoint).await else { panic!() };
    assert!(reason.contains("no key to offer") && reason.contains("missing"), "{reason}");
}

#[tokio::test]
async fn a_key_with_a_passphrase_is_left_to_the_agent() {
    let server = Sshd::start();
    let user = server.path("user");
    run(Command::new("ssh-keygen").args(["-q", "-p", "-P", "", "-N", "secret", "-f"]).arg(&user));
    let RemoteError::Denied { reason, .. } = refusal(server.endpoint()).await else { panic!() };
    assert!(reason.contains("passphrase") && reason.contains("ssh-add"), "{reason}");

    run(Command::new("ssh-keygen").args(["-q", "-p", "-P", "secret", "-N", "", "-f"]).arg(&user));
    let agent = Agent::start(&server);
    agent.add(&user);
    let endpoint = Endpoint { key_files: Vec::new(), ..server.endpoint() };
    let settings = Settings { agent_socket: Some(agent.socket.clone()), ..Settings::default() };
    let (fleet, failed) = SshFleet::connect(vec![endpoint], settings).await;
    assert_eq!(failed, []);
    fleet.close().await;
}

#[tokio::test]
async fn an_rsa_key_logs_in() {
    let server = Sshd::start();
    std::fs::copy(server.path("host_rsa.pub"), server.path("authorized_keys")).unwrap();
    let endpoint = Endpoint { key_files: vec![server.path("host_rsa")], ..server.endpoint() };
    let (fleet, failed) = SshFleet::connect(vec![endpoint], Settings::default()).await;
    assert_eq!(failed, []);
    fleet.close().await;
}

#[tokio::test]
async fn a_wrong_port_and_a_wrong_name_say_what_to_check() {
    let RemoteError::Unreachable { address, reason, hint } = refusal(hosts::endpoint(free_port())).await
    else {
        panic!()
    };
    assert!(address.starts_with("127.0.0.1:") && reason.contains("refused"), "{address}: {reason}");
    assert!(hint.contains("ansible_port"), "{hint}");
    let nowhere = Endpoint { address: "no-such-host.invalid".to_owned(), ..hosts::endpoint(22) };
    let RemoteError::Unreachable { hint, .. } = refusal(nowhere).await else { panic!() };
    assert!(hint.contains("ansible_host"), "{hint}");
}

#[tokio::test]
async fn all_verdicts_come_at_once_and_the_good_host_still_works() {
    let server = Sshd::start();
    let named = |name: &str, endpoint: Endpoint| Endpoint { host: name.parse().unwrap(), ..endpoint };
    let endpoints = vec![
        named("dead", hosts::endpoint(free_port())),
        named("good", server.endpoint()),
        named("denied", Endpoint { key_files: vec![server.path("stranger")], ..server.endpoint() }),
    ];
    let (fleet, failed) = SshFleet::connect(endpoints, Settings::default()).await;
    let failing: Vec<&str> = failed.iter().map(|(host, _)| host.as_str()).collect();
    assert_eq!(failing, ["dead", "denied"]);
    let good = "good".parse().unwrap();
    let within = Exec::reads("true").timeout(Duration::from_secs(5));
    assert!(fleet.exec(&good, within).await.unwrap().success());
    fleet.close().await;
}

/// An agent that ends with this value.
struct Agent {
    socket: std::path::PathBuf,
    child: std::process::Child,
}

impl Agent {
    fn start(server: &Sshd) -> Self {
        let socket = server.path("agent.sock");
        let child = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).spawn().unwrap();
        while !socket.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { socket, child }
    }

    fn add(&self, key: &std::path::Path) {
        run(Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
