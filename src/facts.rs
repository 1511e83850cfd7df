//! What is true on the hosts now.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use crate::model::Compose;
use crate::model::{Color, HostName, Image, KeptRelease, Key, ReleaseId};

mod guard;
mod questions;
mod read;
mod subject;

pub use guard::{Armed, DeadMan, DeadManResult, Post};
pub use questions::Questions;
pub use read::{Answered, BadAnswer, SCRIPT, read};

/// What one host says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Its own name, kernel, architecture, operating system: what `when` may ask for as `facts.…`.
    pub system: BTreeMap<String, String>,
    /// The files that were asked about.
    pub files: BTreeMap<String, File>,
    /// Of the paths that were asked about, those that exist.
    pub existing: BTreeSet<String>,
    /// Docker's version, where it answers.
    pub docker: Option<String>,
    /// Which compose there is.
    pub compose: Option<Compose>,
    /// The images that were asked about, as far as they are there.
    pub images: BTreeMap<String, Image>,
    /// The containers of the projects that were asked about.
    pub containers: Vec<Container>,
    /// nginx, where it was asked about.
    pub nginx: Option<Nginx>,
    /// What the switch's `detect` printed, on a load balancer that is switched by commands.
    #[serde(default)]
    pub detected: Option<Detected>,
    /// The app's lock and last run, on a load balancer.
    pub records: Records,
    /// Releases that it keeps, and when each was kept, in seconds of Unix time.
    pub kept: Vec<(ReleaseId, i64)>,
    /// Questions that the host could not answer: what was asked, and what it said.
    pub trouble: Vec<String>,
}

impl Facts {
    /// Also what somebody else was told there, who was asked for other things: the switch, and the app's state.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.files.extend(more.files);
        let trouble =
            more.trouble.into_iter().filter(|what| !self.trouble.contains(what)).collect::<Vec<_>>();
        self.trouble.extend(trouble);
        let Self { nginx, detected, records, kept, .. } = more;
        Self { nginx, detected, records, kept, ..self }
    }
}

/// A file on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum File {
    /// There is none. Folders that lack as well, innermost first.
    Missing {
        /// Those folders.
        folders: Vec<String>,
    },
    /// A regular file.
    Present {
        /// Octal digits, as `0644`.
        mode: String,
        /// Whose it is.
        owner: Owner,
        /// Which group's it is.
        group: Owner,
        /// Its bytes.
        content: Vec<u8>,
    },
    /// Something else, or unreadable, or over 1 MiB: in words.
    Odd(String),
}

/// A user or a group: by name, and by the number that stands for it on its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The name; `UNKNOWN` where the number has none.
    pub name: String,
    /// The number.
    pub id: String,
}

impl Owner {
    /// Whether this is who a playbook means, by name or by number.
    #[must_use]
    pub fn is(&self, wanted: &str) -> bool {
        self.name == wanted || self.id == wanted
    }

    /// Whoever this text names: the number where it is one, else the name.
    #[must_use]
    pub fn named(text: &str) -> Self {
        Self { name: text.to_owned(), id: text.to_owned() }
    }
}

/// One container of a compose project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The project's name.
    pub project: String,
    /// The service's name.
    pub service: String,
    /// The image as the compose file names it.
    pub image: String,
    /// The id of the image that it was made from.
    pub image_id: String,
    /// The id that the image's name stands for on this host now.
    pub tag_id: Option<String>,
    /// `running`, `exited`, …
    pub state: String,
    /// Docker's HEALTHCHECK: `healthy`, `unhealthy`, `starting`; `None` without one.
    pub health: Option<String>,
}

impl Container {
    /// Whether it runs and does not say that it is ill. One that was just created says `starting` for a few
    /// seconds: that is no change, and no proof; traffic moves by the playbook's own checks.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.state == "running" && self.health.as_deref().is_none_or(|health| health != "unhealthy")
    }
}

/// What a load balancer keeps of the app's runs: texts as bgctl wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Records {
    /// Who holds the lock, where somebody does.
    pub holder: Option<String>,
    /// The last run's record, where there is one.
    pub last_run: Option<String>,
    /// The plan of the run that is under way or was left, where it was asked for.
    pub plan: Option<String>,
    /// Records of runs that ended, oldest first, where they were asked for.
    pub history: Vec<String>,
    /// A switch that waits for its confirmation, where one does.
    pub armed: Option<Armed>,
    /// What the load balancer did by itself since the last switch that was confirmed.
    pub dead_man: Option<DeadMan>,
    /// Why none of this may be read, where there is something that may not.
    #[serde(default)]
    pub closed: Option<String>,
    /// The app's key, once a run has made one.
    #[serde(skip)]
    pub key: Option<Key>,
}

/// What a command said that tells the live color.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detected {
    /// Its exit status.
    pub status: i32,
    /// The first line of its stdout; of its stderr, where it failed.
    pub said: String,
}

/// nginx on a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nginx {
    /// Its version.
    pub version: String,
    /// The master's process id, where it runs.
    pub master: Option<u32>,
    /// What the site's path is.
    pub link: Link,
}

/// A path as a symlink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// There is none.
    Missing,
    /// It points there, as `readlink` says.
    To(String),
    /// The path is something else.
    NotALink,
}

/// What a load balancer serves, as the verify probe sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Served {
    /// The color whose proof the answer bears.
    Color(Color),
    /// Neither: what was met instead.
    Neither(String),
    /// Both: the verify probe does not tell the colors apart.
    Both,
}

/// What is true of the fleet now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Observed {
    /// Of each host that was asked.
    pub hosts: BTreeMap<HostName, Facts>,
    /// Of each load balancer.
    pub served: BTreeMap<HostName, Served>,
    /// The release that is to be staged again, where one is.
    pub kept: Option<KeptRelease>,
    /// What hashes of secrets are made with: the key that the load balancers keep, or who asked them made.
    #[serde(skip)]
    pub key: Key,
}
