//! What `plan` and `apply` cost on the lab: wall time, round trips, connections and channels.
//!
//! `make bench`, or `BGCTL_LAB=lab2 cargo bench --bench round_trips` for another lab. The lab is reset first.
//! How each figure is made stands in `docs/performance.md`.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "starts what it measures, and prints its figures"
)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on stops where it is")]

mod counts;
mod figures;
mod lab;
mod proxy;
mod runs;

use std::time::Duration;

use figures::{Figure, Table};
use lab::{Lab, Way};
use runs::Runs;

const ROUND_TRIPS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(100)];
/// Odd, so that a median is one of the values.
const REPEATS: usize = 7;
/// An apply takes seconds, nearly all of them Compose's.
const APPLIES: usize = 3;

fn main() {
    let lab = Lab::open();
    lab.reset();
    println!("lab {}: {} hosts; medians of {REPEATS}, of {APPLIES} for apply", lab.name, lab.hosts.len());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ways = ROUND_TRIPS.map(|round_trip| Way::open(&lab, round_trip, runtime.handle()));
    let runs = ways.each_ref().map(|way| Runs::new(way, runtime.handle()));
    let help = Figure::median(REPEATS, || runs[0].help());
    println!("\nbgctl --help  {help}");
    runs[0].deploy(&runs[0].next());
    print_counts(&lab, &runs[0]);
    let table = Table::begin(&ROUND_TRIPS);
    let ssh = table.row("one login, one command: ssh", runs.each_ref().map(|at| at.login_by_ssh(REPEATS)));
    let own = table.row("one login, one command: bgctl", runs.each_ref().map(|at| at.login(REPEATS)));
    let plan = table.row("plan, nothing to do", runs.each_ref().map(|at| at.plan(REPEATS, false)));
    table.row("plan, a new release", runs.each_ref().map(|at| at.plan(REPEATS, true)));
    table.row("apply, nothing to do", runs.each_ref().map(|at| at.apply_nothing(REPEATS)));
    let applies = runs.each_ref().map(|at| at.applies(APPLIES));
    table.row("apply, a new release", applies.each_ref().map(|apply| apply.wall));
    table.row("  in Compose and health waits", applies.each_ref().map(|apply| apply.waits));
    table.row("  without those", applies.each_ref().map(|apply| apply.own));
    table.row("  of it the switch: link to new workers", applies.each_ref().map(|apply| apply.switch));
    let [_, far] = plan;
    println!("plan at 100 ms is {} of ssh's login, {} of bgctl's", far.over(ssh[1]), far.over(own[1]));
}

fn print_counts(lab: &Lab, runs: &Runs<'_>) {
    let next = runs.next();
    let counter = counts::Counter::start(lab);
    println!("\ncounted by sshd              connections  sessions  forwardings");
    let told = |what: &str, act: &mut dyn FnMut()| {
        let before = counter.read();
        act();
        for (host, count) in counter.read().since(&before) {
            println!("  {what:<6} {host:<18} {count}");
        }
    };
    told("plan", &mut || runs.plan_once());
    told("apply", &mut || runs.deploy(&next));
}
