//! Waiting until the old color serves nothing any more, and what it still had to do when time was up.

use std::time::Duration;

use tokio::time::Instant;

use crate::event::StepError;
use crate::model::Draining;
use crate::remote::{Exec, Output};
use crate::scripts::{DRAIN, DRAINED};

use super::{Done, Performance, interrupted, number_after};

/// How long the host waits in one go: between these, Ctrl-C is heard and the screen is told.
const ONE_GO: Duration = Duration::from_secs(5);
/// Addresses that are named; of more only the number is told.
const NAMED: usize = 8;
/// No address and port has more characters.
const LONGEST: usize = 64;

impl Performance<'_> {
    pub(super) async fn drain(&self, timeout: Duration, of: &Draining) -> Result<Done, StepError> {
        let deadline = Instant::now() + timeout;
        let most = u32::try_from(timeout.as_secs().div_ceil(ONE_GO.as_secs())).unwrap_or(u32::MAX);
        let mut attempt = 0;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let until = Instant::now() + left.min(ONE_GO);
            let output = self.drain_once(left.min(ONE_GO), of).await?;
            let Some((short, sentence)) = still_open(&output.text(), of, timeout) else {
                return Ok(Done::default());
            };
            if left <= ONE_GO {
                return Ok(Done { detail: Some(short), notice: Some(sentence), ..Done::default() });
            }
            attempt += 1;
            (self.waiting)(attempt, most, short);
            // Who answers at once is not asked all the time.
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(interrupted()),
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    async fn drain_once(&self, wait: Duration, of: &Draining) -> Result<Output, StepError> {
        let (script, env, what) = match of {
            Draining::Nginx(nginx) => (DRAIN, nginx.variables(), "wait for old nginx workers"),
            Draining::Command(run) => {
                let text = run.shell().unwrap_or_default().to_owned();
                (DRAINED, vec![("BGCTL_DRAINED".to_owned(), text)], "wait until the old color is drained")
            }
        };
        let exec = Exec::reads(script)
            .args([wait.as_millis().to_string()])
            .env(env)
            .timeout(wait + Duration::from_secs(30));
        self.run(what, exec).await
    }
}

/// What is still open by what a script printed, in few words and in a sentence; `None` when nothing is.
fn still_open(text: &str, of: &Draining, timeout: Duration) -> Option<(String, String)> {
    match of {
        Draining::Nginx(_) => Open::read(text).map(|open| (open.count(), open.sentence(timeout))),
        Draining::Command(_) => {
            let status = number_after(text, "left ")?;
            let short = format!("`drained` exits with {status}");
            let sentence = format!(
                "{short} after {} s: what the old color still serves will be cut",
                timeout.as_secs_f32()
            );
            Some((short, sentence))
        }
    }
}

/// What old workers still do.
#[derive(Debug, PartialEq, Eq)]
struct Open {
    workers: u64,
    clients: Vec<String>,
    upstreams: Vec<String>,
}

impl Open {
    /// From what the script printed; `None` when no old worker is left.
    fn read(text: &str) -> Option<Self> {
        let all = |word: &str| -> Vec<String> {
            text.lines().filter_map(|line| line.strip_prefix(word)).map(str::to_owned).collect()
        };
        let workers = number_after(text, "left ")?;
        Some(Self { workers, clients: all("client "), upstreams: all("upstream ") })
    }

    /// `2 connections on 1 old worker`.
    fn count(&self) -> String {
        let workers = counted(self.workers, "old worker");
        match self.clients.len() {
            // Without root nobody sees whose they are.
            0 => workers,
            count => format!("{} on {workers}", counted(count as u64, "connection")),
        }
    }

    fn sentence(&self, timeout: Duration) -> String {
        let mut text = format!(
            "{} still open after {} s: long requests, or upgraded connections (WebSocket), which will be cut",
            self.count(),
            timeout.as_secs_f32()
        );
        for (word, addresses) in [("from", &self.clients), ("to", &self.upstreams)] {
            if !addresses.is_empty() {
                text = format!("{text}; {word} {}", named(addresses));
            }
        }
        text
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn named(addresses: &[String]) -> String {
    let cut = |address: &String| address.chars().take(LONGEST).collect::<String>();
    let first: Vec<String> = addresses.iter().take(NAMED).map(cut).collect();
    let more = addresses.len().saturating_sub(NAMED);
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_open_is_counted_and_named() {
        let text = "left 2\nclient 10.0.0.5:4711\nupstream 10.0.0.9:18080\nclient [fd00:0:0:0:0:0:0:1]:1\n";
        let open = Open::read(text).unwrap();
        assert_eq!(
            open.sentence(Duration::from_mins(1)),
            "2 connections on 2 old workers still open after 60 s: long requests, or upgraded connections \
             (WebSocket), which will be cut; from 10.0.0.5:4711, [fd00:0:0:0:0:0:0:1]:1; to 10.0.0.9:18080"
        );
        assert_eq!(Open::read("took 12\n"), None);
        assert_eq!(Open::read("left 1\nunseen\n").unwrap().count(), "1 old worker");
    }

    #[test]
    fn of_many_only_some_are_named() {
        let addresses: Vec<String> = (0..10).map(|n| format!("h:{n}")).collect();
        assert!(named(&addresses).ends_with("h:7 and 2 more"), "{}", named(&addresses));
        assert_eq!(named(&["x".repeat(1 << 20)]).len(), LONGEST);
    }
}
