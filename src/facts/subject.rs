//! What a line of an answer is about.

use super::read::text;

/// What a line of an answer is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// What every answer begins with.
    Always,
    /// A property of the system.
    System(String),
    /// A file, by its path.
    File(String),
    /// A path that exists.
    Exists(String),
    /// The engine's version, or its compose.
    Engine(String),
    /// A container, by its project. The only one, with history and trouble, of which there may be several.
    Container(String),
    /// An image, by its name.
    Image(String),
    /// nginx and its link.
    Nginx,
    /// What `detect` printed.
    Detected,
    /// A kept release.
    Kept(String),
    /// Lock, record and dead-man, by the line's keyword.
    Records(String),
    /// The app's key.
    Key,
    /// The plan of a run.
    Plan,
    /// Earlier runs.
    History,
    /// A question that could not be answered.
    Trouble,
}

impl Subject {
    /// What a line's fields are about; `None`: they make no sense.
    pub(super) fn of(fields: &[&str]) -> Option<Self> {
        Some(match *fields {
            ["facts", "1"] => Self::Always,
            ["system", key, _] => Self::System(key.to_owned()),
            ["missing" | "odd" | "file", path, ..] => Self::File(text(path)?),
            ["exists", path] => Self::Exists(text(path)?),
            [kind @ ("docker" | "compose"), _] => Self::Engine(kind.to_owned()),
            ["container", project, ..] => Self::Container(text(project)?),
            ["image", name, ..] => Self::Image(text(name)?),
            ["nginx", ..] => Self::Nginx,
            ["detected", ..] => Self::Detected,
            ["kept", release, _] => Self::Kept(text(release)?),
            [kind @ ("holder" | "last-run" | "armed" | "dead-man" | "closed"), ..] => {
                Self::Records(kind.to_owned())
            }
            ["key", _] => Self::Key,
            ["plan", _] => Self::Plan,
            ["history", _] => Self::History,
            ["trouble", _] => Self::Trouble,
            _ => return None,
        })
    }

    /// Whether two answers would contradict each other.
    pub(super) const fn is_told_once(&self) -> bool {
        !matches!(self, Self::Container(_) | Self::History | Self::Trouble)
    }

    /// What it is, for a reader.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Always => "the first line".to_owned(),
            Self::System(key) => format!("its {key}"),
            Self::File(path) => format!("the file {path}"),
            Self::Exists(path) => format!("the path {path}"),
            Self::Engine(kind) => format!("its {kind}"),
            Self::Container(project) => format!("containers of {project}"),
            Self::Image(name) => format!("the image {name}"),
            Self::Nginx => "nginx".to_owned(),
            Self::Detected => "the live color".to_owned(),
            Self::Kept(release) => format!("the kept release {release}"),
            Self::Records(kind) => format!("{kind} of a run"),
            Self::Key => "the app's key".to_owned(),
            Self::Plan => "the plan of a run".to_owned(),
            Self::History => "earlier runs".to_owned(),
            Self::Trouble => "a question without an answer".to_owned(),
        }
    }
}
