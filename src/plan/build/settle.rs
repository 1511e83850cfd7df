//! After the switch: drain, then the old color; and the ways back.

use std::time::Duration;

use crate::facts::Facts;
use crate::model::{Action, Color, ComposeUp, Draining, HostName, Old, Project, Pull, ReleaseId};
use crate::plan::deed::{Deed, Wish};
use crate::plan::scope::Side;
use crate::plan::{Certainty, Goal, Lane, Phase, Step, Undo, Wave, observe, project, site, strayed};

use super::stage::step;
use super::{Blocked, Builder};

impl Builder<'_> {
    pub(super) fn settle(&self, target: Color, release: &ReleaseId) -> Result<Vec<Wave>, Blocked> {
        let side = self.side(target, release)?;
        let mut waves = Vec::new();
        let plays = &self.scope.model.playbook.settle;
        for (play, hosts) in self.plays(plays)? {
            let mut batches = self.play(play, &hosts, &side, Phase::Settle)?;
            if !self.whole {
                wait_once(&mut batches);
            }
            waves.extend(batches);
        }
        self.drain_first(&mut waves, &side)?;
        if self.request.goal != Goal::Retire
            && let Some(keep) = self.keep(release)?
        {
            waves.insert(0, keep);
        }
        Ok(waves)
    }

    /// Before anything is stopped, old workers finish what they serve.
    fn drain_first(&self, waves: &mut Vec<Wave>, side: &Side) -> Result<(), Blocked> {
        let stops = |step: &Step| {
            matches!(step.action, Action::ComposeStop(_) | Action::ComposeDown(_) | Action::ComposeUp(_))
        };
        if !waves.iter().flat_map(|wave| &wave.lanes).flat_map(|lane| &lane.steps).any(stops) {
            return Ok(());
        }
        // What tells may ask for the old color: there it is the one that was live.
        let drained = self.scope.side(side.color, self.old_color(), &side.release)?;
        let mut lanes = Vec::new();
        for host in self.scope.load_balancers()? {
            let draining = site::draining(&self.scope, &host, &drained)?;
            let of_nginx = matches!(draining, Some(Draining::Nginx(_)));
            let deed = Deed {
                name: if of_nginx { "Drain old workers" } else { "Drain the old color" }.to_owned(),
                wish: Wish::Nothing(String::new()),
                escalate: site::escalate(&self.scope, &host, side)?,
                timeout: None,
                ignore_errors: false,
                no_log: false,
            };
            let timeout = self.scope.model.playbook.switch.drain_timeout;
            let action = match draining {
                Some(of) => Action::Drain { timeout, of },
                // Nobody can tell when the old color serves nothing any more.
                None => Action::Wait { duration: timeout, once: true },
            };
            let steps = vec![step(&deed, action, Undo::NotNeeded, Certainty::Unknowable)];
            lanes.push(Lane { host, steps, skipped: Vec::new() });
        }
        waves.insert(0, super::wave(Phase::Settle, "Drain", lanes));
        Ok(())
    }

    /// What a `retire` task does to the old color on a host.
    pub(super) fn retire_steps(
        &self,
        lane: &mut Lane,
        deed: &Deed,
        old: Old,
        after: Option<Duration>,
    ) -> Result<(), Blocked> {
        let Some(color) = self.old_color() else {
            lane.skip(deed, "there is no old color yet");
            return Ok(());
        };
        // `bgctl retire` is asked for by hand: there `keep` would mean to do nothing.
        let stopped = Deed { name: format!("Stop {color}"), ..deed.clone() };
        let by_hand = self.request.goal == Goal::Retire && old == Old::Keep;
        let (deed, old) = if by_hand { (&stopped, Old::Stop) } else { (deed, old) };
        // By hand it is asked for now.
        let after = after.filter(|_| self.request.goal != Goal::Retire);
        let wait = after.map(|duration| {
            step(deed, Action::Wait { duration, once: true }, Undo::NotNeeded, Certainty::Computed)
        });
        if old == Old::Refresh {
            // The stage's tasks for the old color follow.
            lane.steps.extend(wait);
            return Ok(());
        }
        let Some(project) = self.project(&lane.host, color)? else {
            lane.skip(deed, &format!("{color} has no containers here"));
            return Ok(());
        };
        let (action, undo) = match old {
            Old::Keep | Old::Refresh => {
                lane.skip(deed, &format!("{color} keeps running"));
                return Ok(());
            }
            Old::Stop if !self.runs(&lane.host, &project.project) => {
                lane.skip(deed, &format!("{color} is stopped already"));
                return Ok(());
            }
            Old::Stop => {
                let project = project.project;
                (Action::ComposeStop(project.clone()), Undo::Reverse(Action::ComposeStart(project)))
            }
            // Its files stay: they bring it up again, as it was and with what the host has.
            Old::Remove => {
                let down = project.project.clone();
                let up = ComposeUp { recreate: false, pull: Pull::Never, build: false, ..project };
                (Action::ComposeDown(down), Undo::Reverse(Action::ComposeUp(up)))
            }
        };
        lane.steps.extend(wait);
        lane.steps.push(step(deed, action, undo, Certainty::Computed));
        Ok(())
    }

    /// Whether a project has a container on a host that is not at rest.
    fn runs(&self, host: &HostName, project: &Project) -> bool {
        if self.whole {
            return true;
        }
        let facts = self.scope.observed.hosts.get(host);
        let theirs = facts.iter().flat_map(|facts| &facts.containers);
        let at_rest = ["created", "exited", "dead"];
        theirs.into_iter().any(|container| {
            container.project == project.name && !at_rest.contains(&container.state.as_str())
        })
    }

    /// A color's compose project on a host, where it has containers.
    fn project(&self, host: &HostName, color: Color) -> Result<Option<ComposeUp>, Blocked> {
        let name = format!("{}-{color}", self.scope.model.playbook.name);
        let facts = self.scope.observed.hosts.get(host);
        let is_there = |facts: &Facts| facts.containers.iter().any(|container| container.project == name);
        if !self.whole && !facts.is_some_and(is_there) {
            return Ok(None);
        }
        Ok(project::of(&self.scope, host, color)?)
    }

    /// Settles the old color now.
    pub(super) fn retire(&self, release: &ReleaseId) -> Result<Vec<Wave>, Blocked> {
        let Some(live) = self.live else {
            return Err(Blocked::NotReady {
                what: "no color is live, so none is old".to_owned(),
                details: Vec::new(),
                hint: "look at `bgctl status`".to_owned(),
            });
        };
        self.refuse_other_release(release)?;
        let waves = self.settle(live, release)?;
        Ok(waves.into_iter().filter(|wave| wave.lanes.iter().any(|lane| !lane.steps.is_empty())).collect())
    }

    /// Back to the other color: started where it was stopped, healthy, then switched.
    pub(super) fn rollback(&self, target: Color) -> Result<Vec<Wave>, Blocked> {
        if self.live.is_none() {
            return Err(Blocked::NotReady {
                what: "no color is live, so there is nothing to roll back from".to_owned(),
                details: Vec::new(),
                hint: "deploy with `bgctl apply`".to_owned(),
            });
        }
        self.refuse_half_of_it()?;
        strayed::refuse_other_memories(self.scope.observed, target)?;
        if observe::never_live(self.scope.observed) == Some(target) {
            return Err(Blocked::NotReady {
                what: format!(
                    "{target} holds a release that never was live: there is nothing to roll back to"
                ),
                details: Vec::new(),
                hint: "`bgctl promote` moves traffic to it, `bgctl apply` deploys over it".to_owned(),
            });
        }
        let details = strayed::strayed(self.scope.model, self.scope.observed, target)?;
        if !details.is_empty() {
            return Err(Blocked::NotReady {
                what: format!(
                    "{target} does not hold what it was live with: a rollback would not go back to that"
                ),
                details,
                hint: format!(
                    "deploy the release that you want with `bgctl apply`; `bgctl switch --to {target}` moves traffic to it all the same"
                ),
            });
        }
        let mut waves = self.start(target)?;
        waves.extend(self.answers(target)?);
        waves.extend(self.switch_back(target)?);
        Ok(waves)
    }

    /// Every way in which a color may come to run again: of a plan, each host has one of them.
    pub(super) fn ways_up(&self, target: Color) -> Result<Vec<Wave>, Blocked> {
        let mut lanes = Vec::new();
        for host in self.scope.app_servers()? {
            if let Some(up) = project::of(&self.scope, &host, target)? {
                let steps = [self.started(&host, target, up.clone()), self.brought_up(&host, target, up)];
                lanes.push(Lane { host, steps: steps.to_vec(), skipped: Vec::new() });
            }
        }
        Ok(vec![super::wave(Phase::Stage, &format!("Start {target}"), lanes)])
    }

    fn start(&self, target: Color) -> Result<Vec<Wave>, Blocked> {
        let (mut lanes, mut missing) = (Vec::new(), Vec::new());
        for host in self.scope.app_servers()? {
            match self.way_up(&host, target)? {
                WayUp::None => {
                    missing.push(format!("{host}: no containers of {target}, and no compose file"));
                }
                WayUp::Runs => {}
                WayUp::By(step) => lanes.push(Lane { host, steps: vec![*step], skipped: Vec::new() }),
            }
        }
        if !missing.is_empty() {
            return Err(Blocked::NotReady {
                what: format!("{target} is not there to roll back to"),
                details: missing,
                hint: "deploy the release that you want with `bgctl apply`".to_owned(),
            });
        }
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![super::wave(Phase::Stage, &format!("Start {target}"), lanes)])
    }

    /// How a color comes to run again on a host, as it last was there.
    fn way_up(&self, host: &HostName, color: Color) -> Result<WayUp, Blocked> {
        let Some(facts) = self.scope.observed.hosts.get(host) else { return Ok(WayUp::None) };
        let Some(up) = project::of(&self.scope, host, color)? else { return Ok(WayUp::None) };
        let mut theirs =
            facts.containers.iter().filter(|container| container.project == up.project.name).peekable();
        let there = theirs.peek().is_some();
        if there && theirs.all(|container| container.state == "running") {
            return Ok(WayUp::Runs);
        }
        Ok(if there {
            WayUp::By(Box::new(self.started(host, color, up)))
        } else if project::has_file(facts, &up) {
            WayUp::By(Box::new(self.brought_up(host, color, up)))
        } else {
            WayUp::None
        })
    }

    fn started(&self, host: &HostName, color: Color, up: ComposeUp) -> Step {
        let undo = Action::ComposeStop(up.project.clone());
        self.rise(host, format!("Start {color}"), Action::ComposeStart(up.project), undo)
    }

    /// A release that failed was put down again, and the files before it were put back.
    fn brought_up(&self, host: &HostName, color: Color, up: ComposeUp) -> Step {
        let undo = Action::ComposeDown(up.project.clone());
        let up = ComposeUp { recreate: false, ..up };
        self.rise(host, format!("Bring {color} up"), Action::ComposeUp(up), undo)
    }

    fn rise(&self, host: &HostName, name: String, action: Action, undo: Action) -> Step {
        let escalate = self.scope.model.escalations.get(host).cloned().flatten();
        let wish = Wish::Nothing(String::new());
        let deed = Deed { name, wish, escalate, timeout: None, ignore_errors: false, no_log: false };
        step(&deed, action, Undo::Reverse(undo), Certainty::Observed)
    }
}

/// Batches of a play come one after another: what was waited for before the first is over for the others.
fn wait_once(waves: &mut [Wave]) {
    let is_wait = |step: &Step| matches!(step.action, Action::Wait { once: true, .. });
    let mut waited = false;
    for wave in waves {
        let waits = wave.lanes.iter().flat_map(|lane| &lane.steps).any(is_wait);
        if waited {
            for lane in &mut wave.lanes {
                lane.steps.retain(|step| !is_wait(step));
            }
        }
        waited |= waits;
    }
}

/// How a color comes to run again on a host.
enum WayUp {
    /// Nothing of it is there.
    None,
    /// It runs.
    Runs,
    /// By this step.
    By(Box<Step>),
}

#[cfg(test)]
mod tests;
