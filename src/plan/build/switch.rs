//! The switch: test on every load balancer, swap on every one, verify on every one.

use crate::facts::{File, Link};
use crate::model::{Action, Color, HostName, Problems, PutFile, ReleaseId, Swap};
use crate::plan::deed::{self, Deed, Wish};
use crate::plan::scope::Side;
use crate::plan::{Certainty, Lane, Phase, Step, Undo, Wave, compare, site};

use super::stage::{put, step};
use super::{Blocked, Builder};

/// One load balancer's part.
struct Part {
    host: HostName,
    deed: Deed,
    site: site::Site,
    content: String,
    /// The link's text now.
    from: Option<String>,
}

impl Builder<'_> {
    /// To a color whose site is rendered anew.
    pub(super) fn switch(&self, target: Color, release: &ReleaseId) -> Result<Vec<Wave>, Blocked> {
        let side = self.side(target, release)?;
        self.waves(&side, |builder, host, _| Ok(site::content(&builder.scope, host, &side)?))
    }

    /// Back to a color whose site is there, as it is.
    pub(super) fn switch_back(&self, target: Color) -> Result<Vec<Wave>, Blocked> {
        let side = self.scope.side(target, self.live, "")?;
        self.waves(&side, |builder, host, site| builder.present_site(host, &site.dest, target))
    }

    fn waves<F>(&self, side: &Side, content: F) -> Result<Vec<Wave>, Blocked>
    where
        F: Fn(&Self, &HostName, &site::Site) -> Result<String, Blocked>,
    {
        let (mut test, mut swap, mut verify) = (Vec::new(), Vec::new(), Vec::new());
        for host in self.scope.load_balancers()? {
            let site = site::site(&self.scope, &host, side)?;
            let content = content(self, &host, &site)?;
            let part = Part {
                deed: self.deed(&host, side)?,
                from: self.link(&host, &site.link)?,
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
        }
        if test.is_empty() {
            return Err(Blocked::NotReady {
                what: "the switch has no load balancer: its hosts pattern matches none".to_owned(),
                details: Vec::new(),
                hint: "name a group of the inventory in `switch: hosts:`".to_owned(),
            });
        }
        let wave = |name: &str, lanes| super::wave(Phase::Switch, name, lanes);
        Ok(vec![wave("Test the new site", test), wave("Switch traffic", swap), wave("Verify", verify)])
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
        let not_ready = |what: String, hint: &str| {
            Err(Blocked::NotReady { what, details: Vec::new(), hint: hint.to_owned() })
        };
        let facts = self.scope.observed.hosts.get(host);
        let Some(nginx) = facts.and_then(|facts| facts.nginx.as_ref()) else {
            return not_ready(
                format!("{host}: nginx is not installed"),
                "install nginx on the load balancer",
            );
        };
        if nginx.master.is_none() {
            return not_ready(
                format!("{host}: nginx does not run"),
                "start nginx on the load balancer, then apply again",
            );
        }
        match &nginx.link {
            Link::Missing => Ok(None),
            Link::To(target) => Ok(Some(target.clone())),
            Link::NotALink => not_ready(
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
            let mut write = put(&part.deed, &file, here, &part.host)?;
            write.name = format!("Site of {}", side.color);
            steps.push(write);
        }
        let swap =
            Swap { link: part.site.link.clone(), from: part.from.clone(), to: Some(part.site.dest.clone()) };
        let undo = Undo::Reverse(Action::Swap(swap.reversed()));
        let mut swap = step(&part.deed, Action::Swap(swap), undo, Certainty::Computed);
        swap.name = format!("Switch to {}", side.color);
        steps.push(swap);
        Ok(steps)
    }

    fn present_site(&self, host: &HostName, dest: &str, color: Color) -> Result<String, Blocked> {
        match self.scope.observed.hosts.get(host).and_then(|facts| facts.files.get(dest)) {
            Some(File::Present { content, .. }) => Ok(String::from_utf8_lossy(content).into_owned()),
            _ => Err(Blocked::NotReady {
                what: format!("{host} has no site file of {color}: {dest}"),
                details: Vec::new(),
                hint: "there is nothing to roll back to; deploy with `bgctl apply`".to_owned(),
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

fn site_file(part: &Part) -> PutFile {
    plain_file(part.site.dest.clone(), part.content.clone())
}

fn plain_file(path: String, content: String) -> PutFile {
    PutFile { path, content: content.into_bytes(), mode: None, owner: None, group: None, validate: None }
}

fn test_step(part: &Part) -> Step {
    let action = Action::TestSite { link: part.site.link.clone(), content: part.content.clone() };
    let mut test = step(&part.deed, action, Undo::NotNeeded, Certainty::Unknowable);
    "Test the whole configuration".clone_into(&mut test.name);
    test
}

fn lane(host: &HostName, steps: Vec<Step>) -> Lane {
    Lane { host: host.clone(), steps, skipped: Vec::new() }
}
