//! Real hosts, over SSH: one connection each, channels side by side on it.
//!
//! The only place that names russh. [`SshFleet::connect`] opens all connections before anything is done, so
//! that every refused key and every dead host can be shown at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use tokio::sync::Semaphore;

use super::{Answer, Exec, Hold, Output, Probe, Remote, RemoteError};
use crate::model::{Endpoint, HostName};
use keys::Keyring;
use link::Link;

mod auth;
mod connect;
mod exec;
mod fault;
mod forward;
mod hold;
mod host_key;
mod keys;
mod known_hosts;
mod link;
mod output;
mod payload;
mod probe;
mod quote;

/// What holds for all hosts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The agent's socket (`SSH_AUTH_SOCK`), where there is one.
    pub agent_socket: Option<PathBuf>,
    /// How many logins may be under way at once.
    pub starts: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { agent_socket: None, starts: 30 }
    }
}

/// What was opened to one host so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Connections: one, once it was let in.
    pub connections: u32,
    /// Session channels, those that ended a script included.
    pub sessions: u32,
    /// Forwarded connections, for probes.
    pub forwards: u32,
}

/// Connections to a set of hosts.
pub struct SshFleet {
    hosts: BTreeMap<HostName, Result<Arc<Link>, RemoteError>>,
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
        let (keyring, starts) = (&keyring, &starts);
        let connecting = endpoints.into_iter().map(|endpoint| async move {
            let connected = connect::connect(&endpoint, keyring, starts).await;
            (endpoint.host.clone(), connected.map(|connection| Link::new(endpoint, connection)))
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
        let stats = |link: &Result<Arc<Link>, _>| link.as_ref().map(|link| link.stats()).unwrap_or_default();
        self.hosts.iter().map(|(host, link)| (host.clone(), stats(link))).collect()
    }

    /// Ends all connections politely: what is still being ended on the hosts is waited for, ten seconds at
    /// most. A [`Hold`] that is still alive is waited for, too: drop it first.
    pub async fn close(self) {
        join_all(self.hosts.values().filter_map(|link| link.as_ref().ok()).map(|link| link.close())).await;
    }

    fn link(&self, host: &HostName) -> Result<&Arc<Link>, RemoteError> {
        match self.hosts.get(host) {
            Some(Ok(link)) => Ok(link),
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
            let result = exec::exec(self.link(host)?, exec).await;
            let status = result.as_ref().map(|output| output.status);
            tracing::debug!(%host, ?status, took = ?began.elapsed(), "{does}");
            result
        }
        .boxed()
    }

    fn probe<'a>(&'a self, host: &'a HostName, probe: Probe) -> BoxFuture<'a, Result<Answer, RemoteError>> {
        async move { probe::probe(self.link(host)?, probe).await }.boxed()
    }

    fn hold<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Hold, RemoteError>> {
        async move { hold::hold(self.link(host)?, exec).await }.boxed()
    }
}
