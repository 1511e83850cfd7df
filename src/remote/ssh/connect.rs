//! From an endpoint to a connection that is logged in, within one deadline.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use russh::client::{Config, Handle, connect_stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::auth::{self, AuthError};
use super::fault;
use super::handler::{Client, Farewell, Fault, Proof};
use super::host_key::HostKey;
use super::way::Logins;
use crate::model::Endpoint;
use crate::remote::RemoteError;

/// Further attempts after a drop before the banner, which says nothing but "not now".
const BANNER_RETRIES: u32 = 4;

/// A connection that is logged in.
pub(super) struct LoggedIn {
    /// russh's end of it.
    pub(super) handle: Handle<Client>,
    /// Why it ended, once it has.
    pub(super) farewell: Farewell,
}

/// How an attempt failed.
enum Failed {
    /// For good.
    Final(RemoteError),
    /// Closed before the banner: another attempt may do better.
    BeforeBanner(RemoteError),
    /// Dropped before the login ended: worth `Endpoint::retries`.
    Dropped(RemoteError),
}

/// Connects and logs in.
pub(super) async fn connect(endpoint: &Endpoint, logins: &Logins) -> Result<LoggedIn, RemoteError> {
    let mut attempt = 0;
    loop {
        let outcome = {
            let _start = logins.starts.acquire().await;
            try_connect(endpoint, logins).await
        };
        let (error, allowed) = match outcome {
            Ok(connection) => return Ok(connection),
            Err(Failed::Final(error)) => return Err(error),
            Err(Failed::BeforeBanner(error)) => (error, endpoint.retries.max(BANNER_RETRIES)),
            Err(Failed::Dropped(error)) => (error, endpoint.retries),
        };
        if attempt >= allowed {
            return Err(error);
        }
        tracing::debug!(host = %endpoint.host, %error, attempt, "another attempt");
        tokio::time::sleep(Duration::from_millis(100 << attempt.min(5))).await;
        attempt += 1;
    }
}

async fn try_connect(endpoint: &Endpoint, logins: &Logins) -> Result<LoggedIn, Failed> {
    let deadline = tokio::time::Instant::now() + endpoint.timeout;
    let dialling = tokio::time::timeout_at(deadline, dial(endpoint));
    let stream = dialling
        .await
        .map_err(|_| Failed::Final(fault::timed_out(endpoint, "no answer")))?
        .map_err(Failed::Final)?;
    let heard = Arc::new(AtomicU8::new(NOTHING));
    let (stream, mut cut) =
        guard(stream, &heard).map_err(|error| Failed::Final(fault::undialled(endpoint, &error)))?;
    let outcome = tokio::time::timeout_at(deadline, handshake(endpoint, logins, stream, &heard)).await;
    match outcome {
        Ok(Ok(connection)) => {
            cut.armed = false;
            Ok(connection)
        }
        Ok(Err(failed)) => Err(failed),
        Err(_) => Err(Failed::Final(match heard.load(Ordering::Relaxed) {
            NOTHING => fault::timed_out(endpoint, "connected, but no SSH banner"),
            BANNER => fault::timed_out(endpoint, "no end of the login"),
            _ => fault::handshake(endpoint, &russh::Error::Version),
        })),
    }
}

async fn dial(endpoint: &Endpoint) -> Result<TcpStream, RemoteError> {
    let target = (endpoint.address.as_str(), endpoint.port);
    let addresses =
        tokio::net::lookup_host(target).await.map_err(|error| fault::unresolved(endpoint, &error))?;
    let mut addresses = addresses.peekable();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    while let Some(address) = addresses.next() {
        // A dead address must leave time for the next one.
        let share = if addresses.peek().is_some() { 3 } else { 1 };
        let connecting = tokio::time::timeout(endpoint.timeout / share, TcpStream::connect(address));
        match connecting.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                // Without it each small packet waits for the acknowledgement of the one before.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(host = %endpoint.host, %error, "nodelay");
                }
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(fault::undialled(endpoint, &last))
}

