//! The switch: test on every load balancer, swap on every one, verify on every one, confirm on every one.

use crate::facts::{File, Link};
use crate::model::{
    Action, Color, Confirm, Guard, HostName, KeptRelease, NginxSetup, Problems, PutFile, ReleaseId, Swap,
    Watch,
};
use crate::plan::deed::{self, Deed, Wish};
use crate::plan::observe::Standing;
use crate::plan::scope::Side;
use crate::plan::{Certainty, Goal, Lane, Phase, Step, Undo, Wave, compare, site};

use super::gate::Files;
use super::restage::side_of;
use super::stage::step;
use super::{Blocked, Builder};

/// One load balancer's part.
struct Part {
    host: HostName,
    deed: Deed,
    site: site::Site,
    content: String,
    /// The link's text now.
    from: Option<String>,
    /// The app's state folder.
    folder: String,
    /// How nginx runs there.
    nginx: Box<NginxSetup>,
}

impl Builder<'_> {
    /// To a color whose site is rendered anew.
    pub(super) fn switch(&self, target: Color, release: &ReleaseId) -> Result<Vec<Wave>, Blocked> {
        let side = self.side(target, release)?;
        let mut waves = self.gate(target, Files::Rendered(release))?;
        waves.extend(self.waves(&side, |builder, host, _| Ok(site::content(&builder.scope, host, &side)?))?);
        Ok(waves)
    }

    /// Back to a color whose site is there, as it is.
    pub(super) fn switch_back(&self, target: Color) -> Result<Vec<Wave>, Blocked> {
        let side = self.scope.side(target, self.live, "")?;
        let mut waves = self.gate(target, Files::AsTheyAre)?;
        waves
            .extend(self.waves(&side, |builder, host, site| builder.present_site(host, &site.dest, target))?);
        Ok(waves)
    }

    /// To the color that is served already: no traffic moves.
    pub(super) fn put_links_right(&self, served: Color) -> Result<Vec<Wave>, Blocked> {
        let side = self.scope.side(served, self.live, "")?;
        self.waves(&side, |builder, host, site| builder.present_site(host, &site.dest, served))
    }

    /// To a kept release, whose site is as it was rendered then.
    pub(super) fn switch_to_kept(&self, target: Color, kept: &KeptRelease) -> Result<Vec<Wave>, Blocked> {
        let side = self.side(target, &kept.release)?;
        let mut waves = self.gate(target, Files::Kept)?;
        waves.extend(
            self.waves(&side, |_, host, _| {
                Ok(side_of(kept, host, target)?.site.clone().unwrap_or_default())
            })?,
        );
        Ok(waves)
    }

    fn waves<F>(&self, side: &Side, content: F) -> Result<Vec<Wave>, Blocked>
    where
        F: Fn(&Self, &HostName, &site::Site) -> Result<String, Blocked>,
    {
        let [mut test, mut swap, mut verify, mut confirm, mut watch] = [const { Vec::new() }; 5];
        for host in self.scope.load_balancers()? {
            let site = site::site(&self.scope, &host, side)?;
            let content = content(self, &host, &site)?;
            let part = Part {
                deed: self.deed(&host, side)?,
                from: self.link(&host, &site.link)?,
                folder: site::state_dir(&self.scope, &host, side),
                nginx: site::setup(&self.scope, &host, side)?,
                host,
                site,
                content,
            };
            test.push(lane(&part.host, vec![test_step(&part)]));
            swap.push(lane(&part.host, self.swap_steps(&part, side)?));
            let check = deed::verify(&self.scope, &part.host, side)?;
            let mut verify_step =
                step(&part.deed, Action::Check(check), Undo::NotNeeded, Certainty::Unknowable);
            verify_step.name = format!("Verify that {} is served", side.color);
            verify.push(lane(&part.host, vec![verify_step]));
            if self.adrift(&part.host) != Some(side.color) {
                confirm.push(lane(&part.host, vec![self.confirm_step(&part)]));
            }
            watch.extend(self.watch_step(&part, side)?.map(|step| lane(&part.host, vec![step])));
        }
        if test.is_empty() {
            return Err(Blocked::NotReady {
                what: "the switch has no load balancer: its hosts pattern matches none".to_owned(),
                details: Vec::new(),
                hint: "name a group of the inventory in `switch: hosts:`".to_owned(),
            });
        }
        let wave = |name: &str, lanes| super::wave(Phase::Switch, name, lanes);
        let mut waves =
            vec![wave("Test the new site", test), wave("Switch traffic", swap), wave("Verify", verify)];
        if !confirm.is_empty() {
            waves.push(wave("Confirm", confirm));
        }
        if !watch.is_empty() {
            waves.push(wave("Watch", watch));
        }
        Ok(waves)
    }

    /// The switch's own keywords, as if it were a task.
    fn deed(&self, host: &HostName, side: &Side) -> Result<Deed, Blocked> {
        Ok(Deed {
            name: String::new(),
            wish: Wish::Nothing(String::new()),
            escalate: site::escalate(&self.scope, host, side)?,
            timeout: None,
            ignore_errors: false,
            no_log: false,
        })
    }

    /// The link's text now, where there is a link.
    fn link(&self, host: &HostName, link: &str) -> Result<Option<String>, Blocked> {
        let not_ready = |details: Vec<String>, what: String, hint: &str| {
            Err(Blocked::NotReady { what, details, hint: hint.to_owned() })
        };
        let facts = self.scope.observed.hosts.get(host);
        let Some(nginx) = facts.and_then(|facts| facts.nginx.as_ref()) else {
            return not_ready(
                facts.map_or(Vec::new(), |facts| facts.trouble.clone()),
                format!("{host}: nginx is not there"),
                "install nginx on the load balancer, or say where it is: `nginx: container:`, `binary:`",
            );
        };
        if nginx.master.is_none() {
            return not_ready(
                Vec::new(),
                format!("{host}: nginx does not run"),
                "start nginx on the load balancer, then apply again",
            );
        }
        match &nginx.link {
            Link::Missing => Ok(None),
            Link::To(target) => Ok(Some(target.clone())),
            Link::NotALink => not_ready(
                Vec::new(),
                format!("{host}: {link} is no symlink"),
                "move that file to where `dest:` says and put a symlink in its place",
            ),
        }
    }

    fn swap_steps(&self, part: &Part, side: &Side) -> Result<Vec<Step>, Blocked> {
        let mut steps = Vec::new();
        let file = site_file(part);
        let facts = self.scope.observed.hosts.get(&part.host);
        if facts.is_none_or(|facts| compare::file(facts, &file).is_some()) {
            let here = facts.and_then(|facts| facts.files.get(&file.path));
            let mut write = self.put(&part.deed, &file, here, &part.host)?;
            write.name = format!("Site of {}", side.color);
            steps.push(write);
        }
        let (swap, undo) = self.swap(part, side)?;
        let mut swap = step(&part.deed, Action::Swap(swap), undo, Certainty::Computed);
        swap.name = format!("Switch to {}", side.color);
        steps.push(swap);
        Ok(steps)
    }

    /// The swap, and its way back. Traffic goes back to what was served, also where the link said something else.
    fn swap(&self, part: &Part, side: &Side) -> Result<(Swap, Undo), Blocked> {
        let mut swap = Swap {
            link: part.site.link.clone(),
            from: part.from.clone(),
            to: Some(part.site.dest.clone()),
            guard: Guard {
                folder: part.folder.clone(),
                run: self.scope.model.run.clone(),
                confirm_timeout: Some(self.scope.model.playbook.switch.confirm_timeout),
            },
            nginx: part.nginx.clone(),
        };
        match self.adrift(&part.host) {
            Some(served) if served == side.color => {
                // The link comes to say what is served all the time: there is nothing to go back to.
                swap.guard.confirm_timeout = None;
                return Ok((swap, Undo::NotNeeded));
            }
            Some(served) => {
                let side = self.scope.side(served, None, "")?;
                swap.from = Some(site::site(&self.scope, &part.host, &side)?.dest);
            }
            None => {}
        }
        let undo = Undo::Reverse(Action::Swap(swap.reversed()));
        Ok((swap, undo))
    }

    /// What a load balancer serves where its link says something else.
    fn adrift(&self, host: &HostName) -> Option<Color> {
        self.standings.iter().find(|standing| standing.host == *host).and_then(Standing::adrift)
    }

    /// After this the load balancer keeps what it serves, also when nobody comes back.
    fn confirm_step(&self, part: &Part) -> Step {
        let confirm = Confirm {
            folder: part.folder.clone(),
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
            link: part.site.link.clone(),
            folder: part.folder.clone(),
            run: self.scope.model.run.clone(),
            nginx: part.nginx.clone(),
        };
        let mut watch = step(&part.deed, Action::Watch(watch), Undo::NotNeeded, Certainty::Unknowable);
        "Watch for errors".clone_into(&mut watch.name);
        Ok(Some(watch))
    }

    fn present_site(&self, host: &HostName, dest: &str, color: Color) -> Result<String, Blocked> {
        match self.scope.observed.hosts.get(host).and_then(|facts| facts.files.get(dest)) {
            Some(File::Present { content, .. }) => Ok(String::from_utf8_lossy(content).into_owned()),
            _ => Err(Blocked::NotReady {
                what: format!("{host} has no site file of {color}: {dest}"),
                details: Vec::new(),
                hint: match self.request.goal {
                    Goal::Switch(_) => format!(
                        "only a deployment writes it: `bgctl switch --to {}`, then `bgctl apply`",
                        color.other()
                    ),
                    _ => "there is nothing to roll back to; deploy with `bgctl apply`".to_owned(),
                },
            }),
        }
    }

    /// Whether the site files are as a release would make them.
    pub(super) fn site_differences(
        &self,
        color: Color,
        release: &ReleaseId,
    ) -> Result<Vec<String>, Problems> {
        let side = self.scope.side(color, Some(color.other()), release.as_str())?;
        let mut found = Vec::new();
        for host in self.scope.load_balancers()? {
            let Some(facts) = self.scope.observed.hosts.get(&host) else { continue };
            let site::Site { dest, .. } = site::site(&self.scope, &host, &side)?;
            let wanted = plain_file(dest, site::content(&self.scope, &host, &side)?);
            found.extend(compare::file(facts, &wanted).map(|what| format!("{host}: {what}")));
        }
        Ok(found)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
fn hundredths(percentage: f64) -> u32 {
    (percentage * 100.0).round() as u32
}

fn site_file(part: &Part) -> PutFile {
    plain_file(part.site.dest.clone(), part.content.clone())
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

fn test_step(part: &Part) -> Step {
    let action = Action::TestSite {
        link: part.site.link.clone(),
        content: part.content.clone(),
        nginx: part.nginx.clone(),
    };
    let mut test = step(&part.deed, action, Undo::NotNeeded, Certainty::Unknowable);
    "Test the whole configuration".clone_into(&mut test.name);
    test
}

fn lane(host: &HostName, steps: Vec<Step>) -> Lane {
    Lane { host: host.clone(), steps, skipped: Vec::new() }
}
