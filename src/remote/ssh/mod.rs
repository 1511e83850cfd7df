//! Real hosts, over SSH: one connection each, channels side by side on it.
//!
//! The only place that names russh. [`SshFleet::connect`] opens all connections before anything is done, so
//! that every refused key and every dead host can be shown at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use tokio::sync::Semaphore;

use super::{Answer, Exec, Hold, Output, Probe, Remote, RemoteError};
use crate::model::{Endpoint, HostName};
use keys::Keyring;
use way::{Logins, Way};

mod auth;
mod connect;
mod exec;
mod fault;
mod forward;
mod handler;
mod hold;
mod host_key;
mod keys;
mod known_hosts;
mod link;
mod output;
mod payload;
mod probe;
mod quote;
mod tls;
mod tls_fault;
mod way;

pub use known_hosts::verdict;

/// What holds for all hosts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The agent's socket (`SSH_AUTH_SOCK`), where there is one.
    pub agent_socket: Option<PathBuf>,
    /// How many logins may be under way at once.
    pub starts: usize,
    /// A host that says nothing for this long is asked whether it is still there. After three unanswered
    /// questions the connection is dead: a network that drops everything is noticed after four times this.
    pub keepalive: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        // Four times this is less than the 30 s after which an app's lock is free for others.
        Self { agent_socket: None, starts: 30, keepalive: Duration::from_secs(5) }
    }
}

/// What was opened to one host so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Connections: one once it was let in, and those that were opened again or for one script alone.
    pub connections: u32,
    /// Session channels, those that ended a script included.
    pub sessions: u32,
    /// Forwarded connections, for probes.
    pub forwards: u32,
}

/// Connections to a set of hosts.
pub struct SshFleet {
    hosts: BTreeMap<HostName, Result<Arc<Way>, RemoteError>>,
}

impl SshFleet {
    /// Connects to all hosts side by side and waits until each is in or has failed. The errors are in the
    /// order of the endpoints; a host that failed answers every later call with its error.
    pub async fn connect(
        endpoints: Vec<Endpoint>,
        settings: Settings,
    ) -> (Self, Vec<(HostName, RemoteError)>) {
        let keyring = Keyring::load(&endpoints, settings.agent_socket).await;
        let starts = Semaphore::new(settings.starts.max(1));
        let logins = Arc::new(Logins { keyring, starts, keepalive: settings.keepalive });
        let connecting = endpoints.into_iter().map(|endpoint| {
            let logins = Arc::clone(&logins);
            async move { (endpoint.host.clone(), Way::open(endpoint, logins).await) }
        });
        let outcomes = join_all(connecting).await;
        let failed = outcomes
            .iter()
            .filter_map(|(host, outcome)| Some((host.clone(), outcome.as_ref().err()?.clone())))
            .collect();
        (Self { hosts: outcomes.into_iter().collect() }, failed)
    }

    /// What was opened so far, by host.
    #[must_use]
    pub fn stats(&self) -> BTreeMap<HostName, Stats> {
        let stats = |way: &Result<Arc<Way>, _>| way.as_ref().map(|way| way.stats()).unwrap_or_default();
        self.hosts.iter().map(|(host, way)| (host.clone(), stats(way))).collect()
    }

    /// Ends all connections politely: what is still being ended on the hosts is waited for, ten seconds at
    /// most. A [`Hold`] that is still alive is waited for, too: drop it first.
    pub async fn close(self) {
        join_all(self.hosts.values().filter_map(|way| way.as_ref().ok()).map(|way| way.close())).await;
    }

    fn way(&self, host: &HostName) -> Result<&Arc<Way>, RemoteError> {
        match self.hosts.get(host) {
            Some(Ok(way)) => Ok(way),
            Some(Err(error)) => Err(error.clone()),
            None => Err(RemoteError::Refused(format!("{host} is not among the connected hosts"))),
        }
    }
}

impl Remote for SshFleet {
    fn exec<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Output, RemoteError>> {
        async move {
            let began = Instant::now();
            // Every script begins with a comment that says what it does.
            let does = exec.script.lines().next().unwrap_or_default().trim_start_matches("# ");
            let result = self.way(host)?.exec(exec).await;
            let status = result.as_ref().map(|output| output.status);
            tracing::debug!(%host, ?status, took = ?began.elapsed(), "{does}");
            result
        }
        .boxed()
    }

    fn probe<'a>(&'a self, host: &'a HostName, probe: Probe) -> BoxFuture<'a, Result<Answer, RemoteError>> {
        async move { self.way(host)?.probe(probe).await }.boxed()
    }

    fn hold<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Hold, RemoteError>> {
        async move { self.way(host)?.hold(exec).await }.boxed()
    }
}
