//! `rollback --to`: a kept release on the idle color, exactly as it was rendered, and then the switch to it.

use std::collections::BTreeMap;

use crate::model::{
    Action, Color, ComposeUp, HostName, Kept, KeptRelease, KeptSide, KeptStep, Pull, PutFile, ReleaseId,
};
use crate::plan::deed::{self, Deed, Wanted, Wish};
use crate::plan::{Lane, Phase, Wave, observe};

use super::{Blocked, Builder};

impl Builder<'_> {
    /// The release that was read from the hosts.
    pub(super) fn kept_release(&self) -> Result<&KeptRelease, Blocked> {
        self.scope.observed.kept.as_ref().ok_or_else(|| Blocked::NotReady {
            what: "no kept release was read".to_owned(),
            details: Vec::new(),
            hint: "name one: `bgctl rollback --to RELEASE`".to_owned(),
        })
    }

    pub(super) fn restage(&self, target: Color, release: &ReleaseId) -> Result<Vec<Wave>, Blocked> {
        self.refuse_half_of_it()?;
        self.refuse_without_compose()?;
        if let Some(live) = self.live
            && observe::release_of(self.scope.observed, live).as_ref() == Some(release)
        {
            return Err(Blocked::NotReady {
                what: format!("release {release} is live already, on {live}"),
                details: Vec::new(),
                hint: "there is nothing to go back to".to_owned(),
            });
        }
        let kept = self.kept_release()?;
        self.refuse_other_servers(kept)?;
        let mut lanes = Vec::new();
        for host in self.kept_hosts(kept) {
            lanes.push(self.restage_lane(&host, target, side_of(kept, &host, target)?)?);
        }
        lanes.retain(|lane| !lane.steps.is_empty() || !lane.skipped.is_empty());
        let name = format!("Stage release {release} again");
        let mut waves = vec![super::wave(Phase::Stage, &name, lanes)];
        waves.extend(self.answers(target)?);
        waves.extend(self.switch_to_kept(target, kept)?);
        Ok(waves)
    }

    /// Traffic would go to the servers of then.
    fn refuse_other_servers(&self, kept: &KeptRelease) -> Result<(), Blocked> {
        let now = self.scope.app_servers()?;
        let balancers = self.scope.load_balancers()?;
        let mut details = Vec::new();
        for host in now.iter().chain(&balancers) {
            match kept.hosts.get(host) {
                None => details.push(format!("{host} does not keep it")),
                Some(Kept { servers, .. }) if *servers != now => {
                    details.push(format!("{host}: its app servers were {}", names(servers)));
                }
                Some(_) => {}
            }
        }
        if details.is_empty() {
            return Ok(());
        }
        Err(Blocked::NotReady {
            what: format!("release {} was not rendered for the hosts of now", kept.release),
            details,
            hint: "deploy it anew with `bgctl apply`, with the -e of then".to_owned(),
        })
    }

    /// Those hosts of a kept release that are still there, in inventory order.
    fn kept_hosts(&self, kept: &KeptRelease) -> Vec<HostName> {
        let all = self.scope.model.inventory.hosts().iter();
        all.filter(|host| kept.hosts.contains_key(*host)).cloned().collect()
    }

    fn restage_lane(&self, host: &HostName, color: Color, side: &KeptSide) -> Result<Lane, Blocked> {
        let tasks = self.tasks_of_now(host, color)?;
        let (mut deeds, mut foreign) = (Vec::new(), Vec::new());
        for step in &side.steps {
            match tasks.iter().find(|task| is_of(task, step)) {
                Some(task) => deeds.extend(self.restage_deed(host, step, task)),
                None => foreign.push(format!("{host}: {}", step.name)),
            }
        }
        if foreign.is_empty() {
            return self.lane(host, deeds, Phase::Stage);
        }
        Err(Blocked::NotReady {
            what: "the kept release has tasks that this playbook has not, for the same place and user".to_owned(),
            details: foreign,
            hint: "what hosts keep is not believed further than that: deploy it anew with `bgctl apply`, with the -e of then"
                .to_owned(),
        })
    }

    /// The files and projects that the playbook of now has on a host, as whom it makes them. Contents do not matter.
    fn tasks_of_now(&self, host: &HostName, color: Color) -> Result<Vec<Deed>, Blocked> {
        let side = self.scope.side(color, Some(color.other()), "")?;
        let mut tasks = Vec::new();
        for (play, hosts) in self.plays(&self.scope.model.playbook.stage)? {
            if hosts.contains(host) {
                for wanted in [Wanted::Places, Wanted::Projects] {
                    tasks.extend(deed::deeds(&self.scope, play, host, host, &side, wanted)?);
                }
            }
        }
        Ok(tasks)
    }

    /// A kept task as it is done again. Images are those that the host has: a pull might bring newer ones.
    fn restage_deed(&self, host: &HostName, step: &KeptStep, task: &Deed) -> Option<Deed> {
        let compose = self.scope.observed.hosts.get(host).and_then(|facts| facts.compose);
        let wish = match &step.action {
            Action::PutFile(file) => Wish::File(PutFile { keep: None, ..file.clone() }),
            Action::ComposeUp(up) => {
                let mut project = up.project.clone();
                project.compose = compose.unwrap_or(project.compose);
                Wish::Compose(ComposeUp { project, pull: Pull::Missing, build: false, ..up.clone() })
            }
            _ => return None,
        };
        let (name, escalate, no_log) = (step.name.clone(), task.escalate.clone(), step.no_log || task.no_log);
        Some(Deed { name, wish, escalate, timeout: None, ignore_errors: false, no_log })
    }

    /// The files of a kept release, for the gate: host by host, with whom they belong to.
    pub(super) fn kept_files(&self, color: Color) -> Result<BTreeMap<HostName, Vec<KeptStep>>, Blocked> {
        let kept = self.kept_release()?;
        let mut files = BTreeMap::new();
        for host in self.kept_hosts(kept) {
            let steps = side_of(kept, &host, color)?.steps.clone();
            files.insert(host, steps);
        }
        Ok(files)
    }
}

