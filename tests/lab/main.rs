//! `bgctl` on real hosts: OpenSSH, nginx, Docker and Compose. `make lab-up` brings up the default lab
//! and its twin, and one with two load balancers; `BGCTL_LAB` names another one that is up.
#![expect(clippy::disallowed_methods, reason = "runs the binary and asks the hosts without it")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail it"
)]

mod apps;
mod campaign;
mod dead_man;
mod deploy;
mod drain;
mod drivers;
mod failures;
mod files;
mod gates;
mod gateways;
mod harness;
mod host_keys;
mod hostile;
mod images;
mod kept;
mod kinds;
mod lock;
mod migrations;
mod nginx;
mod preview;
mod refused_site;
mod retire;
mod rollback;
mod secrets;
mod shapes;
mod switches;
mod takeover;
mod two;
mod values;
mod watch;
mod ways;
