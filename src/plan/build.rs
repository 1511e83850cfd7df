//! Builds a plan from what people wrote and what is there. Pure: what it returns is everything that can happen.

mod again;
mod gate;
mod hand;
mod image;
mod keep;
mod once;
mod part;
mod refresh;
mod restage;
mod seen;
mod settle;
mod stage;
mod switch;

use std::collections::BTreeSet;

use crate::facts::Observed;
use crate::model::{Color, HostName, Keyed, Play, Problems, ReleaseId};

use super::deed::{self, Wanted, Wish};
use super::observe::{self, Standing};
use super::scope::{Model, Scope, Side};
use super::{Certainty, Goal, Note, Phase, Plan, Wave, site};

pub(super) use again::{Made, made};
pub use again::{answers, pointers};

/// What is wanted of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The goal.
    pub goal: Goal,
    /// Deploy even where the live release matches.
    pub force: bool,
}

/// Why no plan can be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Blocked {
    /// Something that people wrote is wrong.
    #[error("{0}")]
    Wrong(#[from] Problems),
    /// The load balancers do not serve the same color: a person must decide.
    #[error("the load balancers disagree")]
    Disagree(Vec<Standing>),
    /// The hosts are not in a state for it; nothing was changed.
    #[error("{what}")]
    NotReady {
        /// What is in the way, in one line.
        what: String,
        /// The details, a line each.
        details: Vec<String>,
        /// What to do about it.
        hint: String,
    },
}

/// Builds a plan. `left_out` are hosts that failed while staging and shall get no traffic.
pub fn build(
    request: Request,
    model: &Model,
    observed: &Observed,
    left_out: &[HostName],
) -> Result<Plan, Blocked> {
    let scope = Scope::new(model, observed, left_out);
    let standings = observe::standings(model, observed)?;
    observe::refuse_unconfirmed(&standings, observed, &model.run)?;
    let live = match (observe::live(&standings), request.goal) {
        // It makes them agree.
        (Err(Blocked::Disagree(_)), Goal::Switch(_)) => None,
        (live, _) => live?,
    };
    let mut notes = observe::unconfirmed(&standings, observed);
    notes.extend(observe::drifts(&standings));
    Builder { request, whole: false, scope, notes, live, standings }.build()
}

struct Builder<'a> {
    request: Request,
    /// Every step that these inputs can make, whatever is there already.
    whole: bool,
    scope: Scope<'a>,
    notes: Vec<Note>,
    live: Option<Color>,
    standings: Vec<Standing>,
}

