//! One run at a time: a process on each load balancer that holds a file lock for as long as the connection lives.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Outcome;
use crate::model::{Color, Escalation, HostName, ReleaseId, RunId};
use crate::plan::Phase;
use crate::remote::{Exec, Hold, Remote, RemoteError};

const LOCK: &str = include_str!("scripts/lock.sh");
/// The holder's script gives up after 30 s of silence.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Who holds a lock, as the lock's file on the load balancer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `user@machine`.
    pub by: String,
    /// Since when, in UTC.
    pub since: Timestamp,
    /// Which run.
    pub run: RunId,
    /// What was typed after `bgctl`.
    pub command: String,
    /// How far it is; `None` before its first wave.
    pub phase: Option<Phase>,
}

/// The last run of an app, as the load balancer keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Which run.
    pub run: RunId,
    /// `user@machine`.
    pub by: String,
    /// When it ended, in UTC.
    pub at: Timestamp,
    /// What was typed after `bgctl`.
    pub command: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The color that was served then.
    pub live: Option<Color>,
    /// The release that it was about.
    pub release: ReleaseId,
}

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum NotLocked {
    /// Somebody else has it.
    #[error("locked on {host} by another run")]
    Held {
        /// The load balancer.
        host: HostName,
        /// Who, where the lock's file can be read.
        holder: Option<Box<Holder>>,
    },
    /// The load balancer could not be asked.
    #[error("cannot take the lock on {host}")]
    Remote {
        /// The load balancer.
        host: HostName,
        /// Why.
        source: RemoteError,
    },
    /// The load balancer could not make the lock.
    #[error("cannot take the lock on {host}: {said}")]
    Trouble {
        /// The load balancer.
        host: HostName,
        /// What its script said.
        said: String,
    },
}

/// The app's lock on every load balancer. Dropping it lets it go.
#[derive(Debug)]
pub struct Lock {
    holder: Holder,
    holds: Vec<(HostName, Hold)>,
}

impl Lock {
    /// Takes the lock on these hosts, one after another, so that of two runs one gets all.
    pub async fn take(
        remote: &dyn Remote,
        hosts: &[(HostName, String, Option<Escalation>)],
        holder: Holder,
    ) -> Result<Self, NotLocked> {
        let mut lock = Self { holder, holds: Vec::new() };
        let words = to_line(&lock.holder);
        for (host, folder, escalate) in hosts {
            let exec = Exec::changes(LOCK).args([folder, &words]).escalate(escalate.clone());
            let remote_error = |source| NotLocked::Remote { host: host.clone(), source };
            let mut hold = remote.hold(host, exec).await.map_err(remote_error)?;
            let said = hold.lines.recv().await.unwrap_or_default();
            if said != "locked" {
                return Err(refused(host, &said));
            }
            lock.holds.push((host.clone(), hold));
        }
        Ok(lock)
    }

    /// A load balancer whose lock is gone, if there is one: connection or script ended.
    #[must_use]
    pub fn lost(&self) -> Option<&HostName> {
        self.holds
            .iter()
            .find(|(_, hold)| hold.lines.is_closed() || hold.input.is_closed())
            .map(|(host, _)| host)
    }

    /// Says on the load balancers how far the run is.
    pub async fn enter(&self, phase: Phase) {
        let holder = Holder { phase: Some(phase), ..self.holder.clone() };
        self.say(format!("phase {}", to_line(&holder))).await;
    }

    /// Keeps the run's record on the load balancers, and waits for each to confirm it, at most 5 s.
    pub async fn keep(&mut self, record: &LastRun) {
        self.say(format!("last {}", to_line(record))).await;
        let confirmed = self.holds.iter_mut().map(|(_, hold)| hold.lines.recv());
        let all = futures::future::join_all(confirmed);
        // Without the confirmation the record is missing in `status`, nothing else.
        let _ = tokio::time::timeout(Duration::from_secs(5), all).await;
    }

    /// Keeps the lock alive; never ends by itself.
    pub async fn beat(&self) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            self.say(String::new()).await;
        }
    }

    async fn say(&self, line: String) {
        for (_, hold) in &self.holds {
            // A closed channel is what `lost` reports.
            let _ = hold.input.send(line.clone()).await;
        }
    }
}

fn refused(host: &HostName, said: &str) -> NotLocked {
    let host = host.clone();
    match said.strip_prefix("held") {
        Some(holder) => {
            NotLocked::Held { host, holder: serde_json::from_str(holder.trim()).ok().map(Box::new) }
        }
        None => NotLocked::Trouble { host, said: said.to_owned() },
    }
}

/// JSON never holds a line break.
fn to_line<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
