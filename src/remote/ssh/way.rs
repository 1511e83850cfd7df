//! The way to one host: its connection, opened again where it was found dead, and connections that are opened
//! for one script alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio_util::task::TaskTracker;

use super::keys::Keyring;
use super::link::Link;
use super::{Stats, connect, exec, fault, hold, probe};
use crate::model::Endpoint;
use crate::remote::{Answer, Exec, Hold, Output, Probe, RemoteError};

/// What logging in needs; the same for all hosts.
pub(super) struct Logins {
    /// Keys and known hosts.
    pub(super) keyring: Keyring,
    /// How many logins may be under way at once.
    pub(super) starts: Semaphore,
    /// The pause before a silent host is asked whether it is still there.
    pub(super) keepalive: Duration,
}

/// What was opened to a host, over all its connections.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connections: AtomicU32,
    pub(super) sessions: AtomicU32,
    pub(super) forwards: AtomicU32,
}

/// The way to one host.
pub(super) struct Way {
    endpoint: Arc<Endpoint>,
    logins: Arc<Logins>,
    tally: Arc<Tally>,
    /// Held while it is opened again, so that all who found it dead wait for the same one.
    link: Mutex<Arc<Link>>,
    /// Scripts with connections of their own.
    alone: TaskTracker,
}

impl Way {
    /// Connects, and logs in.
    pub(super) async fn open(endpoint: Endpoint, logins: Arc<Logins>) -> Result<Arc<Self>, RemoteError> {
        let (endpoint, tally) = (Arc::new(endpoint), Arc::new(Tally::default()));
        let link = Mutex::new(link(&endpoint, &logins, &tally).await?);
        Ok(Arc::new(Self { endpoint, logins, tally, link, alone: TaskTracker::new() }))
    }

    /// Runs a script to its end.
    pub(super) async fn exec(self: &Arc<Self>, exec: Exec) -> Result<Output, RemoteError> {
        let exec = Arc::new(exec);
        if !exec.fresh {
            return self.on_link(|link| exec::exec(link, Arc::clone(&exec))).await;
        }
        let (answer, result) = oneshot::channel();
        self.alone.spawn(Arc::clone(self).exec_alone(exec, answer));
        result.await.unwrap_or_else(|_| Err(RemoteError::Lost(self.endpoint.host.to_string())))
    }

    /// Asks what listens there.
    pub(super) async fn probe(&self, probe: Probe) -> Result<Answer, RemoteError> {
        self.on_link(|link| probe::probe(link, &probe)).await
    }

    /// Starts a script that stays.
    pub(super) async fn hold(&self, exec: Exec) -> Result<Hold, RemoteError> {
        let exec = Arc::new(exec);
        self.on_link(|link| hold::hold(link, Arc::clone(&exec))).await
    }

    /// What was opened so far.
    pub(super) fn stats(&self) -> Stats {
        Stats {
            connections: self.tally.connections.load(Ordering::Relaxed),
            sessions: self.tally.sessions.load(Ordering::Relaxed),
            forwards: self.tally.forwards.load(Ordering::Relaxed),
        }
    }

    /// Waits a while for what still ends things on the host, then says goodbye.
    pub(super) async fn close(&self) {
        self.alone.close();
        // What does not end in time ends with this program.
        let _ = tokio::time::timeout(Duration::from_secs(10), self.alone.wait()).await;
        self.link.lock().await.close().await;
    }

    /// Does something on the connection. One that is found dead before anything was sent had no part in it:
    /// once, a new one is opened in its place. What was under way when it died stays lost.
    async fn on_link<T, W, F>(&self, work: W) -> Result<T, RemoteError>
    where
        W: Fn(Arc<Link>) -> F,
        F: Future<Output = Result<T, RemoteError>>,
    {
        let link = Arc::clone(&*self.link.lock().await);
        match work(Arc::clone(&link)).await {
            Err(RemoteError::Unreachable { reason, .. }) if link.is_dead() => {
                work(self.reopened(&link, &reason).await?).await
            }
            outcome => outcome,
        }
    }

    async fn reopened(&self, dead: &Arc<Link>, ended: &str) -> Result<Arc<Link>, RemoteError> {
        let mut current = self.link.lock().await;
        if Arc::ptr_eq(&current, dead) {
            tracing::debug!(host = %self.endpoint.host, "the connection ended ({ended}): opening it again");
            let opened = link(&self.endpoint, &self.logins, &self.tally).await;
            *current = opened.map_err(|error| fault::not_again(error, ended))?;
        }
        Ok(Arc::clone(&current))
    }

    /// The deadline holds for the way in as well as for the script. Whoever gave it up waits for nothing, but the
    /// script is ended all the same.
    async fn exec_alone(
        self: Arc<Self>,
        exec: Arc<Exec>,
        mut answer: oneshot::Sender<Result<Output, RemoteError>>,
    ) {
        let opening = tokio::time::timeout(exec.timeout, link(&self.endpoint, &self.logins, &self.tally));
        let opened = tokio::select! {
            opened = opening => opened,
            () = answer.closed() => return,
        };
        let silent = || fault::silent(&self.endpoint, "no new connection", exec.timeout);
        let link = match opened.unwrap_or_else(|_| Err(silent())) {
            Ok(link) => link,
            Err(error) => return drop(answer.send(Err(error))),
        };
        let outcome = tokio::select! {
            outcome = exec::exec(Arc::clone(&link), exec) => Some(outcome),
            () = answer.closed() => None,
        };
        // Nobody waits for the goodbye.
        outcome.map(|outcome| answer.send(outcome));
        link.close().await;
    }
}

async fn link(
    endpoint: &Arc<Endpoint>,
    logins: &Logins,
    tally: &Arc<Tally>,
) -> Result<Arc<Link>, RemoteError> {
    let connection = connect::connect(endpoint, logins).await?;
    tally.connections.fetch_add(1, Ordering::Relaxed);
    Ok(Link::new(Arc::clone(endpoint), connection, Arc::clone(tally)))
}
