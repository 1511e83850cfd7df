//! The guarantees, broken at every point, over a fleet in memory: the shipped playbook and templates, the
//! real planner, the real engine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail it"
)]

mod by_hand;
mod dead_man;
mod endings;
mod every_call;
mod gates;
mod house;
mod images;
mod invariants;
mod kept;
mod keys;
mod locks;
mod migrations;
mod partial;
mod plans;
mod rehearsal;
mod retire;
mod scenario;
mod schedules;
mod secrets;
mod seen;
mod state;
mod takeover;
mod watch;
