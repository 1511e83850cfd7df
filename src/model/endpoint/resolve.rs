//! From a host's variables to the way to it.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::ssh_args::SshArgs;
use super::{Endpoint, Escalation};
use crate::model::Vars;
use crate::model::{HostName, Secret};

/// What the command line says of connections. As with Ansible, a host's own variables beat it.
#[derive(Debug, Clone, Default)]
pub struct ConnectionFlags {
    /// `-u`: the login name.
    pub user: Option<String>,
    /// `--private-key`.
    pub private_key: Option<PathBuf>,
    /// `-T`: for connect and login.
    pub timeout: Option<Duration>,
    /// `-b`: become another user.
    pub escalate: bool,
    /// `--become-user`.
    pub become_user: Option<String>,
    /// `-K`: sudo's password, as it was typed.
    pub become_password: Option<Secret>,
}

/// What this machine adds: who runs it, and where.
#[derive(Debug, Clone, Default)]
pub struct LocalDefaults {
    /// Who runs it: the login name where nothing else is said.
    pub user: String,
    /// The home directory, for `~` and the usual places.
    pub home: Option<PathBuf>,
    /// Those of [`usual_key_files`](Self::usual_key_files) that exist.
    pub key_files: Vec<PathBuf>,
}

/// A connection variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct BadVariable {
    /// The variable's name.
    pub variable: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl LocalDefaults {
    /// The key files that are offered where none is named, if they exist.
    #[must_use]
    pub fn usual_key_files(&self) -> Vec<PathBuf> {
        let home = self.home.iter();
        home.flat_map(|home| ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| home.join(".ssh").join(name)))
            .collect()
    }

    fn known_hosts(&self) -> Vec<PathBuf> {
        let own = self
            .home
            .iter()
            .flat_map(|home| ["known_hosts", "known_hosts2"].map(|f| home.join(".ssh").join(f)));
        own.chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]).collect()
    }

    fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix('~'), &self.home) {
            (Some(""), Some(home)) => home.clone(),
            (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
            _ => PathBuf::from(path),
        }
    }
}

impl Endpoint {
    /// Reads a host's connection variables, or says everything that is wrong with them.
    pub fn resolve(
        host: &HostName,
        vars: &Vars,
        flags: &ConnectionFlags,
        local: &LocalDefaults,
    ) -> Result<Self, Vec<BadVariable>> {
        let mut read = Reader { vars, problems: Vec::new() };
        read.refuse_what_is_missing_here();
        let args = read.ssh_args();
        let key_file = read.text(&["ansible_ssh_private_key_file", "ansible_private_key_file"]);
        let timeout = read.seconds(&["ansible_ssh_timeout", "ansible_timeout"]);
        let endpoint = Self {
            host: host.clone(),
            address: read
                .text(&["ansible_host", "ansible_ssh_host"])
                .unwrap_or_else(|| host.as_str().to_owned()),
            port: read.port().or(args.port).unwrap_or(22),
            user: read
                .text(&["ansible_user", "ansible_ssh_user"])
                .or_else(|| flags.user.clone())
                .or(args.user)
                .unwrap_or_else(|| local.user.clone()),
            key_files: key_files(key_file, &args.identity_files, flags, local),
            identities_only: args.identities_only.unwrap_or(false),
            known_hosts: args.known_hosts.map_or_else(
                || local.known_hosts(),
                |files| files.iter().map(|file| local.expand(file)).collect(),
            ),
            host_key_alias: args.host_key_alias,
            host_key_checking: read
                .flag(&["ansible_host_key_checking", "ansible_ssh_host_key_checking"])
                .unwrap_or(true),
            timeout: timeout.or(flags.timeout).or(args.connect_timeout).unwrap_or(Duration::from_secs(10)),
            retries: read.number(&["ansible_ssh_retries"], "a number of attempts").unwrap_or(0),
            escalate: read.escalate(flags),
        };
        if read.problems.is_empty() { Ok(endpoint) } else { Err(read.problems) }
    }
}

fn key_files(
    variable: Option<String>,
    from_args: &[String],
    flags: &ConnectionFlags,
    local: &LocalDefaults,
) -> Vec<PathBuf> {
    let named = variable.map(|file| local.expand(&file)).or_else(|| flags.private_key.clone());
    let mut files: Vec<PathBuf> = named.into_iter().collect();
    files.extend(from_args.iter().map(|file| local.expand(file)));
    if files.is_empty() { local.key_files.clone() } else { files }
}