impl Builder<'_> {
    fn build(mut self) -> Result<Plan, Blocked> {
        let release = self.release_for(self.request.goal)?;
        let target = self.target();
        let tags = self.moving_tags(target, &release)?;
        self.notes.extend(tags);
        let waves = match self.request.goal {
            Goal::Apply | Goal::Stage if !self.request.force && self.live_matches(&release)? => {
                let backup = self.backup_note(&release)?;
                self.notes.extend(backup);
                Vec::new()
            }
            Goal::Stage => {
                let mut waves = self.stage(target, &release)?;
                waves.extend(self.staged(target, &release)?);
                waves
            }
            Goal::Apply => {
                self.refuse_strangers(target, &release)?;
                let mut waves = self.stage(target, &release)?;
                if self.scope.model.limit.is_some() {
                    // Hosts outside of it get traffic too.
                    waves.extend(self.answers(target)?);
                }
                waves.extend(self.switch(target, &release)?);
                waves.extend(self.settle(target, &release)?);
                waves
            }
            Goal::Promote => self.promote(target, &release)?,
            Goal::Rollback => self.rollback(target)?,
            Goal::Restage => self.restage(target, &release)?,
            Goal::Retire => self.retire(&release)?,
            Goal::Switch(color) => self.switch_by_hand(color)?,
        };
        Ok(Plan {
            app: self.scope.model.playbook.name.clone(),
            goal: self.request.goal,
            live: self.live,
            target,
            release,
            waves,
            load_balancers: self.limited(self.scope.load_balancers()?)?,
            app_servers: self.limited(self.scope.app_servers()?)?,
            standings: self.standings,
            notes: self.notes,
        })
    }

    /// Only a pull tells whether a tag has moved: said once for each task that pulls.
    fn moving_tags(&self, target: Color, release: &ReleaseId) -> Result<Vec<Note>, Problems> {
        let mut notes = Vec::new();
        if !matches!(self.request.goal, Goal::Apply | Goal::Stage) {
            return Ok(notes);
        }
        let side = self.side(target, release)?;
        for (play, hosts) in self.plays(&self.scope.model.playbook.stage)? {
            let Some(first) = hosts.first() else { continue };
            for deed in deed::deeds(&self.scope, play, first, first, &side, Wanted::Images)? {
                if let Some(doubt) = image::doubt(&deed.wish) {
                    let text = format!("{}: {doubt} (--force deploys all the same)", deed.name);
                    notes.push(Note { certainty: Certainty::Unknowable, host: None, text });
                }
            }
        }
        Ok(notes)
    }

    /// The color that the run works on: the idle one, or for `retire` the live one, which stays.
    fn target(&self) -> Color {
        match (self.request.goal, self.live) {
            (Goal::Switch(color), _) => color,
            (Goal::Retire, Some(live)) => live,
            (_, Some(live)) => live.other(),
            (_, None) => self.scope.model.playbook.first_color(),
        }
    }

    fn side(&self, color: Color, release: &ReleaseId) -> Result<Side, Problems> {
        self.scope.side(color, self.live, release.as_str())
    }

    /// A release's id covers all that is rendered for either color, so that it is the same on both.
    /// It stands where anybody reads it, and what is rendered may hold secrets: so it is made with the app's key.
    /// `rollback` and `switch` render nothing, and `retire` only where it refreshes: theirs is what is there.
    fn release_for(&self, goal: Goal) -> Result<ReleaseId, Blocked> {
        let mut digest = self.scope.observed.key.hash("release");
        let renders = match goal {
            Goal::Apply | Goal::Stage | Goal::Promote => true,
            Goal::Retire => self.scope.model.playbook.refreshes(),
            Goal::Rollback | Goal::Restage | Goal::Switch(_) => false,
        };
        if goal == Goal::Restage {
            return Ok(self.kept_release()?.release.clone());
        }
        if !renders {
            return Ok(ReleaseId::as_it_was());
        }
        // A host that is left out of the switch makes no other release.
        let whole = Scope::new(self.scope.model, self.scope.observed, &[]);
        let mut problems = Vec::new();
        for color in Color::BOTH {
            let side = whole.side(color, Some(color.other()), "")?;
            for (play, hosts) in self.plays(&self.scope.model.playbook.stage)? {
                for host in &hosts {
                    match deed::deeds(&whole, play, host, hosts.first().unwrap_or(host), &side, Wanted::All) {
                        Ok(deeds) => deeds.into_iter().for_each(|deed| digest_wish(&mut digest, &deed.wish)),
                        Err(found) => problems.extend(found.0),
                    }
                }
            }
            for host in whole.load_balancers()? {
                match site::content(&whole, &host, &side) {
                    Ok(content) => digest.add(content.unwrap_or_default()),
                    Err(found) => problems.extend(found.0),
                }
            }
        }
        Ok(Problems(problems).distinct().or(ReleaseId::from_digest(&digest.end()))?)
    }

    /// Plays with their hosts, `-l` not applied, empty ones left out.
    fn plays<'p>(&self, plays: &'p [Play]) -> Result<Vec<(&'p Play, Vec<HostName>)>, Problems> {
        let mut found = Vec::new();
        for play in plays {
            let hosts = self.scope.hosts(&play.hosts)?;
            if !hosts.is_empty() {
                found.push((play, hosts));
            }
        }
        Ok(found)
    }

    /// Of these hosts, those that `-l` leaves and that did not fail.
    fn limited(&self, hosts: Vec<HostName>) -> Result<Vec<HostName>, Problems> {
        let Some(limit) = &self.scope.model.limit else { return Ok(hosts) };
        let inside = self.scope.hosts(limit)?;
        Ok(hosts.into_iter().filter(|host| inside.contains(host)).collect())
    }

    /// Where hosts differ from a release on a color, as sentences with the host's name in front.
    fn differences(
        &self,
        color: Color,
        release: &str,
        hosts: &BTreeSet<HostName>,
    ) -> Result<Vec<String>, Problems> {
        // Seen from then: the color was the target, the other one was live.
        let side = self.scope.side(color, Some(color.other()), release)?;
        let mut found = Vec::new();
        for (play, play_hosts) in self.plays(&self.scope.model.playbook.stage)? {
            for host in play_hosts.iter().filter(|host| hosts.contains(host)) {
                let Some(facts) = self.scope.observed.hosts.get(host) else { continue };
                let deeds = deed::deeds(
                    &self.scope,
                    play,
                    host,
                    play_hosts.first().unwrap_or(host),
                    &side,
                    Wanted::All,
                )?;
                found.extend(
                    stage::differences(facts, &deeds).into_iter().map(|what| format!("{host}: {what}")),
                );
            }
        }
        Ok(found)
    }

    /// Whether the live color is already what a deploy would make it, on every host.
    fn live_matches(&self, release: &ReleaseId) -> Result<bool, Blocked> {
        let Some(live) = self.live else { return Ok(false) };
        let hosts: BTreeSet<HostName> = self.scope.app_servers()?.into_iter().collect();
        let mut different = self.differences(live, release.as_str(), &hosts)?;
        different.extend(self.site_differences(live, release)?);
        let lost = self.standings.iter().filter(|standing| !standing.is_on(live));
        different.extend(lost.map(|standing| format!("{}: it is not known to serve {live}", standing.host)));
        Ok(different.is_empty())
    }

    /// With `-l`, hosts outside of it get traffic too: they must run the target release already.
    fn refuse_strangers(&self, target: Color, release: &ReleaseId) -> Result<(), Blocked> {
        let balancers = self.scope.load_balancers()?;
        if self.limited(balancers.clone())?.len() != balancers.len() {
            return Err(Blocked::NotReady {
                what: "--limit leaves out a load balancer: the switch would be half done".to_owned(),
                details: Vec::new(),
                hint: "stage only what is limited (--stage-only), or widen --limit".to_owned(),
            });
        }
        let all: BTreeSet<HostName> = self.scope.app_servers()?.into_iter().collect();
        let inside: BTreeSet<HostName> = self.limited(all.iter().cloned().collect())?.into_iter().collect();
        let outside = all.difference(&inside).cloned().collect();
        let details = self.differences(target, release.as_str(), &outside)?;
        if details.is_empty() {
            return Ok(());
        }
        Err(Blocked::NotReady {
            what: format!(
                "hosts outside --limit do not run release {release} on {target}, and would get traffic"
            ),
            details,
            hint: "stage them first (apply --stage-only), or widen --limit".to_owned(),
        })
    }

    fn promote(&self, target: Color, release: &ReleaseId) -> Result<Vec<Wave>, Blocked> {
        self.refuse_half_of_it()?;
        let hosts: BTreeSet<HostName> =
            self.scope.app_servers()?.into_iter().filter(|host| !self.scope.leaves_out(host)).collect();
        let details = self.differences(target, release.as_str(), &hosts)?;
        if !details.is_empty() {
            return Err(Blocked::NotReady {
                what: format!("release {release} is not staged on {target}"),
                details,
                hint: "stage it first with `bgctl apply --stage-only`, with the same -e".to_owned(),
            });
        }
        let mut waves = self.answers(target)?;
        waves.extend(self.switch(target, release)?);
        waves.extend(self.settle(target, release)?);
        Ok(waves)
    }

    /// A switch is of all load balancers or of none.
    fn refuse_half_of_it(&self) -> Result<(), Blocked> {
        if self.scope.model.limit.is_none() {
            return Ok(());
        }
        Err(Blocked::NotReady {
            what: format!(
                "--limit makes no sense for {}: traffic moves as a whole",
                self.request.goal.as_str()
            ),
            details: Vec::new(),
            hint: "leave --limit out".to_owned(),
        })
    }
}

fn digest_wish(digest: &mut Keyed, wish: &Wish) {
    match wish {
        // Another token is no other release.
        Wish::Login(_) => return,
        Wish::Pull(name) => digest.add(name),
        // What an archive holds, not how it was packed.
        Wish::Load(load) => digest.add(format!("{} {:?}", load.name, load.ids)),
        Wish::Build(build) => digest.add(format!("{build:?}")),
        Wish::File(file) => {
            digest.add(&file.path);
            digest.add([0]);
            digest.add(&file.content);
        }
        Wish::Compose(up) => digest.add(format!("{up:?}")),
        Wish::Run { run, .. } => digest.add(format!("{run:?}")),
        // Not its mark, which is another one in each run.
        Wish::RunInside { run, .. } => digest.add(format!("{} {:?}", run.service, run.run)),
        Wish::Check(_) | Wish::Seen(_) | Wish::Wait(_) | Wish::Retire { .. } | Wish::Nothing(_) => {}
    }
    digest.add([0]);
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// One wave of the switch or settle phase, which tolerates no failure.
fn wave(phase: Phase, name: &str, lanes: Vec<super::Lane>) -> Wave {
    Wave { phase, name: name.to_owned(), max_fail_percentage: 0.0, lanes }
}
