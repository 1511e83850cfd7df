//! The lab that is up, and ways to it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::proxy;

/// One host of the lab.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) container: String,
    pub(crate) ssh: SocketAddr,
}

/// A lab that is up.
pub(crate) struct Lab {
    pub(crate) name: String,
    pub(crate) hosts: Vec<Host>,
    folder: PathBuf,
}

impl Lab {
    /// The lab that `BGCTL_LAB` names, else the usual one.
    pub(crate) fn open() -> Self {
        let name = std::env::var("BGCTL_LAB").unwrap_or_else(|_| "lab".to_owned());
        let folder = root().join("tests/lab/run").join(&name);
        let Ok(text) = std::fs::read_to_string(folder.join("env")) else {
            panic!("lab {name} is not up: tests/lab/up --name {name}");
        };
        let words = shlex::split(&text).unwrap();
        let vars: BTreeMap<&str, &str> = words.iter().filter_map(|word| word.split_once('=')).collect();
        let host = |name: &str| {
            let var =
                |suffix: &str| vars.get(format!("LAB_{}{suffix}", name.to_uppercase()).as_str()).copied();
            let port = vars.get("LAB_SSH_PORT").unwrap();
            Host {
                name: name.to_owned(),
                container: var("_CONTAINER").unwrap().to_owned(),
                ssh: format!("{}:{port}", var("").unwrap()).parse().unwrap(),
            }
        };
        let hosts = vars.get("LAB_HOSTS").unwrap().split(' ').map(host).collect();
        Self { name, hosts, folder }
    }

    /// Puts the hosts back to how they were made.
    pub(crate) fn reset(&self) {
        said(Command::new(root().join("tests/lab/reset")).args(["--name", &self.name]));
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("id_ed25519")
    }
}

/// A way to the lab's hosts, with an inventory of its own.
pub(crate) struct Way {
    pub(crate) key: PathBuf,
    /// Where the first app server's sshd is reached.
    pub(crate) app: SocketAddr,
    folder: TempDir,
}

impl Way {
    /// The hosts themselves, or proxies to them where there is a round trip to simulate.
    pub(crate) fn open(lab: &Lab, round_trip: Duration, runtime: &Handle) -> Self {
        let reach = |host: &Host| match round_trip {
            Duration::ZERO => host.ssh,
            _ => SocketAddr::from(([127, 0, 0, 1], proxy::start(host.ssh, round_trip, runtime))),
        };
        let reached: Vec<(&Host, SocketAddr)> = lab.hosts.iter().map(|host| (host, reach(host))).collect();
        let folder = tempfile::tempdir().unwrap();
        let known = known_hosts(&std::fs::read_to_string(lab.folder.join("known_hosts")).unwrap(), &reached);
        std::fs::write(folder.path().join("known_hosts"), known).unwrap();
        let app = reached.iter().find(|(host, _)| host.name.starts_with("app")).unwrap().1;
        let way = Self { key: lab.key(), app, folder };
        std::fs::write(way.inventory(), way.inventory_text(&reached)).unwrap();
        way
    }

    pub(crate) fn inventory(&self) -> PathBuf {
        self.folder.path().join("inventory.yml")
    }

    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("known_hosts")
    }

    /// Where the journals of the bench's runs go.
    pub(crate) fn state(&self) -> &Path {
        self.folder.path()
    }

    fn inventory_text(&self, reached: &[(&Host, SocketAddr)]) -> String {
        let mut text = format!(
            "all:\n  vars:\n    ansible_user: root\n    ansible_ssh_private_key_file: '{}'\n    \
             ansible_ssh_common_args: '-o UserKnownHostsFile={} -o IdentitiesOnly=yes'\n  children:\n",
            self.key.display(),
            self.known_hosts().display()
        );
        for (group, prefix) in [("load_balancers", "lb"), ("app_servers", "app")] {
            writeln!(text, "    {group}:\n      hosts:").unwrap();
            for (host, at) in reached.iter().filter(|(host, _)| host.name.starts_with(prefix)) {
                let (name, address, port) = (&host.name, at.ip(), at.port());
                writeln!(
                    text,
                    "        {name}: {{ ansible_host: {address}, ansible_port: {port}, bgctl_address: {name} }}"
                )
                .unwrap();
            }
        }
        text
    }
}

/// The lab's own entries, under the addresses at which the hosts are reached.
fn known_hosts(lab: &str, reached: &[(&Host, SocketAddr)]) -> String {
    let name = |address: &SocketAddr| format!("[{}]:{} ", address.ip(), address.port());
    let entries = reached.iter().flat_map(|(host, at)| {
        let keys = lab.lines().filter_map(move |line| line.strip_prefix(&name(&host.ssh)));
        keys.map(move |key| format!("{}{key}\n", name(at)))
    });
    entries.collect()
}

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The stdout of a command that must succeed.
pub(crate) fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
