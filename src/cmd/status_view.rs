//! What `status` says: one value, for people and for programs.

mod text;

use serde::{Deserialize, Serialize};

use crate::facts::{Container, Facts, Link, Observed, Served};
use crate::model::{AppName, Color, HostName};

/// What is served, what runs where, and whether there is a way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusView {
    /// The app.
    pub app: AppName,
    /// The color that all load balancers serve; `None` where they serve none or disagree.
    pub live: Option<Color>,
    /// The load balancers, in inventory order.
    pub load_balancers: Vec<LoadBalancer>,
    /// The app servers, in inventory order.
    pub app_servers: Vec<AppServer>,
    /// Who holds the lock.
    pub lock: Option<LockInfo>,
    /// The last run.
    pub last_run: Option<LastRun>,
    /// The way back.
    pub rollback: Rollback,
}

/// One load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadBalancer {
    /// Its name.
    pub host: HostName,
    /// The color that its symlink names.
    pub configured: Option<Color>,
    /// The color that it serves.
    pub served: Option<Color>,
    /// What was met where either is null.
    pub trouble: Option<String>,
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
}

/// Whether there is a way back to the other color.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rollback {
    /// Whether there is.
    pub ready: bool,
    /// By which way.
    pub how: Option<How>,
    /// Why, in a sentence.
    pub reason: String,
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

/// What a [`StatusView`] is made of besides what was observed.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// The app.
    pub app: &'a AppName,
    /// The load balancers, in inventory order.
    pub load_balancers: &'a [HostName],
    /// The app servers, in inventory order.
    pub app_servers: &'a [HostName],
    /// Who holds the lock.
    pub lock: Option<LockInfo>,
    /// The last run.
    pub last_run: Option<LastRun>,
}

impl StatusView {
    /// From what was observed. `link_color` tells the color that a load balancer's symlink stands for when
    /// it points there; `project` names a color's compose project.
    #[must_use]
    pub fn new(
        known: Known<'_>,
        observed: &Observed,
        link_color: impl Fn(&HostName, &str) -> Option<Color>,
        project: impl Fn(Color) -> String,
    ) -> Self {
        let balancer = |host: &HostName| load_balancer(host, observed, &link_color);
        let load_balancers: Vec<LoadBalancer> = known.load_balancers.iter().map(balancer).collect();
        let server = |host: &HostName| app_server(host, observed.hosts.get(host), &project);
        let app_servers: Vec<AppServer> = known.app_servers.iter().map(server).collect();
        let live = common(load_balancers.iter().map(|balancer| balancer.served));
        let rollback = rollback(live, &load_balancers, &app_servers);
        let Known { app, lock, last_run, .. } = known;
        Self { app: app.clone(), live, load_balancers, app_servers, lock, last_run, rollback }
    }

    /// Whether load balancers serve different colors: a person is needed.
    #[must_use]
    pub fn disagrees(&self) -> bool {
        let serves = |color| self.load_balancers.iter().any(|balancer| balancer.served == Some(color));
        serves(Color::Blue) && serves(Color::Green)
    }
}

/// The color that all are, if there is one.
fn common(mut colors: impl Iterator<Item = Option<Color>>) -> Option<Color> {
    let first = colors.next()??;
    colors.all(|color| color == Some(first)).then_some(first)
}

