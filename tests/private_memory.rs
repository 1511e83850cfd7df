//! What is in the memory of `bgctl` stays there: no core, and no other process of the user's looks into it.
#![expect(clippy::disallowed_methods, reason = "starts the program that is looked at")]
#![expect(clippy::unwrap_used, reason = "a test's helper may fail it")]
#![cfg(target_os = "linux")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Who is nobody on every system.
const NOBODY: u32 = 65534;

/// `bgctl`, as a user who is not root, connected to a host that says nothing.
struct Waiting {
    child: Child,
    _folder: TempDir,
    _host: TcpListener,
}

impl Waiting {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("bgctl");
        fs::copy(env!("CARGO_BIN_EXE_bgctl"), &program).unwrap();
        let host = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = host.local_addr().unwrap().port();
        let inventory =
            format!("all:\n  hosts:\n    app1: {{ ansible_host: 127.0.0.1, ansible_port: {port} }}\n");
        fs::write(folder.path().join("inventory.yml"), inventory).unwrap();
        let mut command = Command::new(program);
        command.args(["exec", "-i", "inventory.yml", "-T", "60", "all", "--", "true"]);
        command.current_dir(folder.path()).env_clear().stderr(Stdio::null()).stdin(Stdio::null());
        if fs::metadata(folder.path()).unwrap().uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command.spawn().unwrap();
        // Once it is connected, it has long begun.
        let _ = host.accept().unwrap();
        Self { child, _folder: folder, _host: host }
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_crash_leaves_no_core_and_nobody_looks_in() {
    let mut waiting = Waiting::start();
    let limits = fs::read_to_string(waiting.proc("limits")).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().filter(|word| *word == "0").count(), 2, "{cores}");
    // The kernel gives these to root where a process may not be dumped.
    assert_eq!(fs::metadata(waiting.proc("environ")).unwrap().uid(), 0);
    let pid = waiting.child.id().to_string();
    assert!(Command::new("kill").args(["-ABRT", &pid]).status().unwrap().success());
    let status = waiting.child.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}
