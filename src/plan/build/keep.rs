//! After a release went live: what was rendered for it is kept on its hosts, so that it can be staged again.

use std::collections::BTreeMap;

use crate::model::{Action, Color, HostName, Keep, Kept, KeptStep, Problems, ReleaseId, StateDir};
use crate::plan::deed::{self, Deed, Wanted, Wish};
use crate::plan::scope::{Scope, Side};
use crate::plan::{Certainty, Lane, Phase, Undo, Wave, kept as keep, observe, site};

use super::stage::step;
use super::{Blocked, Builder};

/// More than this is not kept: it could not be read back in one go.
const LARGEST: usize = 8 * 1024 * 1024;

impl Builder<'_> {
    /// The wave that keeps a release on all its hosts; none where the playbook keeps none. That it fails is said and
    /// does not count.
    pub(super) fn keep(&self, release: &ReleaseId) -> Result<Option<Wave>, Blocked> {
        let playbook = &self.scope.model.playbook;
        if playbook.keep_releases == 0 {
            return Ok(None);
        }
        let before = self.live.and_then(|live| observe::release_of(self.scope.observed, live));
        let spare: Vec<ReleaseId> = before.into_iter().chain([release.clone()]).collect();
        let questions = observe::questions(self.scope.model)?;
        let mut lanes = Vec::new();
        for (host, kept) in self.kept(release)? {
            let mut lane = Lane { host: host.clone(), steps: Vec::new(), skipped: Vec::new() };
            let deed = Deed {
                name: "Keep the release".to_owned(),
                wish: Wish::Nothing(String::new()),
                // Whoever asks for it later must be able to read it.
                escalate: questions.get(&host).and_then(|questions| questions.of_state().escalate.clone()),
                timeout: None,
                ignore_errors: true,
                no_log: false,
            };
            let content = keep::text(&kept, &self.scope.observed.key);
            if content.len() > LARGEST {
                lane.skip(&deed, "it is over 8 MiB, and cannot be rolled back to once both colors are newer");
            } else {
                let state = self.kept_folder(&host)?;
                let (release, most, spare) = (release.clone(), playbook.keep_releases, spare.clone());
                let keep = Action::Keep(Keep { state, release, content, most, spare });
                lane.steps.push(step(&deed, keep, Undo::NotNeeded, Certainty::Computed));
            }
            lanes.push(lane);
        }
        Ok(Some(super::wave(Phase::Settle, "Keep the release", lanes)))
    }

    fn kept_folder(&self, host: &HostName) -> Result<StateDir, Problems> {
        let side = self.scope.side(self.scope.model.playbook.first_color(), None, "")?;
        site::releases(&self.scope, host, &side)
    }

    /// What each host that gets traffic, and each load balancer, keeps.
    fn kept(&self, release: &ReleaseId) -> Result<BTreeMap<HostName, Kept>, Problems> {
        let mut servers = self.scope.app_servers()?;
        servers.retain(|host| !self.scope.leaves_out(host));
        let mut kept: BTreeMap<HostName, Kept> = BTreeMap::new();
        let new = || Kept::new(release.clone(), servers.clone());
        for color in Color::BOTH {
            // As the stage saw them: hosts that failed since were among the upstreams then.
            let scope = Scope::new(self.scope.model, self.scope.observed, &[]);
            let side = scope.side(color, Some(color.other()), release.as_str())?;
            for (host, steps) in self.kept_steps(&scope, &side)? {
                kept.entry(host).or_insert_with(new).sides.entry(color).or_default().steps = steps;
            }
            let side = self.scope.side(color, Some(color.other()), release.as_str())?;
            for host in self.scope.load_balancers()? {
                let text = site::content(&self.scope, &host, &side)?;
                kept.entry(host).or_insert_with(new).sides.entry(color).or_default().site = text;
            }
        }
        self.vouch(&mut kept)?;
        Ok(kept)
    }

    /// Load balancers know what the others keep.
    fn vouch(&self, kept: &mut BTreeMap<HostName, Kept>) -> Result<(), Problems> {
        let balancers = self.scope.load_balancers()?;
        let servers = kept.iter().filter(|(host, _)| !balancers.contains(host));
        let key = &self.scope.observed.key;
        let others: BTreeMap<HostName, String> =
            servers.map(|(host, kept)| (host.clone(), keep::hash(&keep::text(kept, key)))).collect();
        for host in &balancers {
            if let Some(kept) = kept.get_mut(host) {
                kept.others.clone_from(&others);
            }
        }
        Ok(())
    }

    fn kept_steps(
        &self,
        scope: &Scope<'_>,
        side: &Side,
    ) -> Result<BTreeMap<HostName, Vec<KeptStep>>, Problems> {
        let mut all: BTreeMap<HostName, Vec<KeptStep>> = BTreeMap::new();
        for (play, hosts) in self.plays(&self.scope.model.playbook.stage)? {
            for host in hosts.iter().filter(|host| !self.scope.leaves_out(host)) {
                let first = hosts.first().unwrap_or(host);
                let deeds = deed::deeds(scope, play, host, first, side, Wanted::All)?;
                all.entry(host.clone()).or_default().extend(deeds.into_iter().filter_map(kept_step));
            }
        }
        Ok(all)
    }
}

/// Files and projects are kept. Commands are not: a migration of then has no place in going back.
fn kept_step(deed: Deed) -> Option<KeptStep> {
    let action = match deed.wish {
        Wish::File(file) => Action::PutFile(file),
        Wish::Compose(up) => Action::ComposeUp(up),
        _ => return None,
    };
    Some(KeptStep { name: deed.name, escalate: deed.escalate, no_log: deed.no_log, action })
}
