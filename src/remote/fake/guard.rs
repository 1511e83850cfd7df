//! The dead-man switch of a load balancer in memory: his time is tokio's clock, and he acts as soon as anybody
//! looks at his world.

use std::time::Duration;

use tokio::time::Instant;

use super::super::Output;
use super::facts::text;
use super::refusal;
use super::world::World;

/// A switch that was not taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// It waits for its confirmation.
    Armed {
        /// The run that swapped.
        run: String,
        /// The symlink or file; empty: neither, but a command.
        link: String,
        /// What it said; empty: nothing.
        from: String,
        /// What it says since.
        to: String,
        /// When it is swapped back.
        deadline: Instant,
        /// How long that is after the swap.
        timeout: Duration,
    },
    /// It was confirmed.
    Confirmed {
        /// The run that swapped.
        run: String,
    },
}

impl Guard {
    /// As the facts' script tells it.
    pub(super) fn line(&self) -> Option<String> {
        let Self::Armed { run, from, to, deadline, .. } = self else { return None };
        let left = deadline.saturating_duration_since(Instant::now()).as_secs();
        let [run, time, from, to] = [run, "then", from, to].map(text);
        Some(format!("armed watched {left} {run} {time} {from} {to}"))
    }
}

impl World {
    /// Arms the dead-man of a swap, where its guard has a time; `Err` while another run's switch waits.
    pub(super) fn arm(
        &mut self,
        [link, from, to]: [&str; 3],
        [folder, run, timeout]: [&str; 3],
    ) -> Result<(), Output> {
        match self.guards.get(folder) {
            Some(Guard::Armed { run: other, .. }) if other != run => {
                return Err(refusal(&format!("the switch of run {other} still waits for its confirmation")));
            }
            _ => {}
        }
        let Ok(timeout) = timeout.parse().map(Duration::from_millis) else { return Ok(()) };
        let [run, link, from, to] = [run, link, from, to].map(str::to_owned);
        let guard = Guard::Armed { run, link, from, to, deadline: Instant::now() + timeout, timeout };
        self.guards.insert(folder.to_owned(), guard);
        Ok(())
    }

    /// Whether a run has switched here, in whatever state that is now.
    pub(super) fn has_switched(&self, folder: &str, run: &str) -> bool {
        match self.guards.get(folder) {
            Some(Guard::Armed { run: theirs, .. } | Guard::Confirmed { run: theirs }) => theirs == run,
            None => false,
        }
    }

    pub(super) fn confirm(&mut self, folder: &str, run: &str) -> Output {
        match self.guards.get(folder) {
            Some(Guard::Armed { run: theirs, .. }) if theirs == run => {
                self.guards.insert(folder.to_owned(), Guard::Confirmed { run: run.to_owned() });
                self.dead_men.remove(folder);
                Output::default()
            }
            Some(Guard::Confirmed { run: theirs }) if theirs == run => Output::default(),
            _ if self.dead_men.contains_key(folder) => {
                refusal("nobody confirmed the switch in time: the load balancer swapped back by itself")
            }
            _ => refusal(&format!("no switch of run {run} waits for a confirmation here")),
        }
    }

    /// Whose time has come acts.
    pub(super) fn wake(&mut self) {
        let now = Instant::now();
        let late = |guard: &Guard| matches!(guard, Guard::Armed { deadline, .. } if *deadline <= now);
        let folders: Vec<String> =
            self.guards.iter().filter(|(_, guard)| late(guard)).map(|(folder, _)| folder.clone()).collect();
        for folder in folders {
            self.swap_back(&folder);
        }
    }

    fn swap_back(&mut self, folder: &str) {
        let Some(Guard::Armed { run, link, from, to, timeout, .. }) = self.guards.remove(folder) else {
            return;
        };
        let here = self.pointed(&link, &from, &to);
        let result = if here != from && here != to {
            "left"
        } else if !self.point(&link, &from) {
            "stuck"
        } else if self.reload(&link) {
            "back"
        } else {
            "unproven"
        };
        let record = format!("then\n{run}\n{link}\n{from}\n{to}\n{}\n{result}\n", timeout.as_millis());
        self.dead_men.insert(folder.to_owned(), record);
    }
}
