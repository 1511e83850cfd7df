//! Traffic that is moved by hand, to a color as it runs: also the way out where load balancers disagree.

use crate::facts::Container;
use crate::model::{Color, HostName};
use crate::plan::{Certainty, Note, Wave, observe};

use super::{Blocked, Builder};

impl Builder<'_> {
    /// All load balancers to a color that runs, those that are configured for it already included: what nginx
    /// holds in memory is proved as well.
    pub(super) fn switch_by_hand(&mut self, color: Color) -> Result<Vec<Wave>, Blocked> {
        self.refuse_half_of_it()?;
        if !self.standings.is_empty() && self.standings.iter().all(|standing| standing.is_on(color)) {
            return Ok(Vec::new());
        }
        // Where traffic is there already, only links come to say so: this must work whatever state the color is in.
        if self.standings.iter().all(|standing| standing.served == Some(color)) {
            return self.put_links_right(color);
        }
        self.refuse_what_does_not_run(color)?;
        let mut waves = self.answers(color)?;
        if waves.is_empty() {
            self.note(format!(
                "no health task of the playbook's stage asks {color} how it is: only its containers were looked at"
            ));
        }
        if observe::never_live(self.scope.observed) == Some(color) {
            self.note(format!("{color} holds a release that never was live"));
        }
        waves.extend(self.switch_back(color)?);
        Ok(waves)
    }

    fn note(&mut self, text: String) {
        self.notes.push(Note { certainty: Certainty::Observed, host: None, text });
    }

    fn refuse_what_does_not_run(&self, color: Color) -> Result<(), Blocked> {
        let mut details = Vec::new();
        for host in self.scope.app_servers()? {
            details.extend(self.ill(&host, color).map(|what| format!("{host}: {what}")));
        }
        if details.is_empty() {
            return Ok(());
        }
        let other = color.other();
        let hint = match self.live {
            Some(live) if live == color => {
                format!("`bgctl apply` deploys to {other} and moves traffic there")
            }
            Some(_) => format!("`bgctl rollback` starts {color} first; `bgctl apply` deploys to it"),
            None => format!(
                "`bgctl switch --to {other}` if that runs; `bgctl rollback` then starts {color} first"
            ),
        };
        let what = format!("{color} does not run on all app servers, and would get traffic");
        Err(Blocked::NotReady { what, details, hint })
    }

    /// What is wrong with a color's containers on a host.
    fn ill(&self, host: &HostName, color: Color) -> Option<String> {
        let project = format!("{}-{color}", self.scope.model.playbook.name);
        let facts = self.scope.observed.hosts.get(host);
        let of_it = |container: &&Container| container.project == project;
        let mut theirs = facts.iter().flat_map(|facts| &facts.containers).filter(of_it).peekable();
        if theirs.peek().is_none() {
            return Some(format!("no containers of {color}"));
        }
        theirs.find_map(|Container { service, state, health, .. }| match health.as_deref() {
            _ if state != "running" => Some(format!("{service} of {color} is {state}")),
            Some("unhealthy") => Some(format!("{service} of {color} is unhealthy")),
            _ => None,
        })
    }
}
