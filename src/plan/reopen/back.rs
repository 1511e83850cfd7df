//! Whether a plan's ways back are those that this playbook has: on each host its own files, projects, commands and
//! links, as whom the playbook becomes there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::facts::{Link, Observed};
use crate::model::{Action, Color, ComposeUp, HostName, Pointer, Pull, StateDir, Swap};
use crate::plan::build::Blocked;
use crate::plan::deed::{self, Deed, Wanted, Wish};
use crate::plan::scope::{Model, Scope, Side};
use crate::plan::site::{self, Site};
use crate::plan::{Goal, Phase, Plan, Step, Undo, Wave};

use super::forward::any_compose;
use super::{Began, Open};

/// Whom a step becomes.
type User = Option<String>;

/// Knows the ways back that a run may have.
pub(super) struct Backs<'a> {
    began: &'a Began<'a>,
    /// The load balancers that keep the plan themselves.
    own: &'a BTreeSet<HostName>,
    scope: Scope<'a>,
    made: &'a [Wave],
}

/// What a host has that a run may take back.
struct Home {
    /// The app's state folder.
    state: StateDir,
    /// Files that a color's tasks write, and as whom.
    files: BTreeSet<(Color, String, User)>,
    /// Each color's projects, and as whom they are brought up.
    projects: Vec<(Color, ComposeUp, User)>,
    /// The commands that take others back, and whether they are hidden.
    commands: Vec<(Phase, Value, User, bool)>,
    /// What is switched there.
    balancer: Option<Balancer>,
}

/// A load balancer's part.
struct Balancer {
    pointer: Pointer,
    state: StateDir,
    user: User,
    /// What its pointer may come to say, by what the playbook and itself say.
    sayings: BTreeSet<String>,
    /// Where contents are kept that it may hold again.
    versions: Vec<String>,
}

impl<'a> Backs<'a> {
    pub(super) fn new(
        began: &'a Began<'a>,
        own: &'a BTreeSet<HostName>,
        model: &'a Model,
        observed: &'a Observed,
        made: &'a [Wave],
    ) -> Self {
        Self { began, own, scope: Scope::new(model, observed, &[]), made }
    }

    /// What of a plan is no way back of this playbook's, as `host: task`. Hosts that left the inventory are left alone.
    pub(super) fn foreign(&self, plan: &Plan, open: Open) -> Result<Vec<String>, Blocked> {
        let (mut homes, mut wrong) = (BTreeMap::new(), Vec::new());
        let here = self.scope.model.inventory.hosts();
        for wave in &plan.waves {
            for lane in wave.lanes.iter().filter(|lane| here.contains(&lane.host)) {
                if !homes.contains_key(&lane.host) {
                    homes.insert(lane.host.clone(), self.home(&lane.host)?);
                }
                let Some(home) = homes.get(&lane.host) else { continue };
                let bad = |step: &&Step| !self.is_ours(home, wave.phase, &lane.host, step, open);
                wrong.extend(
                    lane.steps.iter().filter(bad).map(|step| format!("{}: {}", lane.host, step.name)),
                );
            }
        }
        Ok(wrong)
    }

    fn is_ours(&self, home: &Home, phase: Phase, host: &HostName, step: &Step, open: Open) -> bool {
        let forward = match &step.action {
            _ if open == Open::Undos => true,
            // What is to be put back is kept, and nothing else.
            Action::PutFile(file) => match &step.undo {
                Undo::Reverse(Action::RestoreFile { path, kept }) => {
                    *path == file.path && file.keep.as_ref() == Some(kept)
                }
                Undo::Reverse(Action::RemoveFile { path, .. }) => *path == file.path && file.keep.is_none(),
                _ => false,
            },
            Action::Swap(swap) => {
                home.balancer.as_ref().is_some_and(|own| self.may_say(own, host, swap.from.as_deref()))
            }
            _ => true,
        };
        let Undo::Reverse(action) = &step.undo else { return forward };
        // On the way forward it was compared with what the playbook makes, but for these two.
        let looked_at = open == Open::Undos || matches!(step.action, Action::PutFile(_) | Action::Swap(_));
        forward && (!looked_at || self.is_way_back(home, phase, host, action, step))
    }

