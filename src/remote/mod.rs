//! The one door to a host.
//!
//! [`Remote`] is implemented by `ssh` for real hosts, by `fake` for a fleet in memory, and wrapped by
//! `readonly`, which refuses whatever could change a host.

mod expect;
mod hold;
mod untrusted;
mod upload;

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use expect::meets;
pub use hold::{Hold, Lines};
pub use untrusted::{KeyVerdict, Untrusted};
pub use upload::Upload;

use crate::model::{Escalation, HostName, HttpAsk, Tls};

pub mod fake;
pub mod readonly;
pub mod ssh;

/// A way to run scripts on hosts and to reach what listens there.
///
/// A future that is dropped leaves the effect unknown: the script may have run.
pub trait Remote: Send + Sync {
    /// Runs a script to its end. A non-zero exit status is an [`Output`], not an error.
    fn exec<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Output, RemoteError>>;

    /// Speaks HTTP or TCP to an address as the host sees it. A target that does not answer is
    /// [`Answer::Failed`], not an error.
    fn probe<'a>(&'a self, host: &'a HostName, probe: Probe) -> BoxFuture<'a, Result<Answer, RemoteError>>;

    /// Starts a script that stays for as long as the connection does (a lock's holder).
    fn hold<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Hold, RemoteError>>;
}

/// A script for a host's `sh`. Script, arguments and environment travel on stdin: none of them is ever in
/// an argument list that `ps` shows, and none is pasted into shell text unquoted.
#[derive(Clone, PartialEq, Eq)]
pub struct Exec {
    /// POSIX `sh` text, with its arguments as `"$1"` and so on.
    pub script: &'static str,
    /// The arguments, byte for byte (no NUL).
    pub args: Vec<String>,
    /// Environment variables, exported before the script starts.
    pub env: Vec<(String, String)>,
    /// What the script reads on its stdin: a password, it may be.
    pub stdin: Zeroizing<Vec<u8>>,
    /// A file of this machine that it reads on its stdin after that.
    pub upload: Option<Upload>,
    /// Run it as another user.
    pub escalate: Option<Escalation>,
    /// The script is ended (TERM to its process group) when this has passed.
    pub timeout: Duration,
    /// Whether it may change anything on the host.
    pub effect: Effect,
    /// Over a new connection, opened for this alone: proof that the host can still be reached.
    pub fresh: bool,
}

/// Arguments, environment and stdin may be secret: only how much there is of them is told.
impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        let mut told = f.debug_struct("Exec");
        told.field("script", &self.script.lines().next())
            .field("args", &self.args.len())
            .field("env", &names);
        told.field("stdin", &self.stdin.len()).field("effect", &self.effect).finish_non_exhaustive()
    }
}

impl Exec {
    /// A script that only reads, with the usual deadline of a minute.
    #[must_use]
    pub fn reads(script: &'static str) -> Self {
        Self {
            script,
            args: Vec::new(),
            env: Vec::new(),
            stdin: Zeroizing::default(),
            upload: None,
            escalate: None,
            timeout: Duration::from_mins(1),
            effect: Effect::Reads,
            fresh: false,
        }
    }

    /// A script that changes the host, with the usual deadline of a minute.
    #[must_use]
    pub fn changes(script: &'static str) -> Self {
        Self { effect: Effect::Changes, ..Self::reads(script) }
    }

    /// With these arguments after those it has.
    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: Into<String>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// With these environment variables.
    #[must_use]
    pub fn env(mut self, variables: Vec<(String, String)>) -> Self {
        self.env = variables;
        self
    }

    /// With this on its stdin.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Zeroizing::new(bytes.into());
        self
    }

    /// With this file on its stdin.
    #[must_use]
    pub fn upload(mut self, file: Upload) -> Self {
        self.upload = Some(file);
        self
    }

    /// As another user, if one is given.
    #[must_use]
    pub fn escalate(mut self, escalate: Option<Escalation>) -> Self {
        self.escalate = escalate;
        self
    }

    /// With another deadline.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Over a connection of its own, opened for it: proof that the host can be reached anew.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }
}

