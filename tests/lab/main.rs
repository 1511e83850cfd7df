//! `bgctl` on real hosts: OpenSSH, nginx, Docker and Compose. `make lab-up` brings up the default lab;
//! `BGCTL_LAB` names another one that is up.
#![expect(clippy::disallowed_methods, reason = "runs the binary and asks the hosts without it")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail it"
)]

mod deploy;
mod failures;
mod files;
mod harness;
mod host_keys;
mod kinds;
mod lock;
mod refused_site;
mod secrets;
mod switches;
mod values;
mod ways;
