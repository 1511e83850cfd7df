//! One run at a time: a process on each load balancer that holds a file lock for as long as the connection lives.
//! Through the same channel the load balancers keep the run's record and plan.

mod wire;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Escalation, HostName, Images, Key, RunId, StateDir};
use crate::plan::Phase;
use crate::remote::{Exec, Remote, RemoteError};
use crate::scripts::LOCK;

use super::record::{Reached, Record};
use wire::{Broken, Wire};

/// The holder's script gives up after 30 s of silence.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long a load balancer may take to say whether the lock is free: its script looks ten times.
const ANSWER: Duration = Duration::from_secs(30);

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

/// Where a lock is: load balancer, folder, and whom to become for it.
pub type LockPlace = (HostName, StateDir, Option<Escalation>);

/// The app's lock on every load balancer. Dropping it lets it go.
#[derive(Debug)]
pub struct Lock {
    holder: Holder,
    held: Vec<Held>,
    /// What the load balancers keep of this run; `None` before it begins.
    record: Mutex<Option<Record>>,
    /// What load balancers said about the folders of their locks.
    notes: Vec<(HostName, String)>,
    /// The first load balancer that did not keep what it was told, and why.
    unkept: Mutex<Option<(HostName, String)>>,
}

/// The lock on one load balancer.
#[derive(Debug)]
struct Held {
    place: LockPlace,
    wire: Mutex<Wire>,
}

/// What came of taking a lost lock again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retaken {
    /// It is held on every load balancer again, and no other run was there in between.
    Whole,
    /// Not yet: the load balancer is not reached, or has not noticed yet that the old connection is gone.
    NotYet(String),
    /// Never: another run has begun since.
    Passed(HostName),
}

impl Lock {
    /// Takes the lock on these hosts, one after another, so that of two runs one gets all.
    pub async fn take(remote: &dyn Remote, places: &[LockPlace], holder: Holder) -> Result<Self, NotLocked> {
        let (mut held, mut notes) = (Vec::new(), Vec::new());
        for place in places {
            let Grabbed { wire, notes: said, .. } = grab(remote, place, &holder).await?;
            notes.extend(said.into_iter().map(|note| (place.0.clone(), note)));
            held.push(Held { place: place.clone(), wire: Mutex::new(wire) });
        }
        Ok(Self { holder, held, notes, record: Mutex::new(None), unkept: Mutex::new(None) })
    }

    /// What is worth telling of the load balancers' folders: what was put right in them.
    #[must_use]
    pub fn notes(&self) -> &[(HostName, String)] {
        &self.notes
    }

    /// A load balancer whose lock is gone, if there is one: connection or script ended, or it was silent
    /// when it should have confirmed.
    #[must_use]
    pub fn lost(&self) -> Option<&HostName> {
        self.held.iter().find(|held| held.wire().is_broken()).map(|held| &held.place.0)
    }

