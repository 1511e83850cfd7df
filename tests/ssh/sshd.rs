//! An unprivileged OpenSSH server on a random loopback port, with keys of its own.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bgctl::model::Endpoint;
use bgctl::remote::ssh::{Settings, SshFleet};
use tempfile::TempDir;

use crate::hosts;

/// Where distributions put it; `scripts/setup` installs it.
const SSHD: &str = "/usr/sbin/sshd";

/// A server that ends with this value.
pub(crate) struct Sshd {
    dir: TempDir,
    child: Child,
    pub(crate) port: u16,
}

impl Sshd {
    /// A server with the usual settings.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// A server with more lines in its configuration.
    pub(crate) fn with(config: &str) -> Self {
        Self::launch(prepare(), "/usr/bin:/bin", config)
    }

    /// A server whose host key has a certificate by the key `stranger`, made out to this name.
    pub(crate) fn with_certificate(principal: &str) -> Self {
        Self::certified("stranger", &["-n", principal])
    }

    /// A server whose host key has a certificate by this key, made with these options of `ssh-keygen`.
    pub(crate) fn certified(authority: &str, options: &[&str]) -> Self {
        let dir = prepare();
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-h", "-I", "test", "-s"]).arg(dir.path().join(authority)).args(options);
        run(sign.arg(dir.path().join("host.pub")));
        let config = format!("HostCertificate {}", dir.path().join("host-cert.pub").display());
        Self::launch(dir, "/usr/bin:/bin", &config)
    }

    /// A server whose `sudo` is this script.
    pub(crate) fn with_sudo(script: &str) -> Self {
        let dir = prepare();
        let bin = dir.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let sudo = bin.join("sudo");
        std::fs::write(&sudo, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&sudo, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self::launch(dir, &format!("{}:/usr/bin:/bin", bin.display()), "")
    }

    /// A server where these tools and what every host has are all there is; `busybox` stands for all its own.
    pub(crate) fn tools_only(tools: &[&str], config: &str) -> Self {
        let dir = prepare();
        let bin = dir.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let link = |tool: &str, name: &str| {
            let path = run(Command::new("sh").args(["-c", &format!("command -v {tool}")]));
            std::os::unix::fs::symlink(path.trim(), bin.join(name)).unwrap();
        };
        if tools.contains(&"busybox") {
            for name in ["busybox", "sh", "cat", "mktemp", "rm", "mkfifo", "grep", "wget", "nc"] {
                link("busybox", name);
            }
        } else {
            for name in ["sh", "cat", "mktemp", "rm"].iter().chain(tools) {
                link(name, name);
            }
        }
        Self::launch(dir, &bin.display().to_string(), config)
    }

    /// The home is empty: what a developer's shell does at its start would be timed, too.
    fn launch(dir: TempDir, search: &str, config: &str) -> Self {
        let port = free_port();
        let path = dir.path().display();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {path}/host\nHostKey {path}/host_rsa\n\
             AuthorizedKeysFile {path}/authorized_keys\nPidFile none\nUsePAM no\nStrictModes no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
             SetEnv HOME={path}/home PATH={search}\n{config}\n"
        );
        std::fs::write(dir.path().join("sshd_config"), config).unwrap();
        let child = listen(&dir);
        let server = Self { dir, child, port };
        server.know(&server.public_key("host"));
        server.await_port();
        server
    }

    fn await_port(&self) {
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("no sshd: {}", std::fs::read_to_string(self.path("log")).unwrap_or_default());
    }

    /// Ends its connections as a crash does, and nothing else.
    pub(crate) fn cut(&self) {
        for connection in children(self.child.id()) {
            // Those beneath it hold the socket, too, where it dropped its privileges; or they are the scripts, whose
            // end it must not live to tell of.
            let all = [connection].into_iter().chain(children(connection));
            // One that ended by itself meanwhile is no failure.
            Command::new("kill").arg("-9").args(all.map(|pid| pid.to_string())).output().unwrap();
        }
    }

    /// Takes no new connections; those that there are live on.
    pub(crate) fn stop_listening(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Takes new connections again.
    pub(crate) fn listen_again(&mut self) {
        self.child = listen(&self.dir);
        self.await_port();
    }

    /// A file of the server's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Algorithm and key of one of its public keys.
    pub(crate) fn public_key(&self, name: &str) -> String {
        let line = std::fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// Makes known_hosts hold this key for the server and nothing else.
    pub(crate) fn know(&self, key: &str) {
        std::fs::write(self.path("known_hosts"), format!("[127.0.0.1]:{} {key}\n", self.port)).unwrap();
    }

    /// The way in.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            user: user(),
            key_files: vec![self.path("user")],
            known_hosts: vec![self.path("known_hosts")],
            ..hosts::endpoint(self.port)
        }
    }

    /// A connection to it.
    pub(crate) async fn fleet(&self) -> SshFleet {
        let (fleet, failed) = SshFleet::connect(vec![self.endpoint()], Settings::default()).await;
        assert_eq!(failed, []);
        fleet
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(dir: &TempDir) -> Child {
    let log = std::fs::File::create(dir.path().join("log")).unwrap();
    let mut sshd = Command::new(SSHD);
    sshd.args(["-D", "-e", "-f"]).arg(dir.path().join("sshd_config"));
    sshd.stdin(Stdio::null()).stderr(log).spawn().unwrap()
}

/// The processes that this one has started and that still run.
fn children(parent: u32) -> Vec<u32> {
    let all = run(Command::new("ps").args(["-A", "-o", "pid=,ppid="]));
    let pairs = all.lines().map(|line| line.split_whitespace().map(|id| id.parse().unwrap()).collect());
    pairs.filter(|pair: &Vec<u32>| pair[1] == parent).map(|pair| pair[0]).collect()
}

/// A folder with keys: two for the host, one for the user, and one that nobody knows.
fn prepare() -> TempDir {
    assert!(Path::new(SSHD).exists(), "{SSHD} is missing: scripts/setup installs it");
    // A server started by root wants it.
    let _ = std::fs::create_dir_all("/run/sshd");
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("home")).unwrap();
    for name in ["host", "host_rsa", "user", "stranger"] {
        let kind = if name == "host_rsa" { "rsa" } else { "ed25519" };
        let mut make = Command::new("ssh-keygen");
        run(make.args(["-q", "-t", kind, "-N", "", "-C", name, "-f"]).arg(dir.path().join(name)));
    }
    std::fs::copy(dir.path().join("user.pub"), dir.path().join("authorized_keys")).unwrap();
    dir
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A port on which nothing listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn user() -> String {
    run(Command::new("id").arg("-un")).trim().to_owned()
}
