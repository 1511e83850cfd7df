//! Endpoints on this machine.

use std::time::Duration;

use bgctl::model::{Endpoint, HostName};

/// The one host's name.
pub(crate) fn name() -> HostName {
    "app1".parse().unwrap()
}

/// A port of this machine, with no key to offer and none known.
pub(crate) fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        host: name(),
        address: "127.0.0.1".to_owned(),
        port,
        user: "nobody".to_owned(),
        key_files: Vec::new(),
        identities_only: false,
        known_hosts: Vec::new(),
        host_key_alias: None,
        host_key_checking: true,
        timeout: Duration::from_secs(10),
        retries: 0,
        escalate: None,
    }
}
