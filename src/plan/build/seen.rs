//! Health as the load balancers see it: their own lanes, about the app servers that were just brought up.

use crate::model::{Action, Check, HostName};
use crate::plan::deed::{Deed, Wish};
use crate::plan::{Certainty, Lane, Phase, Step, Undo, Wave};

use super::stage::step;
use super::{Blocked, Builder};

/// Of each host, what load balancers ask of it.
pub(super) type Asked = Vec<(HostName, Vec<Deed>)>;

/// Takes out what load balancers ask of a host; the rest is its own.
pub(super) fn split(host: &HostName, deeds: Vec<Deed>, asked: &mut Asked) -> Vec<Deed> {
    let from_there = |deed: &Deed| matches!(deed.wish, Wish::Seen(_));
    let (seen, own): (Vec<Deed>, Vec<Deed>) = deeds.into_iter().partition(from_there);
    if !seen.is_empty() {
        asked.push((host.clone(), seen));
    }
    own
}

impl Builder<'_> {
    /// The wave in which every load balancer asks these hosts; none where nothing is asked.
    pub(super) fn seen(
        &self,
        phase: Phase,
        name: String,
        max_fail_percentage: f64,
        asked: &Asked,
    ) -> Result<Option<Wave>, Blocked> {
        let steps: Vec<Step> = asked.iter().flat_map(|(host, deeds)| steps(host, deeds)).collect();
        if steps.is_empty() {
            return Ok(None);
        }
        let lane = |host| Lane { host, steps: steps.clone(), skipped: Vec::new() };
        let lanes: Vec<Lane> = self.scope.load_balancers()?.into_iter().map(lane).collect();
        Ok((!lanes.is_empty()).then_some(Wave { phase, name, max_fail_percentage, lanes }))
    }
}

fn steps(host: &HostName, deeds: &[Deed]) -> Vec<Step> {
    let asked = deeds.iter().filter_map(|deed| {
        let Wish::Seen(check) = &deed.wish else { return None };
        let check = Check { of: Some(host.clone()), ..check.clone() };
        let mut step = step(deed, Action::Check(check), Undo::NotNeeded, Certainty::Unknowable);
        step.name = format!("{}: {host}", deed.name);
        // A probe is nobody's program: there is nobody to become.
        step.escalate = None;
        Some(step)
    });
    asked.collect()
}
