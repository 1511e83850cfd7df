//! Hosts and users that lie in every field they can, over a fleet in memory: what one host says of itself comes to
//! no other. The same on real hosts is in `tests/lab/hostile.rs`, scripts among strangers in `tests/links.rs` and
//! `tests/scripts`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail it"
)]

mod answers;
mod fields;
#[path = "../saga/house.rs"]
#[allow(dead_code, reason = "it is the house of the saga's tests, who use all of it")]
mod house;
mod kinds;
mod liar;
mod plans;
mod records;
mod runs;
