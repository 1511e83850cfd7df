//! One host's connection, and the channels on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use russh::client::{Handle, Msg};
use russh::{Channel, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Disconnect};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::connect::LoggedIn;
use super::fault;
use super::handler::{Client, Farewell};
use super::way::Tally;
use crate::model::Endpoint;
use crate::remote::RemoteError;

/// Two below OpenSSH's `MaxSessions` of 10: room for ending what the others run.
const SESSIONS: usize = 8;

/// A logged-in connection.
pub(super) struct Link {
    handle: Handle<Client>,
    farewell: Farewell,
    endpoint: Arc<Endpoint>,
    sessions: Arc<Semaphore>,
    /// One end of a process group at a time, so that they never use up the sessions themselves.
    pub(super) kills: Semaphore,
    /// Set once the server has forbidden forwarding.
    pub(super) no_forwarding: OnceCell<()>,
    /// Everything that works on this connection; nothing of it outlives `close`.
    pub(super) tasks: TaskTracker,
    /// Set once nothing could be opened on it any more.
    dead: AtomicBool,
    tally: Arc<Tally>,
}

/// A session channel that is closed when it is dropped, and with it its place under `MaxSessions`.
pub(super) struct Session {
    /// Its incoming half.
    pub(super) reader: ChannelReadHalf,
    /// Its outgoing half.
    pub(super) writer: Arc<ChannelWriteHalf<Msg>>,
    tasks: TaskTracker,
    closed: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Link {
    /// Takes over a connection.
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        LoggedIn { handle, farewell }: LoggedIn,
        tally: Arc<Tally>,
    ) -> Arc<Self> {
        Arc::new(Self {
            handle,
            farewell,
            endpoint,
            sessions: Arc::new(Semaphore::new(SESSIONS)),
            kills: Semaphore::new(1),
            no_forwarding: OnceCell::new(),
            tasks: TaskTracker::new(),
            dead: AtomicBool::new(false),
            tally,
        })
    }

    /// A place among the sessions that may be open at a time.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.sessions).acquire_owned().await.ok()
    }

    /// Opens a session by a deadline. A connection that is silent may well be dead, but nobody knows yet.
    pub(super) async fn session(
        self: &Arc<Self>,
        permit: Option<OwnedSemaphorePermit>,
        deadline: Instant,
    ) -> Result<Session, RemoteError> {
        let (began, (opened, result)) = (Instant::now(), oneshot::channel());
        let on = Arc::clone(self);
        // A task, because it must not be dropped half-way: a channel that is opened for nobody would never be
        // closed. One that comes too late is closed where it falls.
        self.tasks.spawn(async move { drop(opened.send(on.open(permit, deadline).await)) });
        match tokio::time::timeout_at(deadline, result).await {
            Ok(outcome) => outcome.unwrap_or_else(|_| Err(self.lost())),
            Err(_) => Err(fault::silent(&self.endpoint, "no session opened", deadline - began)),
        }
    }

    /// Opens a session, again and again until `deadline` where the server has none free.
    async fn open(
        &self,
        permit: Option<OwnedSemaphorePermit>,
        deadline: Instant,
    ) -> Result<Session, RemoteError> {
        let mut pause = Duration::from_millis(20);
        loop {
            match self.handle.channel_open_session().await {
                Ok(channel) => {
                    self.tally.sessions.fetch_add(1, Ordering::Relaxed);
                    return Ok(Session::new(channel, permit, self.tasks.clone()));
                }
                Err(russh::Error::ChannelOpenFailure(
                    ChannelOpenFailure::ConnectFailed | ChannelOpenFailure::ResourceShortage,
                )) if Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
                Err(russh::Error::ChannelOpenFailure(why)) => {
                    return Err(RemoteError::Refused(format!(
                        "{} opens no session ({why:?}): raise MaxSessions in its sshd_config, or look for \
                         sessions that never end",
                        self.endpoint.host
                    )));
                }
                Err(error) => return Err(self.gone(&error)),
            }
        }
    }

    /// Opens a connection from the host to an address it can reach.
    pub(super) async fn forward(&self, host: String, port: u16) -> Result<Channel<Msg>, russh::Error> {
        self.tally.forwards.fetch_add(1, Ordering::Relaxed);
        self.handle.channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0).await
    }

    /// The error for a connection that was found dead before anything was sent.
    pub(super) fn gone(&self, error: &russh::Error) -> RemoteError {
        self.dead.store(true, Ordering::Relaxed);
        let reason = self.farewell.reason().unwrap_or_else(|| fault::lost(error));
        let hint = "the connection ended earlier in this run; is the host still up?".to_owned();
        fault::unreachable(&self.endpoint, &reason, hint)
    }

    /// The error for a connection that ended under a script.
    pub(super) fn lost(&self) -> RemoteError {
        let reason = self.farewell.reason().unwrap_or_else(|| "no exit status came".to_owned());
        RemoteError::Lost(format!("{}: {reason}", self.endpoint.host))
    }

    /// Whether nothing can be opened on it any more.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Waits a while for what still ends things on the host, then says goodbye.
    pub(super) async fn close(&self) {
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(10), self.tasks.wait()).await;
        // An error means that the other side was faster.
        let _ = self.handle.disconnect(Disconnect::ByApplication, "done", "en").await;
    }
}

impl Session {
    fn new(channel: Channel<Msg>, permit: Option<OwnedSemaphorePermit>, tasks: TaskTracker) -> Self {
        let (reader, writer) = channel.split();
        Self { reader, writer: Arc::new(writer), tasks, closed: false, _permit: permit }
    }

    /// To be called when the server has closed the channel, which needs no answer from here.
    pub(super) fn was_closed(&mut self) {
        self.closed = true;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.closed || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let writer = Arc::clone(&self.writer);
        self.tasks.spawn(async move {
            // An error means that the whole connection is gone.
            let _ = writer.close().await;
        });
    }
}