fn load_balancer(
    host: &HostName,
    observed: &Observed,
    link_color: impl Fn(&HostName, &str) -> Option<Color>,
) -> LoadBalancer {
    let facts = observed.hosts.get(host);
    let nginx = facts.and_then(|facts| facts.nginx.as_ref());
    let (configured, mut troubles) = match nginx.map(|nginx| &nginx.link) {
        Some(Link::To(target)) => match link_color(host, target) {
            Some(color) => (Some(color), Vec::new()),
            None => (None, vec![format!("the symlink points to {target}, which is neither color's site")]),
        },
        Some(Link::Missing) => (None, vec!["there is no symlink yet".to_owned()]),
        Some(Link::NotALink) => (None, vec!["the symlink's path is something else".to_owned()]),
        None if facts.is_some() => (None, vec!["it did not tell about nginx".to_owned()]),
        None => (None, vec!["it was not asked".to_owned()]),
    };
    let served = match observed.served.get(host) {
        Some(Served::Color(color)) => Some(*color),
        Some(Served::Neither(met)) => {
            troubles.push(format!("serves neither color: {met}"));
            None
        }
        Some(Served::Both) => {
            troubles.push("the verify probe does not tell the colors apart".to_owned());
            None
        }
        None => None,
    };
    if nginx.is_some_and(|nginx| nginx.master.is_none()) {
        troubles.push("nginx does not run".to_owned());
    }
    troubles.extend(facts.into_iter().flat_map(|facts| facts.trouble.iter().cloned()));
    LoadBalancer { host: host.clone(), configured, served, trouble: sentence(&troubles) }
}

fn app_server(host: &HostName, facts: Option<&Facts>, project: impl Fn(Color) -> String) -> AppServer {
    let side = |color| facts.map_or_else(Side::unknown, |facts| Side::of(facts, &project(color)));
    let trouble = facts.map_or_else(|| Some("it was not asked".to_owned()), |facts| sentence(&facts.trouble));
    AppServer { host: host.clone(), blue: side(Color::Blue), green: side(Color::Green), trouble }
}

fn sentence(troubles: &[String]) -> Option<String> {
    (!troubles.is_empty()).then(|| troubles.join("; "))
}

impl Side {
    const fn unknown() -> Self {
        Self { state: State::Unknown, health: None, images: Vec::new() }
    }

    fn of(facts: &Facts, project: &str) -> Self {
        let containers: Vec<&Container> = facts.containers.iter().filter(|c| c.project == project).collect();
        let running = containers.iter().filter(|container| container.state == "running").count();
        let state = match running {
            _ if containers.is_empty() && facts.docker.is_none() => State::Unknown,
            _ if containers.is_empty() => State::Absent,
            0 => State::Stopped,
            all if all == containers.len() => State::Running,
            _ => State::Partial,
        };
        // What a stopped container last said of itself says nothing now.
        let alive = containers.iter().filter(|container| container.state == "running");
        let health = alive.filter_map(|container| container.health.as_deref().map(Health::of)).max();
        let mut images: Vec<String> = containers.iter().map(|container| container.image.clone()).collect();
        images.sort();
        images.dedup();
        Self { state, health, images }
    }

    fn is_well(&self) -> bool {
        self.state == State::Running && self.health.is_none_or(|health| health == Health::Healthy)
    }
}

impl Health {
    fn of(text: &str) -> Self {
        match text {
            "healthy" => Self::Healthy,
            "starting" => Self::Starting,
            _ => Self::Unhealthy,
        }
    }
}

fn rollback(live: Option<Color>, balancers: &[LoadBalancer], servers: &[AppServer]) -> Rollback {
    let not = |reason: String| Rollback { ready: false, how: None, reason };
    let Some(live) = live else {
        let none = balancers.iter().all(|balancer| balancer.served.is_none());
        return not(if none { "no color is live" } else { "the load balancers disagree" }.to_owned());
    };
    let other = live.other();
    if servers.is_empty() {
        return not("there are no app servers".to_owned());
    }
    if let Some(server) = servers.iter().find(|server| server.side(other).state == State::Unknown) {
        return not(format!("{} does not tell what runs there", server.host));
    }
    if let Some(server) = servers.iter().find(|server| server.side(other).state == State::Absent) {
        return not(format!("{other} has no containers on {}", server.host));
    }
    if servers.iter().all(|server| server.side(other).is_well()) {
        let reason = format!("{other} runs on all app servers");
        return Rollback { ready: true, how: Some(How::Flip), reason };
    }
    if let Some(server) = servers.iter().find(|server| server.side(other).health == Some(Health::Unhealthy)) {
        return not(format!("{other} is unhealthy on {}", server.host));
    }
    Rollback { ready: true, how: Some(How::Start), reason: format!("{other} is stopped and can be started") }
}

#[cfg(test)]
mod tests;
