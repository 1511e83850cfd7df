//! The channel to a lock's script: lines to it, its answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};

use crate::remote::{Hold, Lines};

/// How long a load balancer may take to confirm what it was told.
const CONFIRMATION: Duration = Duration::from_secs(10);

/// Of what a load balancer says in its place, as much is repeated.
pub(super) const LONGEST: usize = 500;

/// Why a line was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// The connection or the script is gone, or silent.
    Gone,
    /// The script said that it could not.
    Refused(String),
}

/// The channel to one script. When its last copy is dropped, the script ends, and with it the lock.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    input: mpsc::Sender<String>,
    lines: Arc<Mutex<Lines>>,
    silent: Arc<AtomicBool>,
}

impl Wire {
    pub(super) fn new(Hold { lines, input }: Hold) -> Self {
        Self { input, lines: Arc::new(Mutex::new(lines)), silent: Arc::default() }
    }

    /// Says a line and waits until the script has kept it.
    pub(super) async fn say(&self, line: String) -> Result<(), Broken> {
        let mut lines = self.lines.lock().await;
        let asking = async {
            self.input.send(line).await.ok()?;
            lines.recv().await
        };
        let Ok(Some(answer)) = tokio::time::timeout(CONFIRMATION, asking).await else {
            self.silent.store(true, Ordering::Relaxed);
            return Err(Broken::Gone);
        };
        if answer.trim_end() == "kept" {
            return Ok(());
        }
        let why = answer.strip_prefix("failed").unwrap_or(&answer);
        Err(Broken::Refused(why.trim().chars().take(LONGEST).collect()))
    }

    /// A sign of life.
    pub(super) fn beat(&self) {
        // One that was given up must come to its end, or the lock could never be taken again.
        if !self.silent.load(Ordering::Relaxed) {
            // A closed channel is found broken; a full one holds enough signs of life.
            let _ = self.input.try_send(String::new());
        }
    }

    /// Whether connection or script ended, or did not answer in time.
    pub(super) fn is_broken(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
            || self.input.is_closed()
            // Whoever waits for a line there notices by itself.
            || self.lines.try_lock().is_ok_and(|lines| lines.is_closed())
    }
}
