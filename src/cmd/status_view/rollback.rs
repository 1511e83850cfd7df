//! Whether there is a way back to the other color.

use serde::Serialize;

use crate::paint::{Paint, one_line};

/// Whether there is a way back to the other color.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rollback {
    /// Whether there is.
    pub ready: bool,
    /// By which way.
    pub how: Option<How>,
    /// Why, in a sentence.
    pub reason: String,
    /// What load balancers meet there; `None`: they were not asked.
    pub seen: Option<Seen>,
    /// The release that it would go back to, where a record tells.
    pub release: Option<String>,
}

/// A way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The other color runs: only traffic moves.
    Flip,
    /// The other color's containers are started first.
    Start,
}

/// What load balancers meet where traffic would go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// Every app server answers every load balancer as it should.
    Healthy,
    /// One does not.
    Unhealthy,
    /// Nobody can tell: no health check is `from: load_balancers`, or the color is started first.
    Unknown,
}

impl How {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flip => "flip",
            Self::Start => "start",
        }
    }
}

impl Rollback {
    pub(super) fn no(reason: String) -> Self {
        Self { ready: false, how: None, reason, seen: None, release: None }
    }

    pub(super) fn by(how: How, reason: String) -> Self {
        Self { ready: true, how: Some(how), reason, seen: None, release: None }
    }

    /// Where the hosts could not be asked.
    #[must_use]
    pub fn unknown() -> Self {
        Self::no("not all hosts could be asked".to_owned())
    }

    /// There is none after all.
    pub fn not_ready(&mut self, reason: String) {
        *self = Self { release: self.release.take(), ..Self::no(reason) };
    }

    /// Which release it would go back to, and which one is live.
    pub fn to_release(&mut self, release: Option<String>, live: Option<&String>) {
        if self.ready && release.is_some() && release.as_ref() == live {
            self.reason.push_str(", with the release that is live");
        }
        self.release = release;
    }

    /// What the load balancers met, and where that was not good.
    pub fn seen(&mut self, (seen, trouble): (Seen, Option<String>)) {
        match seen {
            Seen::Healthy => self.reason.push_str(", and answers every load balancer"),
            Seen::Unknown if self.how == Some(How::Flip) => {
                self.reason.push_str("; what load balancers meet there is not known");
            }
            Seen::Unknown | Seen::Unhealthy => {}
        }
        if let Some(trouble) = trouble {
            self.not_ready(trouble);
        }
        self.seen = Some(seen);
    }

    /// For a person. `selection` is what selects the same app in the command that is offered.
    #[must_use]
    pub fn text(&self, selection: &str, paint: Paint) -> String {
        let reason = one_line(&self.reason);
        let release = self
            .release
            .as_ref()
            .map(|release| format!(" (release {})", one_line(release)))
            .unwrap_or_default();
        let command = || paint.cyan(format!("bgctl rollback {selection}"));
        match self.how {
            Some(How::Flip) => format!("{}: {reason}{release}; {}", paint.green("ready"), command()),
            Some(How::Start) => {
                format!("{}: {reason}{release}; {}", paint.green("ready after a start"), command())
            }
            None => format!("{}: {reason}", paint.yellow("not ready")),
        }
    }
}