/// What a script may do to its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// It leaves the host as it was.
    Reads,
    /// It may change the host: a read-only transport refuses it.
    Changes,
}

/// What a script that ended left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Its exit status; 128 + N when signal N ended it.
    pub status: i32,
    /// Its stdout, at most 16 MiB (the rest is read and dropped).
    pub stdout: Vec<u8>,
    /// Its stderr, at most 1 MiB.
    pub stderr: Vec<u8>,
    /// Whether it wrote more than is kept of either. What only reads has its answer whole, or [`RemoteError::TooLong`].
    pub cut: bool,
}

impl Output {
    /// Whether it exited with 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// Its stdout as text, with what is no UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its stderr as text, trimmed.
    #[must_use]
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }
}

/// A question to something that listens on, or is reached from, a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The address as the probing host sees it.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// An HTTP request, or `None` to only connect.
    pub http: Option<HttpRequest>,
    /// For all of it: connect, send, read.
    pub timeout: Duration,
}

/// A `GET` with no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Path and query, beginning with `/`.
    pub path: String,
    /// Header fields; a `Host` among them replaces the one made from the address.
    pub headers: Vec<(String, String)>,
    /// How the connection is secured; `None`: it is not.
    pub tls: Option<Tls>,
}

impl Probe {
    /// The request that a check asks for.
    #[must_use]
    pub fn asking(ask: &HttpAsk, timeout: Duration) -> Self {
        let headers = ask.host_header.iter().map(|host| ("Host".to_owned(), host.clone())).collect();
        let http = HttpRequest { path: ask.path.clone(), headers, tls: ask.tls.clone() };
        Self { host: ask.host.clone(), port: ask.port, http: Some(http), timeout }
    }
}

/// What a probe met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A TCP connection, which was all that was asked for.
    Connected,
    /// An HTTP response.
    Http(HttpResponse),
    /// Nothing usable: refused, timed out, no HTTP. The text says what.
    Failed(String),
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Header fields in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most 64 KiB of it.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first header field of this name (any case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Why a host could not do what was asked, by what the caller may conclude.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// No connection: nothing was done there.
    #[error("cannot reach {address}: {reason}")]
    Unreachable {
        /// `host:port` as it was dialled.
        address: String,
        /// What failed, in a few words.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// The host's key is not the one that is known: nothing was done there.
    #[error("{}", .0.summary())]
    Untrusted(Box<Untrusted>),
    /// The host refused the login: nothing was done there.
    #[error("login as {user} at {address} refused: {reason}")]
    Denied {
        /// `host:port` as it was dialled.
        address: String,
        /// The user who tried.
        user: String,
        /// Which methods were tried and which the server would take.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// The transport refused to run it: nothing was done.
    #[error("refused: {0}")]
    Refused(String),
    /// The connection ended in between: the effect is unknown.
    #[error("connection lost: {0}")]
    Lost(String),
    /// The deadline passed: the effect is unknown.
    #[error("no end after {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// A script that only reads had more to say than so many bytes, and was ended.
    #[error("its answer is longer than {} MiB", .0 >> 20)]
    TooLong(usize),
}

impl RemoteError {
    /// What the user can do about it, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreachable { hint, .. } | Self::Denied { hint, .. } => Some(hint),
            Self::Untrusted(untrusted) => Some(&untrusted.hint),
            Self::Refused(_) | Self::Lost(_) | Self::TimedOut(_) | Self::TooLong(_) => None,
        }
    }

    /// Whether the host was never reached or never let us in, so that nothing can have happened there.
    #[must_use]
    pub fn never_started(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Untrusted(_) | Self::Denied { .. } | Self::Refused(_))
    }
}
