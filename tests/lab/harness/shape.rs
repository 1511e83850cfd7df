//! A shape as `bgctl init` writes it, and the home-made script that stood in its place.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Lab, Said};

/// The playbook that `init` writes.
pub(crate) const PLAYBOOK: &str = "playbooks/my-server.yml";
/// How the hosts of the lab are reached, beside the inventory that `init` writes.
const WAYS: &str = "lab.yml";

impl Lab {
    /// Has `bgctl init` write a shape into the folder, in place of what is there, for the first load balancer and
    /// these app servers.
    pub(crate) fn init(&self, shape: &str, servers: &[&str]) {
        for name in ["inventory.yml", "playbook.yml"] {
            let _ = std::fs::remove_file(self.path(name));
        }
        for name in ["inventories", "playbooks", "templates", "examples"] {
            let _ = std::fs::remove_dir_all(self.path(name));
        }
        let balancer = self.first_balancer();
        let joined = servers.join(",");
        let hosts: &[&str] = match shape {
            "single-host" => &["--host", balancer],
            _ => &["--load-balancers", balancer, "--app-servers", &joined],
        };
        let args = [&["init", "--shape", shape, "--app", "my-server", "--user", "root"], hosts].concat();
        let mut command = Command::new(env!("CARGO_BIN_EXE_bgctl"));
        let output = command.args(&args).current_dir(self.path(".")).output().unwrap();
        Said::new(&args, &output).exits(0);
        self.edit(PLAYBOOK, "confirm_timeout: 30s", "confirm_timeout: 8s");
        let mut hosts: Vec<&str> = [balancer].into_iter().chain(servers.iter().copied()).collect();
        hosts.dedup();
        self.write(WAYS, &self.ways(&hosts));
    }

    /// An inventory that knows of these hosts only how they are reached.
    fn ways(&self, hosts: &[&str]) -> String {
        let host = |host: &&str| {
            format!("    {host}: {{ ansible_host: {}, bgctl_address: {host} }}\n", self.address(host))
        };
        format!(
            "all:\n  vars:\n    ansible_port: {0}\n    ansible_ssh_private_key_file: {1}/id_ed25519\n    \
             ansible_ssh_common_args: -o UserKnownHostsFile={1}/known_hosts -o IdentitiesOnly=yes\n  hosts:\n{2}",
            self.ssh(hosts[0]).port(),
            self.run_folder().display(),
            hosts.iter().map(host).collect::<Vec<_>>().concat()
        )
    }

    /// The folder's playbook: the shipped one, or what `init` wrote.
    pub(super) fn playbook(&self) -> &'static str {
        if self.path("playbook.yml").exists() { "playbook.yml" } else { PLAYBOOK }
    }

    /// What selects the folder's inventory and playbook.
    pub(super) fn inventory(&self) -> &'static [&'static str] {
        if self.path("inventory.yml").exists() {
            &["-i", "inventory.yml", "-e", "bgctl_playbook=playbook.yml"]
        } else {
            &["-i", "my-server.yml", "-i", WAYS]
        }
    }

    /// Deploys a release with the script of a shape, from before bgctl.
    pub(crate) fn script(&self, shape: &str, version: &str) -> Said {
        self.write("ssh_config", &self.ssh_config());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/lab/before/{shape}.sh"));
        let servers = self.servers().join(" ");
        let output = Command::new(script)
            .arg(version)
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SSH", format!("ssh -F {}", self.path("ssh_config").display()))
            .envs([("LB", self.first_balancer()), ("HOST", self.first_balancer()), ("APPS", &servers)])
            .envs(&*self.environment.lock().unwrap())
            .output();
        Said::new(&[&format!("(not bgctl) {shape}.sh"), version], &output.unwrap())
    }

    fn ssh_config(&self) -> String {
        let folder = self.run_folder();
        let host = |host: &&str| {
            let way = self.ssh(host);
            format!("Host {host}\n  HostName {}\n  Port {}\n", way.ip(), way.port())
        };
        let hosts = self.hosts().iter().map(host).collect::<Vec<_>>().concat();
        format!(
            "{hosts}Host *\n  User root\n  IdentityFile {0}/id_ed25519\n  UserKnownHostsFile {0}/known_hosts\n  \
             IdentitiesOnly yes\n  LogLevel ERROR\n",
            folder.display()
        )
    }
}
