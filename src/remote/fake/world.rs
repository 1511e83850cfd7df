//! What one host in memory is like.

use std::collections::{BTreeMap, BTreeSet};

/// One host. Two of them are equal when nobody could tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct World {
    /// Regular files by path.
    pub files: BTreeMap<String, File>,
    /// Folders; those of the system are there without being listed.
    pub folders: BTreeSet<String>,
    /// Symlinks: path and text.
    pub links: BTreeMap<String, String>,
    /// Compose projects that have containers, by name.
    pub projects: BTreeMap<String, Project>,
    /// Docker is there.
    pub docker: bool,
    /// nginx, where it runs.
    pub nginx: Option<Nginx>,
    /// Images whose health check answers 503.
    pub ill: BTreeSet<String>,
    /// Programs that were run, in order.
    pub ran: Vec<Vec<String>>,
    /// The last run's record, by the lock's folder.
    pub last_runs: BTreeMap<String, String>,
}

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Octal digits.
    pub mode: String,
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
}

/// A compose project's one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its image, as the compose file named it when it came up.
    pub image: String,
    /// The port that it publishes.
    pub port: u16,
    /// Whether it runs.
    pub running: bool,
}

/// nginx as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nginx {
    /// The site's text that its workers hold in memory.
    pub loaded: Option<String>,
    /// It takes a reload and keeps its old configuration, as with a port that another process has.
    pub stubborn: bool,
    /// `nginx -t` refuses a configuration with this text in it.
    pub refuses: Option<String>,
}

impl World {
    /// A host with Docker and Compose.
    #[must_use]
    pub fn app_server() -> Self {
        Self { docker: true, ..Self::default() }
    }

    /// A host on which nginx runs, without any site.
    #[must_use]
    pub fn load_balancer() -> Self {
        Self { nginx: Some(Nginx::default()), ..Self::default() }
    }

    /// Whether an app listens on a port, and is well.
    pub(super) fn app_at(&self, port: u16) -> Option<bool> {
        let project = self.projects.values().find(|project| project.running && project.port == port)?;
        Some(!self.ill.contains(&project.image))
    }

    /// The text of the site that nginx serves on a port.
    pub(super) fn site_at(&self, port: u16) -> Option<&str> {
        let site = self.nginx.as_ref()?.loaded.as_deref()?;
        [' ', ';'].iter().any(|end| site.contains(&format!("listen {port}{end}"))).then_some(site)
    }
}
