//! Locks of a fleet in memory: a task for each holder, as long as its [`Hold`] lives.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{Inner, World};
use crate::model::HostName;
use crate::remote::{Exec, Hold};
use crate::scripts;

/// A lock's holder, as the host sees it. Dropping it ends the script.
pub(super) struct Held {
    pub(super) host: HostName,
    folder: String,
    words: Arc<Mutex<Words>>,
    script: JoinHandle<()>,
    _cut: DropGuard,
}

/// What a holder has said so far.
struct Words {
    holder: String,
    /// Lines that the folder's files follow from, in order.
    told: Vec<String>,
}

impl Held {
    fn holder(&self) -> String {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).holder.clone()
    }
}

impl Inner {
    pub(super) fn hold(&mut self, host: &HostName, exec: &Exec) -> Hold {
        let (said, lines) = mpsc::channel(16);
        let (input, heard) = mpsc::channel(64);
        let folder = exec.args.first().cloned().unwrap_or_default();
        let holder = exec.args.get(1).cloned().unwrap_or_default();
        let refused = |world: &World| world.refuses_state(super::name(exec.script), &exec.env);
        let refused = self.hosts.get(host).and_then(refused);
        let other = self.holds.iter().find(|held| held.host == *host && held.folder == folder);
        let answer = match other {
            _ if refused.is_some() => refused.unwrap_or_default().to_owned(),
            Some(other) => format!("held {}", other.holder()),
            None if exec.script == scripts::LOCK => {
                let last = self.hosts.get(host).and_then(|world| world.last_runs.get(&folder));
                format!("locked {}", last.map_or("", String::as_str))
            }
            None => "only a lock can be held here".to_owned(),
        };
        let locked = answer.starts_with("locked");
        // The channel is new and has room.
        let _ = said.try_send(answer);
        if locked {
            let words = Arc::new(Mutex::new(Words { holder, told: Vec::new() }));
            let cut = CancellationToken::new();
            let script = cut.clone().run_until_cancelled_owned(listen(Arc::clone(&words), heard, said));
            let script = TaskTracker::new().spawn(async move {
                script.await;
            });
            self.holds.push(Held { host: host.clone(), folder, words, script, _cut: cut.drop_guard() });
        }
        Hold { lines: lines.into(), input }
    }

    /// Keeps what the holders said, and lets go the locks of those that have gone.
    pub(super) fn settle_holds(&mut self) {
        let hosts = &mut self.hosts;
        self.holds.retain(|held| {
            let told = std::mem::take(&mut held.words.lock().unwrap_or_else(PoisonError::into_inner).told);
            if let Some(world) = hosts.get_mut(&held.host) {
                for line in &told {
                    world.keep(&held.folder, line);
                }
            }
            !held.script.is_finished()
        });
    }

    /// Who holds which folder's lock on a host.
    pub(super) fn holders(&self, host: &HostName) -> Vec<(String, String)> {
        let theirs = self.holds.iter().filter(|held| held.host == *host);
        theirs.map(|held| (held.folder.clone(), held.holder())).collect()
    }
}

impl World {
    /// What becomes of a line in the lock's folder.
    fn keep(&mut self, folder: &str, line: &str) {
        let Some((verb, text)) = line.split_once(' ') else { return };
        let (folder, text) = (folder.to_owned(), text.to_owned());
        match verb {
            "key" => {
                self.keys.entry(folder).or_insert(text);
            }
            "plan" => {
                self.plans.insert(folder, text);
            }
            "last" => {
                self.last_runs.insert(folder, text);
            }
            "done" => {
                self.plans.remove(&folder);
                self.histories.entry(folder.clone()).or_default().push(text.clone());
                self.last_runs.insert(folder, text);
            }
            _ => {}
        }
    }
}

/// The lock's script: hears its holder until the holder has gone.
async fn listen(words: Arc<Mutex<Words>>, mut heard: Receiver<String>, said: Sender<String>) {
    while let Some(line) = heard.recv().await {
        {
            let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(holder) = line.strip_prefix("phase ") {
                holder.clone_into(&mut words.holder);
            } else if line.is_empty() {
                continue;
            } else {
                words.told.push(line);
            }
        }
        if said.send("kept".to_owned()).await.is_err() {
            return;
        }
    }
}