async fn handshake(
    endpoint: &Endpoint,
    logins: &Logins,
    stream: Heard,
    heard: &AtomicU8,
) -> Result<LoggedIn, Failed> {
    let (farewell, proof) = (Farewell::default(), Proof::default());
    let host_key = Arc::new(HostKey::new(endpoint, logins.keyring.known_hosts(endpoint)));
    let config = Config {
        preferred: host_key.preferred(),
        keepalive_interval: Some(logins.keepalive),
        keepalive_max: 3,
        ..Config::default()
    };
    let client = Client::new(Arc::clone(&host_key), farewell.clone(), proof.clone());
    let connecting = connect_stream(Arc::new(config), stream, client);
    let mut handle = connecting.await.map_err(|fault| match fault {
        Fault::Untrusted(untrusted) => Failed::Final(RemoteError::Untrusted(untrusted)),
        Fault::Russh(_) if heard.load(Ordering::Relaxed) == NOTHING => {
            Failed::BeforeBanner(fault::no_banner(endpoint))
        }
        Fault::Russh(error @ (russh::Error::Version | russh::Error::NoCommonAlgo { .. })) => {
            Failed::Final(fault::handshake(endpoint, &error))
        }
        Fault::Russh(error) => Failed::Dropped(fault::handshake(endpoint, &error)),
        // There are no channels before the login.
        Fault::Uninvited => Failed::Dropped(fault::handshake(endpoint, &russh::Error::Inconsistent)),
    })?;
    proved(endpoint, &handle, &host_key, &proof).map_err(Failed::Final)?;
    match auth::login(&mut handle, endpoint, &logins.keyring).await {
        Ok(()) => Ok(LoggedIn { handle, farewell }),
        Err(AuthError::Hung) => {
            let reason = farewell.reason().unwrap_or_else(|| "the server closed the connection".to_owned());
            let hint = "try again; if it stays, look at sshd's log on the host".to_owned();
            Err(Failed::Dropped(fault::unreachable(endpoint, &format!("in the login, {reason}"), hint)))
        }
        Err(AuthError::Denied { reason, hint }) => Err(Failed::Final(RemoteError::Denied {
            address: fault::address(&endpoint.address, endpoint.port),
            user: endpoint.user.clone(),
            reason,
            hint,
        })),
    }
}

/// Whether the host proved its key as it had agreed to; nobody has logged in yet.
fn proved(
    endpoint: &Endpoint,
    handle: &Handle<Client>,
    host_key: &HostKey,
    proof: &Proof,
) -> Result<(), RemoteError> {
    let binding = handle.agent_session_binding();
    let Err((agreed, used)) = proof.holds(binding) else { return Ok(()) };
    let untrusted = binding.and_then(|binding| host_key.unproved(binding.host_key(), agreed, used));
    let no_proof = || fault::handshake(endpoint, &russh::Error::WrongServerSig);
    Err(untrusted.map_or_else(no_proof, RemoteError::Untrusted))
}

/// Shuts the socket down when an attempt ends early: russh's task would keep it, and itself, for ever.
struct Cut {
    socket: std::net::TcpStream,
    armed: bool,
}

impl Drop for Cut {
    fn drop(&mut self) {
        if self.armed {
            // Fails only where the other side was faster.
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }
}

/// Nothing came in yet.
const NOTHING: u8 = 0;
/// What came in first was an SSH server's banner.
const BANNER: u8 = 1;
/// It was something else.
const OTHER: u8 = 2;

/// A stream that remembers what came in first.
struct Heard {
    stream: TcpStream,
    heard: Arc<AtomicU8>,
}

fn guard(stream: TcpStream, heard: &Arc<AtomicU8>) -> io::Result<(Heard, Cut)> {
    let stream = stream.into_std()?;
    let socket = stream.try_clone()?;
    let stream = TcpStream::from_std(stream)?;
    Ok((Heard { stream, heard: Arc::clone(heard) }, Cut { socket, armed: true }))
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if self.heard.load(Ordering::Relaxed) == NOTHING
            && let Some(new @ [_, ..]) = buf.filled().get(before..)
        {
            self.heard.store(if new.starts_with(b"SSH-") { BANNER } else { OTHER }, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
