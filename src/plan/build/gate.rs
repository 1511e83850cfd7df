//! The gate before a switch: every app server must run the same images, from the files that were rendered.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::model::{
    Action, Color, Compose, Digest, Fingerprint, HostName, Images, Problems, ReleaseId, Rendered,
};
use crate::plan::deed::{self, Deed, Wanted, Wish};
use crate::plan::scope::Scope;
use crate::plan::{Certainty, Goal, Lane, Phase, Undo, Wave, project, went_live};

use super::stage::step;
use super::{Blocked, Builder};

/// What a color's files must be like.
#[derive(Clone, Copy)]
pub(super) enum Files<'a> {
    /// As this release renders them.
    Rendered(&'a ReleaseId),
    /// As the kept release has them.
    Kept,
    /// Nothing was written: only images are compared.
    AsTheyAre,
}

/// What is looked at on a host.
#[derive(Default)]
struct Look {
    escalate: Option<String>,
    project: Option<(String, Compose)>,
    files: BTreeMap<String, Digest>,
}

impl Builder<'_> {
    /// Reads what a color runs on every host that gets traffic: its images, and whether its files are as they must be.
    pub(super) fn gate(&self, color: Color, files: Files<'_>) -> Result<Vec<Wave>, Blocked> {
        self.compare(Phase::Switch, color, files)
    }

    /// The same of what was staged: a tester should know what is there, and one release must be.
    pub(super) fn staged(&self, color: Color, release: &ReleaseId) -> Result<Vec<Wave>, Blocked> {
        self.compare(Phase::Stage, color, Files::Rendered(release))
    }

    fn compare(&self, phase: Phase, color: Color, files: Files<'_>) -> Result<Vec<Wave>, Blocked> {
        let mut looks = BTreeMap::new();
        self.look_at_projects(color, &mut looks)?;
        match files {
            Files::Rendered(release) => self.look_at_files(color, release, &mut looks)?,
            Files::Kept => self.look_at_kept(color, &mut looks)?,
            Files::AsTheyAre => {}
        }
        let all = self.scope.model.inventory.hosts().to_vec();
        // Hosts outside of --limit get traffic too, but nothing was staged there.
        let all = if phase == Phase::Stage { self.limited(all)? } else { all };
        // Back is back to what was live.
        let back = self.request.goal == Goal::Rollback;
        let was = went_live(self.scope.observed, color).filter(|_| back);
        let mut lanes = Vec::new();
        for host in all.iter().filter(|host| !self.scope.leaves_out(host)) {
            let Some(look) = looks.remove(host) else { continue };
            lanes.push(self.look_lane(host, look, was.clone()));
        }
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![super::wave(phase, "Compare the app servers", lanes)])
    }

    fn look_at_projects(&self, color: Color, looks: &mut BTreeMap<HostName, Look>) -> Result<(), Problems> {
        for host in self.scope.app_servers()? {
            if let Some(up) = project::of(&self.scope, &host, color)? {
                let look: &mut Look = looks.entry(host).or_default();
                look.project = Some((up.project.name, up.project.compose));
            }
        }
        Ok(())
    }

    fn look_at_files(
        &self,
        color: Color,
        release: &ReleaseId,
        looks: &mut BTreeMap<HostName, Look>,
    ) -> Result<(), Problems> {
        // As the stage saw them: hosts that failed since were among the upstreams then.
        let scope = Scope::new(self.scope.model, self.scope.observed, &[]);
        let side = scope.side(color, self.live, release.as_str())?;
        for (play, hosts) in self.plays(&self.scope.model.playbook.stage)? {
            let inside = self.limited(hosts.clone())?;
            for host in &hosts {
                // What runs once ran on the first host inside --limit; outside, on the first of all.
                let first = if inside.contains(host) { inside.first() } else { hosts.first() };
                let deeds = deed::deeds(&scope, play, host, first.unwrap_or(host), &side, Wanted::All)?;
                for deed in deeds.iter().filter(|deed| !deed.ignore_errors) {
                    let Wish::File(file) = &deed.wish else { continue };
                    let look: &mut Look = looks.entry(host.clone()).or_default();
                    look.escalate = look.escalate.take().or_else(|| deed.escalate.clone());
                    let digest = super::hex(&Sha256::digest(&file.content));
                    // The last task that writes a path decides.
                    look.files.insert(file.path.clone(), Digest::new(digest, deed.no_log));
                }
            }
        }
        Ok(())
    }

    fn look_at_kept(&self, color: Color, looks: &mut BTreeMap<HostName, Look>) -> Result<(), Blocked> {
        for (host, steps) in self.kept_files(color)? {
            for step in steps {
                let Action::PutFile(file) = &step.action else { continue };
                let look: &mut Look = looks.entry(host.clone()).or_default();
                look.escalate = look.escalate.take().or(step.escalate);
                let digest = super::hex(&Sha256::digest(&file.content));
                look.files.insert(file.path.clone(), Digest::new(digest, step.no_log));
            }
        }
        Ok(())
    }

    fn look_lane(&self, host: &HostName, look: Look, was: Option<Images>) -> Lane {
        let by_default = self.scope.model.escalations.get(host).cloned().flatten();
        let deed = Deed {
            name: "Same release everywhere".to_owned(),
            wish: Wish::Nothing(String::new()),
            escalate: look.escalate.or(by_default),
            timeout: None,
            ignore_errors: false,
            no_log: false,
        };
        let (project, compose) = look.project.unzip();
        let files = look.files.into_iter().map(|(path, sha256)| Rendered { path, sha256 }).collect();
        let fingerprint = Fingerprint { project, compose: compose.unwrap_or(Compose::V2), files, was };
        let action = Action::Fingerprint(fingerprint);
        let steps = vec![step(&deed, action, Undo::NotNeeded, Certainty::Unknowable)];
        Lane { host: host.clone(), steps, skipped: Vec::new() }
    }
}
