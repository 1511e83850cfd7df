//! What `status` says: one value, for people and for programs.

mod fold;
mod rollback;
mod text;

use serde::{Deserialize, Serialize};

use self::fold::{app_server, common, load_balancer, way_back};
pub use self::rollback::{How, Rollback, Seen};
use crate::facts::Observed;
use crate::model::{AppName, Color, HostName};
use crate::plan::Standing;

/// What is served, what runs where, and whether there is a way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusView {
    /// The app.
    pub app: AppName,
    /// The color that all load balancers serve that could be asked; `None` where they serve none or disagree.
    pub live: Option<Color>,
    /// The load balancers, in inventory order.
    pub load_balancers: Vec<LoadBalancer>,
    /// The app servers, in inventory order.
    pub app_servers: Vec<AppServer>,
    /// Who holds the lock.
    pub lock: Option<LockInfo>,
    /// The last run.
    pub last_run: Option<LastRun>,
    /// Load balancers have something on record of either that cannot be read.
    #[serde(skip)]
    pub unreadable: bool,
    /// The way back.
    pub rollback: Rollback,
    /// Releases that hosts keep for `rollback --to`, the newest first.
    pub releases: Vec<KeptInfo>,
}

/// A kept release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptInfo {
    /// Its id.
    pub release: String,
    /// When it was kept last, as UTC text.
    pub at: String,
}

/// One load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadBalancer {
    /// Its name.
    pub host: HostName,
    /// The color that it is configured for.
    pub configured: Option<Color>,
    /// The color that it serves.
    pub served: Option<Color>,
    /// What was met where either is null.
    pub trouble: Option<String>,
    /// Whether it could be asked; where it could not, the colors are unknown rather than none.
    pub asked: bool,
}

/// One app server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppServer {
    /// Its name.
    pub host: HostName,
    /// Its blue side.
    pub blue: Side,
    /// Its green side.
    pub green: Side,
    /// What it could not tell.
    pub trouble: Option<String>,
}

impl AppServer {
    /// The side of a color.
    #[must_use]
    pub const fn side(&self, color: Color) -> &Side {
        match color {
            Color::Blue => &self.blue,
            Color::Green => &self.green,
        }
    }
}

/// One color on one app server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Side {
    /// What its containers do.
    pub state: State,
    /// What they say of themselves; `None` where none has a HEALTHCHECK.
    pub health: Option<Health>,
    /// The images that they were made from, each once.
    pub images: Vec<String>,
}

/// What the containers of a side do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All run.
    Running,
    /// Some run.
    Partial,
    /// None runs.
    Stopped,
    /// There is none.
    Absent,
    /// The host did not tell.
    Unknown,
}

/// The worst of what containers say of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// All that can tell are healthy.
    Healthy,
    /// One does not know yet.
    Starting,
    /// One is ill.
    Unhealthy,
}

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockInfo {
    /// `user@machine`.
    pub by: String,
    /// Since when, as UTC text.
    pub since: String,
    /// In which phase, if in one.
    pub phase: Option<String>,
    /// In which run.
    pub run: String,
}

/// The last run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Its id.
    pub run: String,
    /// `user@machine`.
    pub by: String,
    /// When it began, as UTC text.
    pub at: String,
    /// The command as typed after `bgctl`.
    pub command: String,
    /// How it ended; `None`: it has not, or nobody wrote it down.
    pub outcome: Option<String>,
    /// Its release.
    pub release: Option<String>,
    /// Whether it must be finished or taken back before anything else, unless it is under way.
    pub unfinished: bool,
    /// The phase that it was in, where it is unfinished.
    pub reached: Option<String>,
    /// Whether it can be gone on with, where it is unfinished, rather than only taken back.
    pub can_resume: bool,
}

/// What a [`StatusView`] is made of besides what was observed.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// The app.
    pub app: &'a AppName,
    /// What the load balancers are configured for and serve, in inventory order.
    pub load_balancers: &'a [Standing],
    /// The app servers, in inventory order.
    pub app_servers: &'a [HostName],
    /// Who holds the lock.
    pub lock: Option<LockInfo>,
    /// The last run.
    pub last_run: Option<LastRun>,
    /// Load balancers have something on record of either that cannot be read.
    pub unreadable: bool,
    /// App servers whose files can bring a color up that has no containers.
    pub kept: Vec<(HostName, Color)>,
    /// The color that holds a release which never was live.
    pub never_live: Option<Color>,
}

impl StatusView {
    /// From what was observed; `project` names a color's compose project.
    #[must_use]
    pub fn new(known: Known<'_>, observed: &Observed, project: impl Fn(Color) -> String) -> Self {
        let balancer = |standing: &Standing| load_balancer(standing, observed);
        let load_balancers: Vec<LoadBalancer> = known.load_balancers.iter().map(balancer).collect();
        let server = |host: &HostName| app_server(host, observed.hosts.get(host), &project);
        let app_servers: Vec<AppServer> = known.app_servers.iter().map(server).collect();
        let asked = load_balancers.iter().filter(|balancer| balancer.asked);
        let live = common(asked.map(|balancer| balancer.served));
        let rollback = way_back(live, &load_balancers, &app_servers, &known.kept, known.never_live);
        let Known { app, lock, last_run, unreadable, .. } = known;
        Self {
            app: app.clone(),
            live,
            load_balancers,
            app_servers,
            lock,
            last_run,
            unreadable,
            rollback,
            releases: Vec::new(),
        }
    }

    /// Whether load balancers serve different colors, or one of them neither: a person is needed.
    #[must_use]
    pub fn disagrees(&self) -> bool {
        let asked = self.load_balancers.iter().filter(|balancer| balancer.asked);
        let mut colors = asked.map(|balancer| balancer.served.or(balancer.configured));
        colors.next().is_some_and(|first| colors.any(|color| color != first))
    }
}

#[cfg(test)]
mod tests;
