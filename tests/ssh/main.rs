//! The SSH transport: against a real `sshd` of this machine, and against servers that break the rules.
#![expect(clippy::disallowed_methods, reason = "starts an sshd and shells, which is what is tested against")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail it"
)]

mod again;
mod faults;
mod holds_and_probes;
mod hosts;
mod real;
mod round_trips;
mod signatures;
mod sshd;
mod sudo;
mod tls_probes;
mod uninvited;
mod way_in;
