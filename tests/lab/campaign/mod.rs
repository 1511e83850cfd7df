//! The fault campaign: everything that can happen to a deploy, on real hosts, under load all the time.
//!
//! `make campaign` runs all of it; a short cut of it is a test like the others. After each fault there must be no failed
//! request, one color on all load balancers, no lock, and a status that says so. `abort` has then brought back the
//! live color as it was, `resume` has come to what an undisturbed run comes to.
//!
//! | variable | is |
//! |---|---|
//! | `BGCTL_CAMPAIGN_SEED` | what chance begins with; each campaign says its own |
//! | `BGCTL_CAMPAIGN_ONLY` | parts of scenarios' names, with commas: run these alone |

mod hosts;
mod kills;
mod network;
mod scene;
mod slow;
mod traffic;

use std::time::Duration;

use scene::Campaign;

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Whole,
    Short,
}

fn run(length: Length) {
    let mut campaign = Campaign::begin();
    kills::run(&mut campaign, length);
    network::run(&mut campaign, length);
    hosts::run(&mut campaign, length);
    slow::run(&mut campaign);
    campaign.end();
}

#[test]
fn short_cut() {
    run(Length::Short);
}

#[test]
#[ignore = "it takes ten to twenty minutes: make campaign"]
fn whole() {
    run(Length::Whole);
}

/// As the harness' folder has it.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(8);
