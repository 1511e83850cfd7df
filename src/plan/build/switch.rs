//! The switch: test on every load balancer, swap on every one, verify on every one, confirm on every one.

use crate::facts::File;
use crate::model::{
    Action, Color, Confirm, Guard, HostName, KeptRelease, Pointer, Problems, PutFile, ReleaseId, Swap, Watch,
};
use crate::plan::deed;
use crate::plan::observe::Standing;
use crate::plan::scope::Side;
use crate::plan::site::{self, Site};
use crate::plan::{Certainty, Goal, Lane, Phase, Step, Undo, Wave, compare};

use super::gate::Files;
use super::part::{Origin, Part};
use super::stage::step;
use super::{Blocked, Builder};

impl Builder<'_> {
    /// To a color whose site is rendered anew.
    pub(super) fn switch(&self, target: Color, release: &ReleaseId) -> Result<Vec<Wave>, Blocked> {
        let side = self.side(target, release)?;
        let mut waves = self.gate(target, Files::Rendered(release))?;
        waves.extend(self.waves(&side, Origin::Rendered)?);
        Ok(waves)
    }

    /// Back to a color whose site is there, as it is.
    pub(super) fn switch_back(&self, target: Color) -> Result<Vec<Wave>, Blocked> {
        let side = self.scope.side(target, self.live, "")?;
        let mut waves = self.gate(target, Files::AsTheyAre)?;
        waves.extend(self.waves(&side, Origin::Present)?);
        Ok(waves)
    }

    /// To the color that is served already: no traffic moves.
    pub(super) fn put_links_right(&self, served: Color) -> Result<Vec<Wave>, Blocked> {
        let side = self.scope.side(served, self.live, "")?;
        self.waves(&side, Origin::Present)
    }

    /// To a kept release, whose site is as it was rendered then.
    pub(super) fn switch_to_kept(&self, target: Color, kept: &KeptRelease) -> Result<Vec<Wave>, Blocked> {
        let side = self.side(target, &kept.release)?;
        let mut waves = self.gate(target, Files::Kept)?;
        waves.extend(self.waves(&side, Origin::Kept(kept))?);
        Ok(waves)
    }

    fn waves(&self, side: &Side, origin: Origin<'_>) -> Result<Vec<Wave>, Blocked> {
        let [mut test, mut swap, mut verify, mut confirm, mut watch] = [const { Vec::new() }; 5];
        let balancers = self.scope.load_balancers()?;
        for host in &balancers {
            let part = self.part(host, side, origin)?;
            test.extend(test_step(&part).map(|step| lane(host, vec![step])));
            let (swap_steps, is_guarded) = self.swap_steps(&part, side)?;
            swap.push(lane(host, swap_steps));
            let check = deed::verify(&self.scope, host, side)?;
            let mut verify_step =
                step(&part.deed, Action::Check(check), Undo::NotNeeded, Certainty::Unknowable);
            verify_step.name = format!("Verify that {} is served", side.color);
            verify.push(lane(host, vec![verify_step]));
            if is_guarded {
                confirm.push(lane(host, vec![self.confirm_step(&part)]));
            }
            watch.extend(self.watch_step(&part, side)?.map(|step| lane(host, vec![step])));
        }
        if balancers.is_empty() {
            return Err(Blocked::NotReady {
                what: "the switch has no load balancer: its hosts pattern matches none".to_owned(),
                details: Vec::new(),
                hint: "name a group of the inventory in `switch: hosts:`".to_owned(),
            });
        }
        let wave = |name: &str, lanes| super::wave(Phase::Switch, name, lanes);
        let waves = [
            wave("Test the new site", test),
            wave("Switch traffic", swap),
            wave("Verify", verify),
            wave("Confirm", confirm),
            wave("Watch", watch),
        ];
        Ok(waves.into_iter().filter(|wave| !wave.lanes.is_empty()).collect())
    }

    /// The steps, and whether somebody has to confirm them.
    fn swap_steps(&self, part: &Part, side: &Side) -> Result<(Vec<Step>, bool), Blocked> {
        let mut steps = Vec::new();
        let facts = self.scope.observed.hosts.get(&part.host);
        if let Some(file) = site_file(part, side.color)
            && (self.whole || facts.is_none_or(|facts| compare::file(facts, &file).is_some()))
        {
            let here = facts.and_then(|facts| facts.files.get(&file.path));
            let mut write = self.put(&part.deed, &file, here, &part.host)?;
            write.name = format!("Site of {}", side.color);
            if let Site::File { file, .. } | Site::Upstream { file, .. } = &part.site {
                // What a reader wants to see is how the file changes that nginx reads.
                write.before = facts.and_then(|facts| file_text(facts.files.get(file)));
            }
            steps.push(write);
        }
        let (swap, undo) = self.swap(part, side)?;
        let is_guarded = swap.guard.confirm_timeout.is_some();
        let mut swap = step(&part.deed, Action::Swap(swap), undo, Certainty::Computed);
        swap.name = format!("Switch to {}", side.color);
        steps.push(swap);
        Ok((steps, is_guarded))
    }

    /// The swap, and its way back. Traffic goes back to what was served, also where the load balancer was configured
    /// for something else.
    fn swap(&self, part: &Part, side: &Side) -> Result<(Swap, Undo), Blocked> {
        let mut swap = Swap {
            pointer: part.pointer.clone(),
            from: part.from.clone(),
            to: Some(part.to.clone()),
            guard: Guard {
                state: part.state.clone(),
                run: self.scope.model.run.clone(),
                confirm_timeout: Some(self.scope.model.playbook.switch.confirm_timeout),
            },
        };
        match self.adrift(&part.host) {
            Some(served) if served == side.color => {
                // It comes to be configured for what is served all the time: there is nothing to go back to.
                swap.guard.confirm_timeout = None;
                return Ok((swap, Undo::NotNeeded));
            }
            Some(served) => swap.from = self.says_for(&part.host, served)?.or(swap.from),
            None => {}
        }
        if swap.from.is_none() && matches!(swap.pointer, Pointer::Commands(_)) {
            swap.guard.confirm_timeout = None;
            let why = "neither color was live before, and no command makes neither live";
            return Ok((swap, Undo::Impossible(why.to_owned())));
        }
        let undo = Undo::Reverse(Action::Swap(swap.reversed()));
        Ok((swap, undo))
    }

    /// What a load balancer serves where it is configured for something else.
    fn adrift(&self, host: &HostName) -> Option<Color> {
        self.standings.iter().find(|standing| standing.host == *host).and_then(Standing::adrift)
    }

    /// After this the load balancer keeps what it serves, also when nobody comes back.
    fn confirm_step(&self, part: &Part) -> Step {
        let confirm = Confirm {
            state: part.state.clone(),
            run: self.scope.model.run.clone(),
            confirm_timeout: self.scope.model.playbook.switch.confirm_timeout,
        };
        let mut confirm = step(&part.deed, Action::Confirm(confirm), Undo::NotNeeded, Certainty::Unknowable);
        "Confirm the switch".clone_into(&mut confirm.name);
        confirm
    }

    /// Errors over the limit fail this step, and with it the switch. A rollback is not watched: it goes back to
    /// what ran before, and nobody would want to be brought forward again. Nor is a switch by hand: it may be the way
    /// out of errors.
    fn watch_step(&self, part: &Part, side: &Side) -> Result<Option<Step>, Blocked> {
        let words = self.scope.model.playbook.switch.watch.as_ref();
        let Some(words) = words.filter(|_| !matches!(self.request.goal, Goal::Rollback | Goal::Switch(_)))
        else {
            return Ok(None);
        };
        let watch = Watch {
            check: deed::verify(&self.scope, &part.host, side)?,
            window: words.window,
            limit: hundredths(words.max_error_percentage),
            log: site::watch_log(&self.scope, &part.host, side)?,
            pointer: part.pointer.clone(),
            state: part.state.clone(),
            run: self.scope.model.run.clone(),
        };
        let mut watch = step(&part.deed, Action::Watch(watch), Undo::NotNeeded, Certainty::Unknowable);
        "Watch for errors".clone_into(&mut watch.name);
        Ok(Some(watch))
    }

    /// Whether the load balancers are as a release would make them.
    pub(super) fn site_differences(
        &self,
        color: Color,
        release: &ReleaseId,
    ) -> Result<Vec<String>, Problems> {
        let side = self.scope.side(color, Some(color.other()), release.as_str())?;
        let mut found = Vec::new();
        for host in self.scope.load_balancers()? {
            let Some(facts) = self.scope.observed.hosts.get(&host) else { continue };
            let site = site::site(&self.scope, &host, &side)?;
            let wanted = match &site {
                Site::Link { dest: path, .. } | Site::File { file: path, .. } => {
                    site::content(&self.scope, &host, &side)?.map(|content| plain_file(path.clone(), content))
                }
                Site::Upstream { file, .. } => match site::rewritten(facts, &site, &side) {
                    Ok(text) => Some(plain_file(file.clone(), text)),
                    Err(why) => {
                        found.push(format!("{host}: {file}: {why}"));
                        None
                    }
                },
                Site::Commands => None,
            };
            let difference = wanted.and_then(|wanted| compare::file(facts, &wanted));
            found.extend(difference.map(|what| format!("{host}: {what}")));
        }
        Ok(found)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
fn hundredths(percentage: f64) -> u32 {
    (percentage * 100.0).round() as u32
}

fn file_text(file: Option<&File>) -> Option<String> {
    match file {
        Some(File::Present { content, .. }) => Some(String::from_utf8_lossy(content).into_owned()),
        _ => None,
    }
}

/// What is written before the swap. What a file of nginx held may be nobody else's affair.
fn site_file(part: &Part, color: Color) -> Option<PutFile> {
    let file = plain_file(part.site.written(color)?, part.content.clone()?);
    if matches!(part.site, Site::Link { .. }) {
        return Some(file);
    }
    let group = part.state.group.as_ref().map(ToString::to_string);
    let mode = if group.is_some() { "0660" } else { "0600" };
    Some(PutFile { mode: Some(mode.to_owned()), group, ..file })
}

fn plain_file(path: String, content: String) -> PutFile {
    PutFile {
        path,
        content: content.into_bytes(),
        mode: None,
        owner: None,
        group: None,
        validate: None,
        keep: None,
    }
}

fn test_step(part: &Part) -> Option<Step> {
    let (path, nginx) = (part.site.path()?.to_owned(), part.pointer.nginx()?.clone());
    let action = Action::TestSite { path, content: part.content.clone()?, nginx: Box::new(nginx) };
    let mut test = step(&part.deed, action, Undo::NotNeeded, Certainty::Unknowable);
    "Test the whole configuration".clone_into(&mut test.name);
    Some(test)
}

fn lane(host: &HostName, steps: Vec<Step>) -> Lane {
    Lane { host: host.clone(), steps, skipped: Vec::new() }
}
