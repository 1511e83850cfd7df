//! Connections and channels as the hosts' own sshd counts them.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;

use crate::lab::{Lab, said};

/// Makes sshd tell, and stops that when dropped. Never on while times are taken.
pub(crate) struct Counter<'a>(&'a Lab);

/// What one host's sshd saw.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    connections: usize,
    sessions: usize,
    forwardings: usize,
}

/// What all of them saw so far, by host.
pub(crate) struct Counts(BTreeMap<String, Count>);

/// The drop-in is read before the lab's own, and sshd takes the first value. A reload keeps the process and its log.
const TALK: &str = "echo LogLevel DEBUG1 >/etc/ssh/sshd_config.d/bench.conf; kill -HUP $(cat /run/sshd.pid)";
const HUSH: &str = "rm -f /etc/ssh/sshd_config.d/bench.conf; kill -HUP $(cat /run/sshd.pid)";

impl<'a> Counter<'a> {
    pub(crate) fn start(lab: &'a Lab) -> Self {
        let counter = Self(lab);
        counter.tell_all(TALK);
        counter
    }

    pub(crate) fn read(&self) -> Counts {
        // A connection's last lines are written after the client has gone.
        std::thread::sleep(std::time::Duration::from_millis(500));
        Counts(self.0.hosts.iter().map(|host| (host.name.clone(), count(&log(&host.container)))).collect())
    }

    fn tell_all(&self, words: &str) {
        for host in &self.0.hosts {
            said(docker().args(["exec", &host.container, "sh", "-c", words]));
        }
        // sshd starts itself anew, and for a moment does not listen.
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}

impl Drop for Counter<'_> {
    fn drop(&mut self) {
        self.tell_all(HUSH);
    }
}

impl Counts {
    /// What came after `before`.
    pub(crate) fn since(self, before: &Self) -> impl Iterator<Item = (String, Count)> {
        self.0.into_iter().map(|(host, now)| {
            let then = before.0.get(&host).copied().unwrap_or_default();
            let count = Count {
                connections: now.connections - then.connections,
                sessions: now.sessions - then.sessions,
                forwardings: now.forwardings - then.forwardings,
            };
            (host, count)
        })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12} {:>9} {:>12}", self.connections, self.sessions, self.forwardings)
    }
}

fn count(log: &str) -> Count {
    let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    Count {
        connections: lines("Connection from "),
        sessions: lines("server_input_channel_open: ctype session "),
        forwardings: lines("server_input_channel_open: ctype direct-tcpip "),
    }
}

/// sshd logs to stderr, and that is the container's log.
fn log(container: &str) -> String {
    let output = docker().args(["logs", container]).output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The machine's Docker, through sudo where its socket is not ours to open.
fn docker() -> Command {
    let usable = Command::new("docker").arg("version").output().is_ok_and(|output| output.status.success());
    if usable {
        return Command::new("docker");
    }
    let mut sudo = Command::new("sudo");
    sudo.arg("docker");
    sudo
}
