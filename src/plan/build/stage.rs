//! The stage: plays on the idle color, in batches.

use std::collections::BTreeMap;

use crate::facts::{Facts, File, Owner};
use crate::model::{Action, Batch, Color, HostName, Play, PutFile, ReleaseId};
use crate::plan::deed::{self, Deed, Wanted, Wish};
use crate::plan::scope::Side;
use crate::plan::{Certainty, Lane, Phase, Skipped, Step, Undo, Wave, compare, project, site};

use super::{Blocked, Builder, image, once, seen};

impl Builder<'_> {
    pub(super) fn stage(&self, target: Color, release: &ReleaseId) -> Result<Vec<Wave>, Blocked> {
        self.refuse_without_compose()?;
        let side = self.side(target, release)?;
        let mut waves = Vec::new();
        let plays = &self.scope.model.playbook.stage;
        for (play, hosts) in self.plays(plays)? {
            if play.runs_once() {
                once::tolerate_nothing(&mut waves);
            }
            waves.extend(self.play(play, &hosts, &side, Phase::Stage)?);
        }
        if plays.iter().any(once::is_taken_back) {
            once::tolerate_nothing(&mut waves);
        }
        Ok(waves)
    }

    /// How a color answers for itself: the stage's health tasks alone, before traffic is moved to it.
    pub(super) fn answers(&self, color: Color) -> Result<Vec<Wave>, Blocked> {
        let side = self.scope.side(color, Some(color.other()), "")?;
        let mut waves = Vec::new();
        let plays = &self.scope.model.playbook.stage;
        for (play, hosts) in self.plays(plays)? {
            let (mut lanes, mut asked) = (Vec::new(), Vec::new());
            for host in hosts.iter().filter(|host| !self.scope.leaves_out(host)) {
                let deeds = deed::deeds(
                    &self.scope,
                    play,
                    host,
                    hosts.first().unwrap_or(host),
                    &side,
                    Wanted::Checks,
                )?;
                let own = seen::split(host, deeds, &mut asked);
                lanes.push(self.lane(host, own, Phase::Stage)?);
            }
            lanes.retain(|lane| !lane.steps.is_empty());
            if !lanes.is_empty() {
                waves.push(super::wave(Phase::Stage, &format!("{color} answers for itself"), lanes));
            }
            let name = format!("{color} answers to the load balancers");
            waves.extend(self.seen(Phase::Stage, name, 0.0, &asked)?);
        }
        Ok(waves)
    }

    /// A play's waves: one for each batch.
    pub(super) fn play(
        &self,
        play: &Play,
        hosts: &[HostName],
        side: &Side,
        phase: Phase,
    ) -> Result<Vec<Wave>, Blocked> {
        let wanted = self.limited(hosts.to_vec())?;
        let wanted: Vec<HostName> = wanted.into_iter().filter(|host| !self.scope.leaves_out(host)).collect();
        let Some(first) = wanted.first().cloned() else { return Ok(Vec::new()) };
        let batches = batches(&wanted, &play.serial);
        let many = batches.len();
        let mut waves = Vec::new();
        for (index, batch) in batches.into_iter().enumerate() {
            let name = if many == 1 {
                play.name.clone()
            } else {
                format!("{} (batch {} of {many})", play.name, index + 1)
            };
            let mut parts = once::InTurn::new(play, &batch, name.clone());
            let mut asked = Vec::new();
            for host in batch {
                let deeds = deed::deeds(&self.scope, play, host, &first, side, Wanted::All)?;
                let mut written = self.files(host);
                for (part, deeds) in parts.cut(deeds).into_iter().enumerate() {
                    let deeds = self.with_refresh(host, deeds, side, phase)?;
                    let own = seen::split(host, deeds, &mut asked);
                    parts.add(part, self.lane_after(&mut written, host, own, phase)?);
                }
            }
            waves.extend(parts.waves(phase));
            let from_there = format!("{name}, seen from the load balancers");
            waves.extend(self.seen(phase, from_there, play.max_fail_percentage, &asked)?);
        }
        Ok(waves)
    }

    /// The files of a host, as far as it was asked about them.
    fn files(&self, host: &HostName) -> BTreeMap<String, File> {
        self.scope.observed.hosts.get(host).map(|facts| facts.files.clone()).unwrap_or_default()
    }

    pub(super) fn lane(&self, host: &HostName, deeds: Vec<Deed>, phase: Phase) -> Result<Lane, Blocked> {
        self.lane_after(&mut self.files(host), host, deeds, phase)
    }

    /// A lane that finds its host's files like this: `written` holds what earlier steps have written.
    fn lane_after(
        &self,
        written: &mut BTreeMap<String, File>,
        host: &HostName,
        deeds: Vec<Deed>,
        phase: Phase,
    ) -> Result<Lane, Blocked> {
        let nothing = Facts::default();
        let facts = self.scope.observed.hosts.get(host).unwrap_or(&nothing);
        let mut lane = Lane { host: host.clone(), steps: Vec::new(), skipped: Vec::new() };
        for deed in deeds {
            match &deed.wish {
                Wish::Nothing(why) => lane.skip(&deed, why),
                Wish::File(file) => {
                    let now = Facts { files: written.clone(), ..Facts::default() };
                    if !self.whole && compare::file(&now, file).is_none() {
                        lane.skip(&deed, "unchanged");
                        continue;
                    }
                    let here = written.get(&file.path).cloned();
                    lane.steps.push(self.put(&deed, file, here.as_ref(), host)?);
                    written.insert(file.path.clone(), as_written(file, here.as_ref()));
                }
                Wish::Run { creates: Some(path), .. } if !self.whole && facts.existing.contains(path) => {
                    lane.skip(&deed, &format!("{path} exists"));
                }
                Wish::Run { run, undo, .. } => {
                    let undo = once::way_back(undo.clone().map(Action::Run), phase);
                    lane.steps.push(step(&deed, Action::Run(run.clone()), undo, Certainty::Computed));
                }
                Wish::RunInside { run, undo } => {
                    once::run_inside(&mut lane, &deed, (run, undo.as_deref()), phase);
                }
                Wish::Login(_) | Wish::Pull(_) | Wish::Load(_) | Wish::Build(_) => {
                    image::add(&mut lane, &deed, (!self.whole).then_some(facts));
                }
                Wish::Compose(up) => {
                    let certainty =
                        if compare::may_have_moved(up) { Certainty::Unknowable } else { Certainty::Computed };
                    let undo = match phase {
                        Phase::Settle => Undo::Impossible(format!(
                            "what {} ran before is gone: its release would have to be deployed again",
                            up.project.name
                        )),
                        _ => Undo::Reverse(Action::ComposeDown(up.project.clone())),
                    };
                    lane.steps.push(step(&deed, Action::ComposeUp(up.clone()), undo, certainty));
                }
                // Another lane's: `seen::split` took it out.
                Wish::Seen(_) => {}
                Wish::Check(check) => {
                    lane.steps.push(step(
                        &deed,
                        Action::Check(check.clone()),
                        Undo::NotNeeded,
                        Certainty::Unknowable,
                    ));
                }
                Wish::Wait(duration) => {
                    let wait = Action::Wait { duration: *duration, once: false };
                    lane.steps.push(step(&deed, wait, Undo::NotNeeded, Certainty::Computed));
                }
                Wish::Retire { old, after } => self.retire_steps(&mut lane, &deed, *old, *after)?,
            }
        }
        Ok(lane)
    }

    /// A file's step, with its way back from what is there. What is replaced stays on its host: a plan that is
    /// kept elsewhere for the undo holds no contents.
    pub(super) fn put(
        &self,
        deed: &Deed,
        file: &PutFile,
        here: Option<&File>,
        host: &HostName,
    ) -> Result<Step, Blocked> {
        let (mut before, mut file) = (None, file.clone());
        let path = file.path.clone();
        let undo = match here {
            Some(File::Present { content, .. }) => {
                before = Some(String::from_utf8_lossy(content).into_owned());
                let kept = self.kept_at(&path, host)?;
                file.keep = Some(kept.clone());
                Action::RestoreFile { path, kept }
            }
            Some(File::Odd(why)) => {
                return Err(Blocked::NotReady {
                    what: format!("{host}: {path} cannot be replaced: {why}"),
                    details: Vec::new(),
                    hint: "move it out of the way, or give the task another dest".to_owned(),
                });
            }
            Some(File::Missing { folders }) => Action::RemoveFile { path, folders: folders.clone() },
            None => Action::RemoveFile { path, folders: Vec::new() },
        };
        let mut step = step(deed, Action::PutFile(file), Undo::Reverse(undo), Certainty::Computed);
        step.before = before;
        Ok(step)
    }

    /// Where this run keeps what it replaces on a host.
    fn kept_at(&self, path: &str, host: &HostName) -> Result<String, Blocked> {
        let side = self.scope.side(self.scope.model.playbook.first_color(), None, "")?;
        Ok(site::kept_at(&site::state(&self.scope, host, &side)?.folder, path, &self.scope.model.run))
    }

    pub(super) fn refuse_without_compose(&self) -> Result<(), Blocked> {
        let mut details = Vec::new();
        for host in self.limited(self.scope.app_servers()?)? {
            let Some(facts) = self.scope.observed.hosts.get(&host) else { continue };
            if facts.docker.is_none() || facts.compose.is_none() {
                let lacking = if facts.docker.is_none() {
                    "Docker does not answer"
                } else {
                    "no docker compose, docker-compose or podman compose"
                };
                details.push(format!("{host}: {lacking}"));
                details.extend(facts.trouble.iter().map(|trouble| format!("{host}: {trouble}")));
            }
        }
        if details.is_empty() {
            return Ok(());
        }
        Err(Blocked::NotReady {
            what: "app servers cannot run compose projects".to_owned(),
            details,
            hint: "install Docker Engine with Compose there, start it, and let the user use it (or set ansible_become)".to_owned(),
        })
    }
}

