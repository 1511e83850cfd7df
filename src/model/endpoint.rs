//! How a host is reached: its connection variables, resolved.

use std::path::PathBuf;
use std::time::Duration;

use super::{HostName, Secret};

mod resolve;
mod ssh_args;

pub use resolve::{BadVariable, ConnectionFlags, LocalDefaults};

/// Everything that opening a connection to a host needs, with defaults filled in.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The host's name in the inventory.
    pub host: HostName,
    /// What is dialled: `ansible_host`, else the name.
    pub address: String,
    /// The TCP port of its `sshd`.
    pub port: u16,
    /// The login name.
    pub user: String,
    /// Private keys to offer, in order, after the agent's.
    pub key_files: Vec<PathBuf>,
    /// Offer only `key_files`, never other keys of the agent.
    pub identities_only: bool,
    /// The `known_hosts` files to believe, in order.
    pub known_hosts: Vec<PathBuf>,
    /// Look the key up under this name instead of the address.
    pub host_key_alias: Option<String>,
    /// `false` only where the inventory says `ansible_host_key_checking: false`.
    pub host_key_checking: bool,
    /// For the whole of TCP connect, key exchange and login.
    pub timeout: Duration,
    /// Further attempts when a connection is dropped before its login.
    pub retries: u32,
    /// Whom tasks become on this host, unless they say otherwise (`ansible_become`).
    pub escalate: Option<Escalation>,
}

/// `ansible_become`, `_become_user`, `_become_password`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// Whom to become.
    pub user: String,
    /// sudo's password, where given.
    pub password: Option<Secret>,
}
