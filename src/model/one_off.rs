//! Commands in containers.

use serde::{Deserialize, Serialize};

use super::{Project, Pull, Run};

/// A program in a one-off container of a compose project's service: in the service's image, networks and volumes,
/// without its ports. The container is removed when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComposeRun {
    /// The project.
    pub project: Project,
    /// The service.
    pub service: String,
    /// What runs in place of the service's command, with its folder, stdin and variables in the container.
    pub run: Run,
    /// When the service's image is pulled.
    pub pull: Pull,
    /// Build it first.
    pub build: bool,
    /// `--env-file`.
    pub env_file: Option<String>,
    /// A file on the host, of one that can be taken back: it is there from when that one begins until it is taken back.
    pub mark: Option<String>,
    /// Whether it takes the one of the mark back. Where that still runs, it is ended first; where it never began, or is
    /// taken back already, nothing is done.
    pub takes_back: bool,
}
