//! From what was observed to what is said of it.

use super::{AppServer, Health, How, LoadBalancer, Rollback, Side, State};
use crate::facts::{Armed, Container, DeadMan, Facts, Observed, Served};
use crate::model::{Color, HostName};
use crate::plan::Standing;

/// The color that all are, if there is one.
pub(super) fn common(mut colors: impl Iterator<Item = Option<Color>>) -> Option<Color> {
    let first = colors.next()??;
    colors.all(|color| color == Some(first)).then_some(first)
}

pub(super) fn load_balancer(standing: &Standing, observed: &Observed) -> LoadBalancer {
    let host = &standing.host;
    let facts = observed.hosts.get(host);
    let mut troubles: Vec<String> = standing.odd.iter().cloned().collect();
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
    if facts.and_then(|facts| facts.nginx.as_ref()).is_some_and(|nginx| nginx.master.is_none()) {
        troubles.push("nginx does not run".to_owned());
    }
    troubles.extend(facts.into_iter().flat_map(|facts| facts.trouble.iter().cloned()));
    if let Some(records) = facts.map(|facts| &facts.records) {
        troubles.extend(records.armed.as_ref().map(Armed::sentence));
        troubles.extend(records.dead_man.as_ref().map(DeadMan::sentence));
    }
    LoadBalancer {
        host: host.clone(),
        configured: standing.configured,
        served,
        trouble: sentence(&troubles),
        asked: facts.is_some() || served.is_some(),
    }
}

pub(super) fn app_server(
    host: &HostName,
    facts: Option<&Facts>,
    project: impl Fn(Color) -> String,
) -> AppServer {
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

pub(super) fn way_back(
    live: Option<Color>,
    balancers: &[LoadBalancer],
    servers: &[AppServer],
    kept: &[(HostName, Color)],
    never_live: Option<Color>,
) -> Rollback {
    let not = Rollback::no;
    if let Some(balancer) = balancers.iter().find(|balancer| !balancer.asked) {
        return not(format!("{} was not asked", balancer.host));
    }
    let Some(live) = live else {
        let none = balancers.iter().all(|balancer| balancer.served.is_none());
        return not(if none { "no color is live" } else { "the load balancers disagree" }.to_owned());
    };
    let other = live.other();
    if never_live == Some(other) {
        return not(format!("{other} holds a release that never was live"));
    }
    if servers.is_empty() {
        return not("there are no app servers".to_owned());
    }
    if let Some(server) = servers.iter().find(|server| server.side(other).state == State::Unknown) {
        return not(format!("{} does not tell what runs there", server.host));
    }
    let mut absent = servers.iter().filter(|server| server.side(other).state == State::Absent).peekable();
    let some_are_absent = absent.peek().is_some();
    let is_lost =
        |server: &&AppServer| !kept.iter().any(|(host, color)| *host == server.host && *color == other);
    if let Some(server) = absent.find(is_lost) {
        return not(format!("{other} has no containers on {}", server.host));
    }
    if servers.iter().all(|server| server.side(other).is_well()) {
        let reason = format!("{other} runs on all app servers");
        return Rollback::by(How::Flip, reason);
    }
    if let Some(server) = servers.iter().find(|server| server.side(other).health == Some(Health::Unhealthy)) {
        return not(format!("{other} is unhealthy on {}", server.host));
    }
    if servers.iter().all(|server| server.side(other).state == State::Running) {
        let reason = format!("{other} runs on all app servers; Docker does not know its health yet");
        return Rollback::by(How::Flip, reason);
    }
    let state =
        if some_are_absent { "is down and can be brought up" } else { "is stopped and can be started" };
    Rollback::by(How::Start, format!("{other} {state}"))
}
