//! A script that stays, as its holder sees it: lines out, lines in.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc::{self, Receiver, Sender};

/// A script that runs for as long as this value lives.
#[derive(Debug)]
pub struct Hold {
    /// Its stdout, line by line. The end of it means that script or connection is gone.
    pub lines: Lines,
    /// Its stdin, line by line (the newline is added). Dropping it ends the script.
    pub input: Sender<String>,
}

/// The lines of a script that wait to be read.
#[derive(Debug)]
pub struct Lines {
    receiver: Receiver<String>,
    waiting: Arc<AtomicUsize>,
    why: Arc<OnceLock<String>>,
}

/// The other end of [`Lines`], which lets no more wait than fits.
#[derive(Debug)]
pub(super) struct Feed {
    sender: Sender<String>,
    waiting: Arc<AtomicUsize>,
    why: Arc<OnceLock<String>>,
    most: usize,
}

/// Lines of which as many may wait, and as many bytes of them.
pub(super) fn lines(count: usize, most: usize) -> (Feed, Lines) {
    let (sender, receiver) = mpsc::channel(count);
    let lines = Lines::from(receiver);
    let (waiting, why) = (Arc::clone(&lines.waiting), Arc::clone(&lines.why));
    (Feed { sender, waiting, why, most }, lines)
}

impl From<Receiver<String>> for Lines {
    /// Lines that whoever sends them counts.
    fn from(receiver: Receiver<String>) -> Self {
        Self { receiver, waiting: Arc::default(), why: Arc::default() }
    }
}

impl Lines {
    /// The next line; `None` once script or connection is gone.
    pub async fn recv(&mut self) -> Option<String> {
        let line = self.receiver.recv().await?;
        // Where nobody counted it, nothing waits.
        let fewer = |waiting: usize| Some(waiting.saturating_sub(line.len()));
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        Some(line)
    }

    /// Whether no more will come, and none waits.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }

    /// Why the script was ended from this side, where it was.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.get().map(String::as_str)
    }
}

impl Feed {
    /// Passes a line on; `false` when it does not fit, or nobody reads any more.
    pub(super) fn pass(&self, line: String) -> bool {
        let (length, before) = (line.len(), self.waiting.load(Ordering::Relaxed));
        if before.saturating_add(length) > self.most {
            return self.give_up(format!("more than {} MiB of its lines wait to be read", self.most >> 20));
        }
        self.waiting.fetch_add(length, Ordering::Relaxed);
        match self.sender.try_send(line) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.give_up(format!("more than {} of its lines wait to be read", self.sender.max_capacity()))
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }

    /// Notes why the script is ended, and is `false`.
    pub(super) fn give_up(&self, why: String) -> bool {
        // The first reason is the one.
        let _ = self.why.set(why);
        false
    }

    /// Comes when nobody reads any more.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_that_were_read_make_room_for_others() {
        let (feed, mut lines) = lines(100, 3 << 20);
        let long = || "x".repeat(1 << 20);
        for _ in 0..10 {
            assert!(feed.pass(long()) && feed.pass(long()) && feed.pass(long()));
            for _ in 0..3 {
                assert_eq!(lines.recv().await.map(|line| line.len()), Some(1 << 20));
            }
        }
        assert!(feed.pass(long()) && feed.pass(long()) && feed.pass(long()) && !feed.pass("x".to_owned()));
        drop(feed);
        assert_eq!(lines.why(), Some("more than 3 MiB of its lines wait to be read"));
        // What waits is still there.
        assert!(lines.recv().await.is_some());
    }

    #[test]
    fn no_more_lines_wait_than_are_counted() {
        let (feed, lines) = lines(2, 1 << 20);
        assert!(feed.pass(String::new()) && feed.pass(String::new()) && !feed.pass(String::new()));
        assert_eq!(lines.why(), Some("more than 2 of its lines wait to be read"));
    }
}
