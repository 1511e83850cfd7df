//! Everything that comes from outside, changed at random: an error at the most, never a panic, in bounded memory. Here some
//! thousand times each; `make fuzz` does it ten million times.
//!
//! What is drawn follows from `BGCTL_FUZZ_SEED`; `BGCTL_FUZZ_RUNS` says how often, `BGCTL_FUZZ_INPUT` gives a target one
//! file.
#![expect(clippy::disallowed_methods, reason = "reads its settings, and runs scripts and itself")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail it"
)]

mod archives;
mod drive;
mod fleet;
mod hosts;
#[path = "../saga/house.rs"]
#[allow(dead_code, reason = "it is the house of the saga's tests, who use all of it")]
mod house;
mod kept;
mod keys;
#[path = "../hostile/kinds.rs"]
mod kinds;
mod logs;
mod mutate;
mod plans;
mod scripts;
mod tree;
mod whole;

#[test]
fn facts() {
    drive::run("facts", &mut hosts::answers(), 2000);
}

#[test]
fn observed() {
    drive::run("observed", &mut hosts::observed(), 50);
}

#[test]
fn records() {
    drive::run("records", &mut kept::records(), 2000);
}

#[test]
fn kept_releases() {
    drive::run("kept_releases", &mut kept::releases(), 2000);
}

#[test]
fn journals() {
    drive::run("journals", &mut kept::journals(), 1000);
}

#[test]
fn plans() {
    let left = plans::left();
    drive::run("plans", &mut plans::Plans::new(&left), 100);
}

#[test]
fn known_hosts() {
    drive::run("known_hosts", &mut keys::KnownHosts::new(), 10_000);
}

#[test]
fn access_logs() {
    let lines = if drive::setting("RUNS").is_some() { 50_000 } else { 2500 };
    drive::run("access_logs", &mut logs::Logs::new(lines), 20_000);
}

#[test]
fn archives() {
    drive::run("archives", &mut archives::Archives::new(), 2000);
}

#[test]
fn answers() {
    drive::run("answers", &mut scripts::answers(), 1000);
}

#[test]
#[ignore = "ten million executions: `make fuzz`"]
fn whole() {
    whole::run();
}
