//! What can be done to a host. An undo is an `Action` too.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    BuildImage, ComposeRun, Confirm, Fingerprint, HostName, Keep, LoadImage, Login, NginxSetup, Pointer,
    StateDir, Swap, Tls,
};

/// One idempotent effect on one host, with every value filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Writes a file whole: a temporary file beside it, then a rename. Missing folders are made.
    PutFile(PutFile),
    /// Puts back what a [`PutFile`] kept; where nothing was kept, that step never began, and nothing is done.
    RestoreFile {
        /// The file.
        path: String,
        /// Where its content was kept.
        kept: String,
    },
    /// Removes a file, and then those folders that are empty, in the order given.
    RemoveFile {
        /// The file; it may be gone already.
        path: String,
        /// Folders to remove when empty, innermost first.
        folders: Vec<String>,
    },
    /// Runs a program.
    Run(Run),
    /// Proves to a registry who is asking. Steps after it on its host have the login; the host keeps nothing of it.
    Login(Login),
    /// Pulls an image.
    PullImage {
        /// Its name.
        name: String,
    },
    /// Loads an image from an archive that is sent there.
    LoadImage(LoadImage),
    /// Builds an image.
    BuildImage(BuildImage),
    /// Brings a compose project up.
    ComposeUp(ComposeUp),
    /// Takes a compose project down: containers and networks go, volumes stay. Logs are kept first.
    ComposeDown(Project),
    /// Stops a compose project's containers; they can be started again.
    ComposeStop(Project),
    /// Starts a compose project's stopped containers.
    ComposeStart(Project),
    /// Runs a program in a one-off container of a service.
    ComposeRun(ComposeRun),
    /// Waits for commands that earlier runs left running in a compose project's one-off containers, and removes what
    /// is left of them. Two of them at once may do harm.
    ComposeClear(Project),
    /// Waits until something answers as it should.
    Check(Check),
    /// Reads what a color runs, and whether its files are as they were rendered.
    Fingerprint(Fingerprint),
    /// Has nginx test its whole configuration with this text in a file's or symlink's place, changing nothing on disk.
    TestSite {
        /// That path.
        path: String,
        /// The new text.
        content: String,
        /// How nginx runs there.
        nginx: Box<NginxSetup>,
    },
    /// Makes another color live, and proves that it took effect. It puts back itself what it changed when it did not.
    Swap(Swap),
    /// Keeps a switch: the load balancer will not swap back by itself. Asked over a connection of its own.
    Confirm(Confirm),
    /// Looks for a while whether errors became more.
    Watch(Watch),
    /// Waits until nothing is served by the old color any more, or the time has passed.
    Drain {
        /// The longest wait.
        timeout: Duration,
        /// Who tells.
        of: Draining,
    },
    /// Keeps a release on its host, and removes older ones.
    Keep(Keep),
    /// Waits.
    Wait {
        /// For so long.
        duration: Duration,
        /// Only in the first batch of a play: what is waited for is over for the others.
        #[serde(default)]
        once: bool,
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
    /// Where the file that it replaces is kept on the host, for the undo; the first write of a run counts.
    pub keep: Option<String>,
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

impl Run {
    /// A run of shell text.
    #[must_use]
    pub fn of_shell(text: String) -> Self {
        let argv = ["sh".to_owned(), "-c".to_owned(), text].to_vec();
        Self { argv, chdir: None, stdin: None, env: Vec::new() }
    }

    /// The text, where it is shell text.
    #[must_use]
    pub fn shell(&self) -> Option<&str> {
        match self.argv.as_slice() {
            [sh, flag, text] if sh == "sh" && flag == "-c" => Some(text),
            _ => None,
        }
    }
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
    /// Whose health it is, where another host asks: a load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<HostName>,
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
    /// How the connection is secured; `None`: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Accepted status codes; empty: 200 to 299.
    pub status: Vec<u16>,
    /// Text that the body must contain.
    pub body: Option<String>,
    /// Header fields that the answer must have.
    pub headers: Vec<(String, String)>,
}

/// What is looked at after a switch, and when it is too much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Asked once a second.
    pub check: Check,
    /// How long; errors of a time as long before the switch are what they are compared with.
    pub window: Duration,
    /// How much the share of errors may rise, in hundredths of a percent.
    pub limit: u32,
    /// The access log; `None`: the one that the site or nginx names.
    pub log: Option<String>,
    /// What was switched: nginx knows its own log.
    pub pointer: Pointer,
    /// The app's state folder on the load balancer, where the time of the switch stands.
    #[serde(flatten)]
    pub state: StateDir,
    /// The run that switched.
    pub run: String,
}

/// Who tells whether the old color still serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draining {
    /// nginx: no worker of an old generation is left.
    Nginx(Box<NginxSetup>),
    /// A command, by exiting with 0.
    Command(Run),
}

impl Action {
    /// Whether it leaves the host as it was.
    #[must_use]
    pub const fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Check(_)
                | Self::Fingerprint(_)
                | Self::TestSite { .. }
                | Self::Drain { .. }
                | Self::Watch(_)
                | Self::Wait { .. }
        )
    }

    /// The compose program that it is run with, where it is about a compose project.
    pub(crate) fn compose_mut(&mut self) -> Option<&mut Compose> {
        match self {
            Self::ComposeUp(up) => Some(&mut up.project.compose),
            Self::ComposeRun(run) => Some(&mut run.project.compose),
            Self::ComposeDown(project)
            | Self::ComposeStop(project)
            | Self::ComposeStart(project)
            | Self::ComposeClear(project) => Some(&mut project.compose),
            Self::Fingerprint(fingerprint) => Some(&mut fingerprint.compose),
            _ => None,
        }
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
