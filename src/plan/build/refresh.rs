//! `retire: { old: refresh }`: the old color is brought to the release that is live now, as a backup.

use crate::model::{Color, HostName, Old, Problems, ReleaseId, host_list};
use crate::plan::deed::{self, Deed, Wanted, Wish};
use crate::plan::scope::Side;
use crate::plan::{Certainty, Goal, Note, Phase};

use super::{Blocked, Builder};

impl Builder<'_> {
    /// The color that is not live, once traffic has moved where this request moves it.
    pub(super) fn old_color(&self) -> Option<Color> {
        match self.request.goal {
            Goal::Retire => self.live.map(Color::other),
            _ => self.live,
        }
    }

    /// A host's deeds with those of a refresh after each task that asks for one: what the stage would do there for
    /// the old color.
    pub(super) fn with_refresh(
        &self,
        host: &HostName,
        deeds: Vec<Deed>,
        side: &Side,
        phase: Phase,
    ) -> Result<Vec<Deed>, Problems> {
        let mut all = Vec::new();
        for deed in deeds {
            let refreshes = matches!(deed.wish, Wish::Retire { old: Old::Refresh, .. });
            let old = self.old_color().filter(|_| refreshes && phase == Phase::Settle);
            let Some(old) = old else {
                all.push(deed);
                continue;
            };
            if !self.whole && self.is_refreshed(host, old, &side.release)? {
                let why = format!("{old} runs this release already");
                all.push(Deed { wish: Wish::Nothing(why), ..deed });
                continue;
            }
            all.push(deed);
            all.extend(self.stage_deeds(host, old, &side.release)?);
        }
        Ok(all)
    }

    /// Where a deploy that has nothing to do leaves the old color on another release, or down: what would bring it back.
    pub(super) fn backup_note(&self, release: &ReleaseId) -> Result<Option<Note>, Problems> {
        let Some(old) = self.live.map(Color::other).filter(|_| self.scope.model.playbook.refreshes()) else {
            return Ok(None);
        };
        let mut lacking = Vec::new();
        for host in self.scope.app_servers()? {
            if !self.is_refreshed(&host, old, release.as_str())? {
                lacking.push(host);
            }
        }
        let hosts: Vec<&HostName> = lacking.iter().collect();
        let text = format!(
            "{old} is no backup now: it does not run this release on {}; `bgctl retire`, with the same -e, brings it there",
            host_list(&hosts)
        );
        let certainty = Certainty::Observed;
        Ok((!hosts.is_empty()).then_some(Note { certainty, host: None, text }))
    }

    fn is_refreshed(&self, host: &HostName, old: Color, release: &str) -> Result<bool, Problems> {
        Ok(self.differences(old, release, &[host.clone()].into())?.is_empty())
    }

    /// Every stage task of a host, for a color that is not the target. What one host did for all is done.
    fn stage_deeds(&self, host: &HostName, color: Color, release: &str) -> Result<Vec<Deed>, Problems> {
        let side = self.scope.side(color, Some(color.other()), release)?;
        let mut deeds = Vec::new();
        for (play, hosts) in self.plays(&self.scope.model.playbook.stage)? {
            if let (true, Some(first)) = (hosts.contains(host), hosts.first()) {
                let all = deed::deeds(&self.scope, play, host, first, &side, Wanted::All)?;
                let tasks = play.tasks.iter().zip(all);
                deeds.extend(tasks.filter(|(task, _)| !task.runs_once()).map(|(_, deed)| deed));
            }
        }
        Ok(deeds)
    }

    /// `retire` by hand renders only where the playbook refreshes, and then the inputs must make what is live.
    pub(super) fn refuse_other_release(&self, release: &ReleaseId) -> Result<(), Blocked> {
        if !self.scope.model.playbook.refreshes() || self.live_matches(release)? {
            return Ok(());
        }
        Err(Blocked::NotReady {
            what: format!("these inputs make release {release}, which is not what is live"),
            details: Vec::new(),
            hint:
                "the old color is refreshed to the live release: give the same -e that it was deployed with"
                    .to_owned(),
        })
    }
}