/// Whether a task of now is the one that a kept step is of: it makes the same thing, as the same user, and what a shell
/// reads of it is the same.
fn is_of(task: &Deed, step: &KeptStep) -> bool {
    let plain = |name: &String| {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        !name.starts_with('-') && name.chars().all(fits)
    };
    task.escalate == step.escalate
        && match (&task.wish, &step.action) {
            (Wish::File(now), Action::PutFile(then)) => {
                let ordinary = |mode: &String| mode.len() < 4 || mode.starts_with('0');
                now.path == then.path
                    && now.validate == then.validate
                    && now.owner == then.owner
                    && now.group == then.group
                    && (now.mode == then.mode || then.mode.as_ref().is_none_or(ordinary))
            }
            (Wish::Compose(now), Action::ComposeUp(then)) => {
                now.project.name == then.project.name
                    && now.project.dir == then.project.dir
                    && now.env_file == then.env_file
                    && then.services.iter().all(plain)
            }
            _ => false,
        }
}

/// What a host keeps for a color.
pub(super) fn side_of<'k>(
    kept: &'k KeptRelease,
    host: &HostName,
    color: Color,
) -> Result<&'k KeptSide, Blocked> {
    kept.hosts.get(host).and_then(|kept| kept.sides.get(&color)).ok_or_else(|| Blocked::NotReady {
        what: format!("{host} keeps nothing of release {} for {color}", kept.release),
        details: Vec::new(),
        hint: "deploy it anew with `bgctl apply`, with the -e of then".to_owned(),
    })
}

fn names(hosts: &[HostName]) -> String {
    let hosts: Vec<&HostName> = hosts.iter().collect();
    crate::model::host_list(&hosts)
}
