//! What one host in memory is like.

use std::collections::{BTreeMap, BTreeSet};

use super::guard::Guard;

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
    /// Networks of compose projects, by the project's name.
    pub networks: BTreeSet<String>,
    /// Docker is there.
    pub docker: bool,
    /// nginx, where it runs.
    pub nginx: Option<Nginx>,
    /// A command in a container that holds this word exits with 1.
    pub refuses: Option<String>,
    /// Images whose health check answers 503.
    pub ill: BTreeSet<String>,
    /// Names of images that stand for another id here than elsewhere: a tag that moved.
    pub moved: BTreeMap<String, String>,
    /// Images that were pulled, loaded or built here, by name.
    pub images: BTreeMap<String, String>,
    /// What its registry wants before it gives an image; `None`: nothing.
    pub registry_password: Option<String>,
    /// Nobody but itself reaches what listens here.
    pub walled: bool,
    /// Kept releases by their folder: when each was kept, and its text.
    pub kept: BTreeMap<String, (i64, String)>,
    /// Programs that were run, in order; one that ran in a container has its image in front.
    pub ran: Vec<Vec<String>>,
    /// The group that shares its folders of state: scripts that work there must know it.
    pub state_group: Option<String>,
    /// The last run's record, by the lock's folder.
    pub last_runs: BTreeMap<String, String>,
    /// The plan of the run that is under way or was left, by the lock's folder.
    pub plans: BTreeMap<String, String>,
    /// The app's key, by the lock's folder.
    pub keys: BTreeMap<String, String>,
    /// Records of runs that ended, by the lock's folder.
    pub histories: BTreeMap<String, Vec<String>>,
    /// The last switch that was not taken back, by the lock's folder.
    pub guards: BTreeMap<String, Guard>,
    /// What the dead-man did since the last switch that was confirmed, as its file says, by the lock's folder.
    pub dead_men: BTreeMap<String, String>,
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
    /// Requests and errors in its access log before a switch; `None`: it cannot be read.
    pub before: Option<(u32, u32)>,
    /// The same after it, for as long as a site with this text in it is served.
    pub after: Option<(String, u32, u32)>,
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

    /// Why a script may not work in a folder of state.
    pub(super) fn refuses_state(&self, script: &str, env: &[(String, String)]) -> Option<&'static str> {
        let told = env.iter().find(|(name, _)| name == "BGCTL_STATE_GROUP").map(|(_, group)| group);
        let works_there = matches!(script, "lock" | "swap" | "confirm" | "keep" | "kept" | "watch");
        (works_there && told != self.state_group.as_ref()).then_some("the folder of state is another group's")
    }

    /// The id that an image's name stands for here.
    pub(super) fn image_id(&self, image: &str) -> String {
        self.moved
            .get(image)
            .or_else(|| self.images.get(image))
            .cloned()
            .unwrap_or_else(|| format!("sha256:{image}"))
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