impl Lane {
    pub(super) fn skip(&mut self, deed: &Deed, why: &str) {
        self.skipped.push(Skipped { name: deed.name.clone(), why: why.to_owned() });
    }
}

pub(super) fn step(deed: &Deed, action: Action, undo: Undo, certainty: Certainty) -> Step {
    Step {
        name: deed.name.clone(),
        action,
        undo,
        certainty,
        escalate: deed.escalate.clone(),
        timeout: deed.timeout,
        ignore_errors: deed.ignore_errors,
        no_log: deed.no_log,
        before: None,
    }
}

/// The file as the next step will find it.
fn as_written(file: &PutFile, here: Option<&File>) -> File {
    let (mode, owner, group) = match here {
        Some(File::Present { mode, owner, group, .. }) => (mode.clone(), owner.clone(), group.clone()),
        _ => ("0644".to_owned(), Owner::named("root"), Owner::named("root")),
    };
    File::Present {
        mode: file.mode.clone().unwrap_or(mode),
        owner: file.owner.as_deref().map_or(owner, Owner::named),
        group: file.group.as_deref().map_or(group, Owner::named),
        content: file.content.clone(),
    }
}

/// Where a host differs from what a play wants.
pub(super) fn differences(facts: &Facts, deeds: &[Deed]) -> Vec<String> {
    let mut found = Vec::new();
    for deed in deeds {
        match &deed.wish {
            Wish::File(file) => found.extend(compare::file(facts, file)),
            Wish::Load(load) => found.extend(compare::loaded(facts, load)),
            Wish::Compose(up) => {
                let written = compose_file(deeds, &up.project.dir);
                found.extend(compare::project(facts, up, written.as_deref()));
            }
            _ => {}
        }
    }
    found
}