    fn is_way_back(&self, home: &Home, phase: Phase, host: &HostName, action: &Action, step: &Step) -> bool {
        let user = &step.escalate;
        let colors = match phase {
            Phase::Settle if self.scope.model.playbook.refreshes() => &Color::BOTH[..],
            _ => &[self.began.target],
        };
        let writes = |path: &String| {
            colors.iter().any(|color| home.files.contains(&(*color, path.clone(), user.clone())))
        };
        let (target, old) = (self.began.target, self.began.target.other());
        match action {
            Action::RestoreFile { path, kept } => writes(path) && *kept == self.kept_at(home, path),
            Action::RemoveFile { path, folders } => {
                writes(path) && folders.iter().all(|folder| path.starts_with(&format!("{folder}/")))
            }
            Action::ComposeDown(found) | Action::ComposeStop(found) => {
                self.began.goal != Goal::Retire
                    && home.has(target, user, |up| alike(&json!(up.project), &json!(found)))
            }
            Action::ComposeStart(found) => home.has(old, user, |up| alike(&json!(up.project), &json!(found))),
            Action::ComposeUp(found) => home.has(old, user, |up| {
                let up = ComposeUp { recreate: false, pull: Pull::Never, build: false, ..up.clone() };
                alike(&json!(up), &json!(found))
            }),
            Action::Run(_) | Action::ComposeRun(_) => {
                let found = json!(action);
                // What the playbook hides is not shown because a load balancer says so.
                home.commands.iter().any(|(when, known, by, hidden)| {
                    *when == phase && by == user && (step.no_log || !hidden) && alike(known, &found)
                })
            }
            Action::Swap(swap) => self.is_way_back_of_traffic(home, host, swap, user),
            _ => false,
        }
    }

    /// Nothing is switched but what the playbook switches there, and to nothing that only another host tells of.
    fn is_way_back_of_traffic(&self, home: &Home, host: &HostName, swap: &Swap, user: &User) -> bool {
        let Some(own) = &home.balancer else { return false };
        let is_there = match (&swap.pointer, &own.pointer) {
            (Pointer::Commands(_), Pointer::Commands(_)) => true,
            // Another driver since is told by its name, when it is known what was switched.
            (Pointer::Commands(_), _) | (_, Pointer::Commands(_)) => return true,
            (then, now) => {
                std::mem::discriminant(then) == std::mem::discriminant(now) && then.path() == now.path()
            }
        };
        is_there
            && *user == own.user
            && swap.guard.state == own.state
            && swap.guard.run == self.scope.model.run
            && swap.guard.confirm_timeout.is_none()
            && [&swap.from, &swap.to].into_iter().all(|said| self.may_say(own, host, said.as_deref()))
    }

    /// Whether a load balancer's pointer may come to say that.
    fn may_say(&self, own: &Balancer, host: &HostName, said: Option<&str>) -> bool {
        let Some(said) = said else { return true };
        match &own.pointer {
            Pointer::Link { .. } => own.sayings.contains(said) || self.own.contains(host),
            Pointer::File { .. } => said.rsplit_once('@').is_some_and(|(path, hash)| {
                own.versions.iter().any(|known| known == path)
                    && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
            }),
            Pointer::Commands(_) => own.sayings.contains(said),
        }
    }

    fn kept_at(&self, home: &Home, path: &str) -> String {
        site::kept_at(&home.state.folder, path, &self.scope.model.run)
    }

