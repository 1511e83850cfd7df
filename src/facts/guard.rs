//! What a load balancer knows of a switch that nobody has confirmed.

use serde::{Deserialize, Serialize};

use crate::model::short_saying;

/// A switch that waits for its confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// Whether the load balancer will swap back by itself.
    pub post: Post,
    /// Seconds until then; below zero when it should have.
    pub left: i64,
    /// The run that swapped.
    pub run: String,
    /// When, in UTC.
    pub time: String,
    /// What the link pointed to before; `None`: there was no link.
    pub from: Option<String>,
    /// What it points to since; `None`: it was removed.
    pub to: Option<String>,
}

/// What became of the watcher of a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Post {
    /// It waits, and will act.
    Watched,
    /// The host was rebooted: nothing swaps back.
    Rebooted,
    /// It was ended: nothing swaps back.
    Lost,
}

impl Armed {
    /// Whether it will still swap back.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.post == Post::Watched
    }

    /// What is to be known of it, in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { run, time, left, .. } = self;
        let what = format!("the switch to {} (run {run}, {time})", path(self.to.as_ref()));
        let back = path(self.from.as_ref());
        match self.post {
            Post::Watched => format!(
                "{what} waits for its confirmation: in {} s the load balancer swaps back to {back} by itself",
                (*left).max(0)
            ),
            Post::Rebooted => {
                format!(
                    "{what} was never confirmed, and a reboot kept the load balancer from swapping back to {back}"
                )
            }
            Post::Lost => {
                format!(
                    "{what} was never confirmed, and the watcher that should have swapped back to {back} was ended"
                )
            }
        }
    }
}

/// What a load balancer did by itself because nobody confirmed a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadMan {
    /// When, in UTC.
    pub time: String,
    /// The run that had swapped.
    pub run: String,
    /// The link.
    pub link: String,
    /// Where it points now, if the way back succeeded; `None`: it was removed.
    pub back: Option<String>,
    /// Where the switch had pointed it; `None`: it was removed.
    pub switched_to: Option<String>,
    /// How long nobody confirmed, in ms.
    pub waited_ms: u64,
    /// What came of it.
    pub result: DeadManResult,
    /// What nginx, or the script itself, said.
    pub said: String,
}

/// What came of a swap back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeadManResult {
    /// It was cut off itself.
    Begun,
    /// The link is back, and new workers serve from it.
    Back,
    /// The link is back; that nginx serves from it could not be proved.
    Unproven,
    /// Somebody had changed the link meanwhile: it was left as it was.
    Left,
    /// The link could not be moved.
    Stuck,
}

impl DeadMan {
    /// Reads its file: a field on each line, then what was said.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.splitn(8, '\n');
        let mut next = || lines.next();
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(Self {
            time: next()?.to_owned(),
            run: next()?.to_owned(),
            link: next()?.to_owned(),
            back: given(next()?),
            switched_to: given(next()?),
            waited_ms: next()?.parse().ok()?,
            result: match next()? {
                "begun" => DeadManResult::Begun,
                "back" => DeadManResult::Back,
                "unproven" => DeadManResult::Unproven,
                "left" => DeadManResult::Left,
                "stuck" => DeadManResult::Stuck,
                _ => return None,
            },
            said: next().unwrap_or_default().trim().to_owned(),
        })
    }

    /// What is to be known of it, in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { time, run, .. } = self;
        let back = path(self.back.as_ref());
        let said = self.said.lines().collect::<Vec<_>>().join("; ");
        let why = format!("nobody confirmed the switch of run {run} within {} s", seconds(self.waited_ms));
        match self.result {
            DeadManResult::Back => {
                format!("the load balancer swapped back by itself at {time}, to {back}: {why}")
            }
            DeadManResult::Begun => {
                format!(
                    "the load balancer began to swap back by itself at {time}, to {back}, and was cut off: {why}"
                )
            }
            DeadManResult::Unproven => format!(
                "the load balancer put its link back by itself at {time}, to {back}, but nginx does not prove it ({said}): {why}"
            ),
            DeadManResult::Left => format!(
                "the load balancer would have swapped back by itself at {time}, but {said}; it was left as it is: {why}"
            ),
            DeadManResult::Stuck => {
                format!("the load balancer could not swap back by itself at {time} ({said}): {why}")
            }
        }
    }
}

fn path(path: Option<&String>) -> &str {
    path.map_or("no site", |path| short_saying(path))
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) { (ms / 1000).to_string() } else { format!("{}.{:03}", ms / 1000, ms % 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "2026-11-21T07:00:00Z\nrun 1\n/l\n/sites/a-blue.conf\n/sites/a-green.conf\n30000\n";

    #[test]
    fn a_record_is_read_with_what_was_said() {
        let read = DeadMan::parse(&format!("{FILE}unproven\nnginx does not run\nlook there\n")).unwrap();
        assert_eq!(read.back.as_deref(), Some("/sites/a-blue.conf"));
        assert_eq!(read.switched_to.as_deref(), Some("/sites/a-green.conf"));
        assert_eq!(
            read.sentence(),
            "the load balancer put its link back by itself at 2026-11-21T07:00:00Z, to a-blue.conf, but nginx does \
             not prove it (nginx does not run; look there): nobody confirmed the switch of run run 1 within 30 s"
        );
    }

    #[test]
    fn half_a_record_is_none() {
        assert_eq!(DeadMan::parse(FILE), None);
        assert_eq!(DeadMan::parse(&format!("{FILE}perhaps\n")), None);
    }
}
