//! What a plan that was kept elsewhere lacks because it is nobody else's: the passwords of logins, where archives are on
//! this machine, and which compose each host has. Whoever opens the plan fills it in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::model::{Action, Compose, HostName, Login, Secret};

use super::{Lane, Plan, Undo};

/// What these inputs and this machine have of their own.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    /// By host, registry and user. Another token than the run's first process had is as good.
    passwords: BTreeMap<(HostName, String, String), Secret>,
    /// By the archive's name in the playbook.
    archives: BTreeMap<String, PathBuf>,
    /// By host, as each says now. It may have changed since the run began, and nobody else is asked.
    composes: BTreeMap<HostName, Compose>,
}

impl Own {
    /// Adds what an action on a host has.
    pub(super) fn add(&mut self, host: &HostName, action: &Action) {
        match action {
            Action::Login(login) => {
                self.passwords.insert(key(host, login), login.password.clone());
            }
            Action::LoadImage(load) => drop(self.archives.insert(load.file.clone(), load.path.clone())),
            _ => {}
        }
    }

    /// Adds what a host says it has.
    pub(super) fn add_compose(&mut self, host: &HostName, compose: Compose) {
        self.composes.insert(host.clone(), compose);
    }

    /// Has an action on a host run with the compose that is there.
    fn run_with_its_own(&self, host: &HostName, action: &mut Action) {
        if let (Some(has), Some(kept)) = (self.composes.get(host), action.compose_mut()) {
            *kept = *has;
        }
    }
}

fn key(host: &HostName, login: &Login) -> (HostName, String, String) {
    (host.clone(), login.registry.clone(), login.username.clone())
}

impl Plan {
    /// Fills in what there is; steps that still lack something, as `host: task`.
    pub(super) fn fill_in(&mut self, own: &Own) -> BTreeSet<String> {
        let mut lacking = BTreeSet::new();
        for lane in self.waves.iter_mut().flat_map(|wave| &mut wave.lanes) {
            for step in &mut lane.steps {
                own.run_with_its_own(&lane.host, &mut step.action);
                if let Undo::Reverse(undo) = &mut step.undo {
                    own.run_with_its_own(&lane.host, undo);
                }
                let found = match &mut step.action {
                    Action::Login(login) => {
                        own.passwords.get(&key(&lane.host, login)).map(|known| login.password = known.clone())
                    }
                    Action::LoadImage(load) => {
                        own.archives.get(&load.file).map(|known| load.path.clone_from(known))
                    }
                    _ => continue,
                };
                if found.is_none() {
                    lacking.insert(format!("{}: {}", lane.host, step.name));
                }
            }
        }
        lacking
    }

    /// The logins that a step has: those of the steps before it on its host, the last one of each registry.
    #[must_use]
    pub fn logins(&self, wave: usize, lane: usize, step: usize) -> Vec<&Login> {
        let here = self.waves.get(wave).and_then(|wave| wave.lanes.get(lane));
        let Some(host) = here.map(|lane| &lane.host) else { return Vec::new() };
        let mut logins: BTreeMap<&str, &Login> = BTreeMap::new();
        for (index, value) in self.waves.iter().enumerate().take(wave.saturating_add(1)) {
            for (place, found) in value.lanes.iter().enumerate().filter(|(_, found)| found.host == *host) {
                let before = if (index, place) == (wave, lane) { step } else { usize::MAX };
                logins.extend(made_in(found, before));
            }
        }
        logins.into_values().collect()
    }
}

/// The logins of a lane's first steps, by registry.
fn made_in(lane: &Lane, before: usize) -> impl Iterator<Item = (&str, &Login)> {
    lane.steps.iter().take(before).filter_map(|step| match &step.action {
        Action::Login(login) => Some((login.registry.as_str(), login)),
        _ => None,
    })
}
