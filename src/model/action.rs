//! What can be done to a host. An undo is an `Action` too.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One idempotent effect on one host, with every value filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Writes a file whole: a temporary file beside it, then a rename. Missing folders are made.
    PutFile(PutFile),
    /// Removes a file, and then those folders that are empty, in the order given.
    RemoveFile {
        /// The file; it may be gone already.
        path: String,
        /// Folders to remove when empty, innermost first.
        folders: Vec<String>,
    },
    /// Runs a program.
    Run(Run),
    /// Brings a compose project up.
    ComposeUp(ComposeUp),
    /// Takes a compose project down: containers and networks go, volumes stay. Logs are kept first.
    ComposeDown(Project),
    /// Stops a compose project's containers; they can be started again.
    ComposeStop(Project),
    /// Starts a compose project's stopped containers.
    ComposeStart(Project),
    /// Waits until something answers as it should.
    Check(Check),
    /// Has nginx test its whole configuration with this text as the site, changing nothing on disk.
    TestSite {
        /// The symlink that nginx includes.
        link: String,
        /// The site's new text.
        content: String,
    },
    /// Points nginx's symlink elsewhere, reloads, and proves that new workers run. It puts the link back
    /// itself when they do not.
    Swap(Swap),
    /// Waits until no nginx worker of an old generation is left, or the time has passed.
    Drain {
        /// The longest wait.
        timeout: Duration,
    },
    /// Waits.
    Wait {
        /// For so long.
        duration: Duration,
    },
}

/// A file with everything that matters about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutFile {
    /// Its absolute path.
    pub path: String,
    /// Its bytes.
    #[serde(with = "bytes")]
    pub content: Vec<u8>,
    /// Octal digits; `None` keeps an existing file's mode, else 0644.
    pub mode: Option<String>,
    /// User name or id; `None` keeps an existing file's owner.
    pub owner: Option<String>,
    /// Group name or id; `None` keeps an existing file's group.
    pub group: Option<String>,
    /// Shell text that must accept the temporary file, which stands for `%s`.
    pub validate: Option<String>,
}

/// A program and its surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The program and its arguments; `sh -c TEXT` for shell text.
    pub argv: Vec<String>,
    /// The working directory.
    pub chdir: Option<String>,
    /// What it reads on stdin.
    pub stdin: Option<String>,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
}

/// A compose project in its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// `APP-COLOR`.
    pub name: String,
    /// The folder with the compose file.
    pub dir: String,
    /// The compose program of its host.
    pub compose: Compose,
    /// Variables of compose's environment, which compose files may refer to.
    pub env: Vec<(String, String)>,
}

/// The compose programs, in order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compose {
    /// `docker compose`.
    V2,
    /// `docker-compose`.
    V1,
    /// `podman compose`.
    Podman,
}

/// When images are pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// Before every start.
    Always,
    /// Where the host lacks the image (the default).
    Missing,
    /// Not at all: a missing image is a failure.
    Never,
}

/// How a compose project is brought up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComposeUp {
    /// Which.
    pub project: Project,
    /// Only these services; empty: all.
    pub services: Vec<String>,
    /// New containers even where nothing differs.
    pub recreate: bool,
    /// When images are pulled.
    pub pull: Pull,
    /// Build images first.
    pub build: bool,
    /// `--env-file`.
    pub env_file: Option<String>,
}

/// A question that is repeated until the answer is right often enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The question.
    pub ask: Ask,
    /// Attempts after the first.
    pub retries: u32,
    /// Between attempts.
    pub delay: Duration,
    /// For one attempt.
    pub timeout: Duration,
    /// Good answers in a row that are needed.
    pub successes: u32,
    /// After a good answer, before the next is asked for.
    pub rest: Duration,
}

/// The question of a [`Check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// An HTTP `GET` through the connection's forwarding.
    Http(HttpAsk),
    /// A TCP connection.
    Tcp {
        /// The address as the host sees it.
        host: String,
        /// The port.
        port: u16,
    },
    /// A command that must exit 0.
    Command(Run),
    /// Docker's HEALTHCHECK of a project's services.
    Container {
        /// The compose project.
        project: String,
        /// The services; empty: all that have a HEALTHCHECK, and all must run.
        services: Vec<String>,
    },
}

/// An HTTP request and what its answer must be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAsk {
    /// The URL as it was written.
    pub url: String,
    /// Its host, as the probing host sees it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its path and query.
    pub path: String,
    /// The `Host` header, where it differs.
    pub host_header: Option<String>,
    /// Accepted status codes; empty: 200 to 299.
    pub status: Vec<u16>,
    /// Text that the body must contain.
    pub body: Option<String>,
    /// Header fields that the answer must have.
    pub headers: Vec<(String, String)>,
}

/// A symlink's old and new target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// The symlink.
    pub link: String,
    /// What it points to now; `None`: it does not exist.
    pub from: Option<String>,
    /// What it shall point to; `None`: it shall not exist.
    pub to: Option<String>,
}

impl Swap {
    /// The way back.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { link: self.link.clone(), from: self.to.clone(), to: self.from.clone() }
    }
}

impl Action {
    /// Whether it leaves the host as it was.
    #[must_use]
    pub const fn only_reads(&self) -> bool {
        matches!(self, Self::Check(_) | Self::TestSite { .. } | Self::Drain { .. } | Self::Wait { .. })
    }
}

/// Bytes as base64, so that a plan can be saved as JSON.
mod bytes {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}