    /// Why nothing new may begin: the lock is gone somewhere, or a load balancer did not keep the record.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        if let Some((host, why)) = locked(&self.unkept).as_ref() {
            return Some(format!("{host} did not keep the run's record: {why}"));
        }
        let lost = self.lost()?;
        Some(format!("the lock on {lost} is gone: its connection ended, another run may have begun"))
    }

    /// Has the load balancers keep the run's plan and record from here on, and the app's key, where they lack it.
    pub async fn begin(&self, key: &Key, record: Record, plan: &str) {
        let record = record.planned(plan);
        // The plan first: a record of a run that began never stands without it, nor a plan without its key.
        let lines = vec![
            format!("key {}", *key.expose()),
            format!("plan {plan}"),
            format!("last {}", to_line(&record)),
        ];
        *locked(&self.record) = Some(record);
        self.say(lines).await;
    }

    /// Has the load balancers keep another plan: hosts were left out.
    pub async fn revise(&self, plan: &str) {
        // The record first: it tells of both until the new one stands.
        let mut lines = Vec::new();
        if let Some(record) = locked(&self.record).as_mut() {
            *record = record.planned(plan);
            lines.push(format!("last {}", to_line(record)));
        }
        lines.push(format!("plan {plan}"));
        self.say(lines).await;
    }

    /// Says on the load balancers how far the run is. Each must confirm it, which proves that the lock is
    /// still held there: a dead connection may look alive for longer than the lock outlives it. Where one does
    /// not, [`trouble`](Self::trouble) says so from then on.
    pub async fn enter(&self, reached: Reached) {
        let holder = Holder { phase: Some(reached.phase), ..self.holder.clone() };
        let mut lines = vec![format!("phase {}", to_line(&holder))];
        if let Some(record) = locked(&self.record).as_mut() {
            *record = record.further(reached);
            lines.push(format!("last {}", to_line(record)));
        }
        self.say(lines).await;
    }

    /// Notes what the target runs as traffic is about to move to it: kept with the next change of the record.
    pub fn passed(&self, images: &Images) {
        if let Some(record) = locked(&self.record).as_mut() {
            record.passed = Some(images.clone());
        }
    }

    /// What the load balancers keep of the run.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        locked(&self.record).clone()
    }

    /// Has the load balancers keep how the run ended. One that must be gone on with is no end for them.
    pub async fn end(&self, record: Record) {
        let verb = if record.is_unfinished() { "last" } else { "done" };
        let line = format!("{verb} {}", to_line(&record));
        *locked(&self.record) = Some(record);
        // Without the confirmation the run is met as an unfinished one, and can be aborted or resumed.
        self.say(vec![line]).await;
    }

    /// Says lines and waits for each load balancer's answers to them.
    async fn say(&self, lines: Vec<String>) {
        let asking = self.held.iter().map(|held| {
            let lines = lines.clone();
            async move {
                let wire = held.wire();
                for line in lines {
                    match wire.say(line).await {
                        Ok(()) => {}
                        // Whose connection is gone is `lost`.
                        Err(Broken::Gone) => return,
                        Err(Broken::Refused(why)) => {
                            locked(&self.unkept).get_or_insert_with(|| (held.place.0.clone(), why));
                            return;
                        }
                    }
                }
            }
        });
        join_all(asking).await;
    }

    /// Takes the lock again where it was lost, if no other run was there in between.
    pub async fn retake(&self, remote: &dyn Remote) -> Retaken {
        for held in self.held.iter().filter(|held| held.wire().is_broken()) {
            let host = &held.place.0;
            let later = match grab(remote, &held.place, &self.holder).await {
                Ok(Grabbed { wire, last, .. }) if self.is_ours(&last) => {
                    *locked(&held.wire) = wire;
                    continue;
                }
                // Our own former self, whose end the load balancer has not noticed yet.
                Err(NotLocked::Held { holder: Some(holder), .. }) if holder.run == self.holder.run => {
                    format!("{host} still holds it for the connection that was lost")
                }
                Ok(_) | Err(NotLocked::Held { .. }) => return Retaken::Passed(host.clone()),
                Err(NotLocked::Remote { source, .. }) => source.to_string(),
                Err(NotLocked::Trouble { said, .. }) => format!("{host}: {said}"),
            };
            return Retaken::NotYet(later);
        }
        Retaken::Whole
    }

    /// Whether a load balancer's record is of this attempt of this run.
    fn is_ours(&self, last: &str) -> bool {
        let ours = locked(&self.record);
        let Some(ours) = ours.as_ref() else { return true };
        Record::read(last).is_ok_and(|last| last.run == ours.run && last.attempt == ours.attempt)
    }

    /// Keeps the lock alive; never ends by itself.
    pub async fn beat(&self) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            for held in &self.held {
                held.wire().beat();
            }
        }
    }
}

impl Held {
    fn wire(&self) -> Wire {
        locked(&self.wire).clone()
    }
}

/// The lock on one load balancer, as it was got.
struct Grabbed {
    wire: Wire,
    /// The last run's record.
    last: String,
    notes: Vec<String>,
}

/// Notes that are heard of one script.
const NOTES: usize = 16;

/// Takes the lock on one load balancer, and hears the last run's record.
async fn grab(
    remote: &dyn Remote,
    (host, state, escalate): &LockPlace,
    holder: &Holder,
) -> Result<Grabbed, NotLocked> {
    let exec = Exec::changes(LOCK).args([&state.folder, &to_line(holder)]);
    let exec = exec.env(state.variables()).escalate(escalate.clone());
    let remote_error = |source| NotLocked::Remote { host: host.clone(), source };
    let mut hold = remote.hold(host, exec).await.map_err(remote_error)?;
    let mut notes = Vec::new();
    let said = loop {
        let answer = tokio::time::timeout(ANSWER, hold.lines.recv()).await;
        let Some(said) = answer.map_err(|_| remote_error(RemoteError::TimedOut(ANSWER)))? else {
            break hold.lines.why().unwrap_or_default().to_owned();
        };
        match said.strip_prefix("note ") {
            Some(note) if notes.len() < NOTES => notes.push(note.to_owned()),
            _ => break said,
        }
    };
    match said.strip_prefix("locked") {
        Some(last) => Ok(Grabbed { last: last.trim().to_owned(), wire: Wire::new(hold), notes }),
        None => Err(refused(host, &said)),
    }
}

fn refused(host: &HostName, said: &str) -> NotLocked {
    let host = host.clone();
    match said.strip_prefix("held") {
        Some(holder) => {
            NotLocked::Held { host, holder: serde_json::from_str(holder.trim()).ok().map(Box::new) }
        }
        None => NotLocked::Trouble { host, said: said.chars().take(wire::LONGEST).collect() },
    }
}

/// What is guarded is replaced whole: a panic elsewhere leaves it as it was.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// JSON never holds a line break.
fn to_line<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