/// The compose file that a play writes into a project's folder, if it does.
fn compose_file(deeds: &[Deed], dir: &str) -> Option<String> {
    deeds.iter().find_map(|deed| match &deed.wish {
        Wish::File(file) => {
            let name = file.path.strip_prefix(dir)?.trim_start_matches('/');
            project::FILE_NAMES.contains(&name).then(|| String::from_utf8_lossy(&file.content).into_owned())
        }
        _ => None,
    })
}

/// Hosts in batches, as Ansible's `serial`: the last size repeats, a percentage is of all hosts.
fn batches<'h>(hosts: &'h [HostName], serial: &[Batch]) -> Vec<Vec<&'h HostName>> {
    let mut rest: Vec<&HostName> = hosts.iter().collect();
    let mut sizes = serial.iter();
    let mut size = hosts.len();
    let mut batches = Vec::new();
    while !rest.is_empty() {
        if let Some(batch) = sizes.next() {
            size = match batch {
                Batch::Hosts(count) => *count,
                Batch::Percent(percent) => share(hosts.len(), *percent),
            };
        }
        let after = rest.split_off(size.clamp(1, rest.len()));
        batches.push(std::mem::replace(&mut rest, after));
    }
    batches
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a fleet"
)]
fn share(all: usize, percent: f64) -> usize {
    (all as f64 * percent / 100.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(hosts: usize, serial: &[Batch]) -> Vec<usize> {
        let hosts: Vec<HostName> = (0..hosts).map(|n| format!("h{n}").parse().unwrap()).collect();
        batches(&hosts, serial).iter().map(Vec::len).collect()
    }

    #[test]
    fn serial_is_ansibles() {
        assert_eq!(sizes(5, &[]), [5]);
        assert_eq!(sizes(5, &[Batch::Hosts(2)]), [2, 2, 1]);
        assert_eq!(sizes(10, &[Batch::Hosts(1), Batch::Percent(30.0)]), [1, 3, 3, 3]);
        assert_eq!(sizes(3, &[Batch::Percent(10.0)]), [1, 1, 1]);
        assert_eq!(sizes(3, &[Batch::Percent(100.0)]), [3]);
        assert_eq!(sizes(2, &[Batch::Hosts(9)]), [2]);
        assert!(sizes(0, &[Batch::Hosts(1)]).is_empty());
    }
}