/// Reads variables of either spelling and collects what is wrong.
struct Reader<'a> {
    vars: &'a Vars,
    problems: Vec<BadVariable>,
}

impl Reader<'_> {
    fn find(&self, names: &[&'static str]) -> Option<(&'static str, &Value)> {
        let found = names.iter().find_map(|name| Some((*name, self.vars.get(*name)?)));
        found.filter(|(_, value)| !value.is_null())
    }

    fn bad(&mut self, variable: &str, problem: impl Display) {
        self.problems.push(BadVariable { variable: variable.to_owned(), problem: problem.to_string() });
    }

    fn text(&mut self, names: &[&'static str]) -> Option<String> {
        let (name, value) = self.find(names)?;
        let text = scalar(value);
        match text {
            None => self.bad(name, "a text is needed here"),
            Some(ref text) if text.is_empty() => {
                self.bad(name, "it is empty: give it a value or leave it out");
            }
            Some(text) => return Some(text),
        }
        None
    }

    fn number<T: std::str::FromStr>(&mut self, names: &[&'static str], what: &str) -> Option<T> {
        let (name, value) = self.find(names)?;
        let text = scalar(value).unwrap_or_else(|| value.to_string());
        let number = text.trim().parse().ok();
        if number.is_none() {
            self.bad(name, format!("{text:?} is not {what}"));
        }
        number
    }

    fn port(&mut self) -> Option<u16> {
        let port = self.number(&["ansible_port", "ansible_ssh_port"], "a port (1 to 65535)")?;
        if port == 0 {
            self.bad("ansible_port", "0 is not a port (1 to 65535)");
        }
        Some(port)
    }

    fn seconds(&mut self, names: &[&'static str]) -> Option<Duration> {
        let seconds: u32 = self.number(names, "a whole number of seconds")?;
        if seconds == 0 {
            self.bad(names.first().copied().unwrap_or_default(), "at least one second is needed");
        }
        Some(Duration::from_secs(u64::from(seconds)))
    }

    fn flag(&mut self, names: &[&'static str]) -> Option<bool> {
        let (name, value) = self.find(names)?;
        let text = scalar(value).unwrap_or_else(|| value.to_string());
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" | "t" | "1" => Some(true),
            "false" | "no" | "off" | "n" | "f" | "0" => Some(false),
            _ => {
                self.bad(name, format!("{text:?} is neither true nor false"));
                None
            }
        }
    }

    fn ssh_args(&mut self) -> SshArgs {
        let mut args = SshArgs::default();
        for name in ["ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"] {
            let text =
                self.find(&[name]).map(|(_, value)| scalar(value).unwrap_or_else(|| value.to_string()));
            if let Some(Err(problem)) = text.map(|text| args.add(&text)) {
                self.bad(name, problem);
            }
        }
        args
    }

    fn escalate(&mut self, flags: &ConnectionFlags) -> Option<Escalation> {
        if let Some(method) = self.text(&["ansible_become_method"])
            && method != "sudo"
        {
            self.bad("ansible_become_method", format!("{method}: only sudo is available"));
        }
        let user = self.text(&["ansible_become_user", "ansible_sudo_user"]);
        let password = self
            .text(&["ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"])
            .map(Secret::new);
        let escalates = self.flag(&["ansible_become", "ansible_sudo"]).unwrap_or(flags.escalate);
        escalates.then(|| Escalation {
            user: user.or_else(|| flags.become_user.clone()).unwrap_or_else(|| "root".to_owned()),
            password: password.or_else(|| flags.become_password.clone()),
        })
    }

    fn refuse_what_is_missing_here(&mut self) {
        if let Some(connection) = self.text(&["ansible_connection"]) {
            match connection.as_str() {
                "ssh" | "smart" | "paramiko" | "ansible.builtin.ssh" => {}
                "local" => self.bad(
                    "ansible_connection",
                    "local is not available in this version: reach this machine over ssh (ansible_host: \
                     127.0.0.1), or leave the host out",
                ),
                other => self.bad("ansible_connection", format!("{other}: only ssh is available")),
            }
        }
        if let Some((name, _)) = self.find(&["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"])
        {
            self.bad(
                name,
                "logins with a password are not available in this version: use a key or the agent",
            );
        }
    }
}

/// A scalar as text: YAML has `22` and `"22"`, `yes` and `"yes"` for the same thing.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
