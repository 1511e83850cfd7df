//! Before traffic moves: do all app servers run the same images?

use std::collections::BTreeMap;

use crate::event::Kind;
use crate::model::{HostName, Images};
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
