//! One run at a time: a process on each load balancer that holds a file lock for as long as the connection lives.

use std::sync::OnceLock;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, mpsc};

use crate::event::Outcome;
use crate::model::{Color, Escalation, HostName, ReleaseId, RunId};
use crate::plan::Phase;
use crate::remote::{Exec, Hold, Remote, RemoteError};
use crate::scripts::LOCK;

/// The holder's script gives up after 30 s of silence.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a load balancer may take to confirm what it was told.
const CONFIRMATION: Duration = Duration::from_secs(10);

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
    /// How it ended; `None`: it began, and nobody wrote down its end.
    pub outcome: Option<Outcome>,
    /// The color that holds a release which never was live: staged only, or left by a run that was killed.
    #[serde(default)]
    pub staged: Option<Color>,
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
    holds: Vec<Held>,
    /// A load balancer that did not confirm.
    silent: OnceLock<HostName>,
}

/// The lock on one load balancer.
#[derive(Debug)]
struct Held {
    host: HostName,
    input: mpsc::Sender<String>,
    lines: Mutex<mpsc::Receiver<String>>,
}

impl Lock {
    /// Takes the lock on these hosts, one after another, so that of two runs one gets all.
    pub async fn take(
        remote: &dyn Remote,
        hosts: &[(HostName, String, Option<Escalation>)],
        holder: Holder,
    ) -> Result<Self, NotLocked> {
        let mut lock = Self { holder, holds: Vec::new(), silent: OnceLock::new() };
        let words = to_line(&lock.holder);
        for (host, folder, escalate) in hosts {
            let exec = Exec::changes(LOCK).args([folder, &words]).escalate(escalate.clone());
            let remote_error = |source| NotLocked::Remote { host: host.clone(), source };
            let Hold { mut lines, input } = remote.hold(host, exec).await.map_err(remote_error)?;
            let said = lines.recv().await.unwrap_or_default();
            if said != "locked" {
                return Err(refused(host, &said));
            }
            lock.holds.push(Held { host: host.clone(), input, lines: Mutex::new(lines) });
        }
        Ok(lock)
    }

    /// A load balancer whose lock is gone, if there is one: connection or script ended, or it was silent
    /// when it should have confirmed.
    #[must_use]
    pub fn lost(&self) -> Option<&HostName> {
        let ended = |held: &&Held| {
            // Whoever waits for a line there notices by itself.
            held.input.is_closed() || held.lines.try_lock().is_ok_and(|lines| lines.is_closed())
        };
        self.silent.get().or_else(|| self.holds.iter().find(ended).map(|held| &held.host))
    }

    /// Says on the load balancers how far the run is. Each must confirm it, which proves that the lock is
    /// still held there: a dead connection may look alive for longer than the lock outlives it. One that does
    /// not confirm is [`lost`](Self::lost) from then on.
    pub async fn enter(&self, phase: Phase) {
        let holder = Holder { phase: Some(phase), ..self.holder.clone() };
        if let Err(host) = self.confirmed(format!("phase {}", to_line(&holder))).await {
            // The first one is enough to know.
            let _ = self.silent.set(host);
        }
    }

    /// Keeps the run's record on the load balancers, and waits for each to confirm it.
    pub async fn keep(&self, record: &LastRun) {
        // Without the confirmation the record is missing in `status`, nothing else.
        let _ = self.confirmed(format!("last {}", to_line(record))).await;
    }

    /// Says a line and waits for each load balancer's answer to it.
    async fn confirmed(&self, line: String) -> Result<(), HostName> {
        let asking = self.holds.iter().map(|held| {
            let line = line.clone();
            async move {
                let mut lines = held.lines.lock().await;
                let asking = async {
                    held.input.send(line).await.ok()?;
                    lines.recv().await
                };
                let answer = tokio::time::timeout(CONFIRMATION, asking).await;
                if matches!(answer, Ok(Some(_))) { Ok(()) } else { Err(held.host.clone()) }
            }
        });
        join_all(asking).await.into_iter().collect()
    }

    /// Keeps the lock alive; never ends by itself.
    pub async fn beat(&self) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            for held in &self.holds {
                // A closed channel is what `lost` reports; a full one holds enough signs of life.
                let _ = held.input.try_send(String::new());
            }
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
