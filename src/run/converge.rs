//! Before traffic moves: did all hosts get the same images, and do the app servers run them?

use std::collections::BTreeMap;

use crate::event::Kind;
use crate::model::{Action, HostName, Images, Odd};
use crate::plan::{Plan, Wave};

use super::recorder::{About, Unrecorded};
use super::{Engine, Setback};

impl Engine<'_> {
    /// Compares what the hosts of a wave run, where it asked for that. `Some` when they differ.
    pub(super) fn compare(
        &self,
        plan: &Plan,
        wave: &Wave,
        seen: &BTreeMap<HostName, Images>,
    ) -> Result<Option<Setback>, Unrecorded> {
        // In the plan's order: where as many hosts run the one as the other, the first counts as usual.
        let in_order = wave.lanes.iter().filter_map(|lane| seen.get_key_value(&lane.host));
        let seen: Vec<(HostName, Images)> =
            in_order.map(|(host, images)| (host.clone(), images.clone())).collect();
        if seen.is_empty() {
            return Ok(None);
        }
        match Images::agreed(&seen) {
            // What hosts only got does not run yet.
            Ok(_) if !tells_what_runs(wave) => Ok(None),
            Err(odd) if !tells_what_runs(wave) => {
                let odd: Vec<String> = odd.iter().map(Odd::of_a_name).collect();
                let why = "the hosts did not get the same image (build it once, and pull or load it on all)";
                Ok(Some(Setback::Failed(format!("{why}: {}", odd.join("; ")))))
            }
            Ok(images) => {
                if let Some(lock) = self.lock {
                    lock.passed(&images);
                }
                let about = About { phase: Some(wave.phase), ..About::default() };
                let converged = Kind::Converged { color: plan.target, images };
                self.recorder.record(about, converged).map(|()| None)
            }
            Err(odd) => {
                let odd: Vec<String> = odd.iter().map(ToString::to_string).collect();
                let why = "the app servers do not run the same release, so traffic must not move to them";
                Ok(Some(Setback::Failed(format!("{why}: {}", odd.join("; ")))))
            }
        }
    }
}

/// Whether a wave asks what runs, rather than to bring images.
fn tells_what_runs(wave: &Wave) -> bool {
    let mut steps = wave.lanes.iter().flat_map(|lane| &lane.steps);
    steps.any(|step| matches!(step.action, Action::Fingerprint(_)))
}
