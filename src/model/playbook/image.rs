//! The tasks that get images.

use crate::model::Text;

/// A `registry_login` task.
#[derive(Debug, Clone)]
pub struct LoginTask {
    /// `HOST[:PORT]`; Docker Hub where there is none.
    pub registry: Option<Text>,
    /// The user.
    pub username: Text,
    /// The password or token.
    pub password: Text,
}

/// An `image` task.
#[derive(Debug, Clone)]
pub enum ImageTask {
    /// From its registry.
    Pull(Text),
    /// From an archive on the operator's machine.
    Load {
        /// The archive: beside the playbook, or an absolute path.
        file: Text,
        /// The image in it.
        name: Text,
    },
    /// From a folder on the host.
    Build {
        /// The folder.
        dir: Text,
        /// The image that it becomes.
        name: Text,
        /// The Dockerfile, where it is not the folder's own.
        dockerfile: Option<Text>,
        /// Values for the Dockerfile's `ARG`s.
        args: Vec<(String, Text)>,
    },
}
