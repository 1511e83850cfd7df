//! The shell texts that run on hosts, in the shells that hosts have: what they do, and what others cannot have them do.
#![expect(clippy::disallowed_methods, reason = "starts shells, which is what is tested")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail it"
)]

mod dead_man;
mod ends;
mod keys;
mod locks;
mod numbers;
mod scan;
mod shells;
mod state;
mod switch;
mod watch;