    fn home(&self, host: &HostName) -> Result<Home, Blocked> {
        let (first, none) = (self.scope.model.playbook.first_color(), None);
        let mut home = Home {
            state: site::state(&self.scope, host, &self.scope.side(first, none, "")?)?,
            files: BTreeSet::new(),
            projects: Vec::new(),
            commands: self.commands(host),
            balancer: None,
        };
        let by_default = self.scope.model.escalations.get(host).cloned().flatten();
        for color in Color::BOTH {
            let side = self.scope.side(color, Some(color.other()), "")?;
            for deed in self.deeds(host, &side, Wanted::Places)? {
                if let Wish::File(file) = deed.wish {
                    home.files.insert((color, file.path, deed.escalate));
                }
            }
            // What is wrong with its values is told where a project is to be taken back.
            for deed in self.deeds(host, &side, Wanted::Projects).unwrap_or_default() {
                if let Wish::Compose(up) = deed.wish {
                    home.projects.push((color, up.clone(), deed.escalate));
                    home.projects.push((color, up, by_default.clone()));
                }
            }
            if self.scope.load_balancers()?.contains(host) {
                let site = site::site(&self.scope, host, &side)?;
                let user = site::escalate(&self.scope, host, &side)?;
                home.files.extend(site.written(color).map(|path| (color, path, user.clone())));
                home.add_balancer(self, host, (color, &side, &site), user)?;
            }
        }
        Ok(home)
    }

    fn deeds(&self, host: &HostName, side: &Side, wanted: Wanted) -> Result<Vec<Deed>, Blocked> {
        let playbook = &self.scope.model.playbook;
        let mut all = Vec::new();
        for play in playbook.stage.iter().chain(&playbook.settle) {
            let hosts = self.scope.hosts(&play.hosts)?;
            if hosts.contains(host) {
                all.extend(deed::deeds(&self.scope, play, host, host, side, wanted)?);
            }
        }
        Ok(all)
    }

    fn commands(&self, host: &HostName) -> Vec<(Phase, Value, User, bool)> {
        let mut all = Vec::new();
        for wave in self.made {
            let steps = wave.lanes.iter().filter(|lane| lane.host == *host).flat_map(|lane| &lane.steps);
            all.extend(steps.filter_map(|step| match &step.undo {
                Undo::Reverse(action @ (Action::Run(_) | Action::ComposeRun(_))) => {
                    Some((wave.phase, json!(action), step.escalate.clone(), step.no_log))
                }
                _ => None,
            }));
        }
        all
    }
}

impl Home {
    fn has(&self, color: Color, user: &User, is_it: impl Fn(&ComposeUp) -> bool) -> bool {
        self.projects.iter().any(|(of, up, by)| *of == color && by == user && is_it(up))
    }

    fn add_balancer(
        &mut self,
        backs: &Backs<'_>,
        host: &HostName,
        (color, side, site): (Color, &Side, &Site),
        user: User,
    ) -> Result<(), Blocked> {
        let facts = backs.scope.observed.hosts.get(host);
        let pointer = site::pointer(&backs.scope, host, side)?;
        let state = site::state(&backs.scope, host, side)?;
        let balancer = self.balancer.get_or_insert_with(|| Balancer {
            pointer,
            state,
            user,
            sayings: BTreeSet::new(),
            versions: Vec::new(),
        });
        match site {
            Site::Link { dest, .. } => {
                balancer.sayings.insert(dest.clone());
                if let Some(Link::To(now)) =
                    facts.and_then(|facts| facts.nginx.as_ref()).map(|nginx| &nginx.link)
                {
                    balancer.sayings.insert(now.clone());
                }
            }
            Site::File { kept, .. } | Site::Upstream { kept, .. } => {
                balancer.versions.extend([kept.of(color), kept.before()]);
            }
            Site::Commands => drop(balancer.sayings.insert(color.to_string())),
        }
        Ok(())
    }
}

/// Whether both are the same, whatever compose is called by.
fn alike(one: &Value, other: &Value) -> bool {
    let plain = |value: &Value| {
        let mut value = value.clone();
        any_compose(&mut value);
        value
    };
    plain(one) == plain(other)
}
