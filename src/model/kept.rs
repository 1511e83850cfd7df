//! A release as it was rendered, kept on the hosts that it was rendered for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Action, Color, HostName, ReleaseId, StateDir};

/// The format that this version writes; it reads the one before as well.
const FORMAT: u32 = 2;

/// What one host keeps of a release: all that was rendered for it, for either color.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    format: u32,
    /// Which.
    pub release: ReleaseId,
    /// The app servers among which traffic was shared.
    pub servers: Vec<HostName>,
    /// What it was for each color.
    pub sides: BTreeMap<Color, KeptSide>,
    /// On a load balancer: the SHA-256, in hex, of what each app server keeps. Who may write there must not decide what
    /// others do with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<HostName, String>,
}

/// A release's part for one color on one host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeptSide {
    /// On an app server: files written and projects brought up, in order.
    pub steps: Vec<KeptStep>,
    /// On a load balancer: the site's text.
    pub site: Option<String>,
}

/// A task as it was rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptStep {
    /// Its name.
    pub name: String,
    /// Whom it becomes.
    pub escalate: Option<String>,
    /// Its content is not shown.
    pub no_log: bool,
    /// A file that is written, or a project that is brought up.
    pub action: Action,
}

/// How a release is kept on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// The folder with all kept releases.
    #[serde(flatten)]
    pub state: StateDir,
    /// Which release.
    pub release: ReleaseId,
    /// What is kept, as text.
    pub content: String,
    /// How many are kept; older ones go.
    pub most: u32,
    /// Those that stay however old they are.
    pub spare: Vec<ReleaseId>,
}

/// A kept release, from all hosts that keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRelease {
    /// Which.
    pub release: ReleaseId,
    /// What each host keeps of it.
    pub hosts: BTreeMap<HostName, Kept>,
}

/// Why what a host keeps cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKept {
    /// A newer version wrote it.
    #[error("a newer bgctl kept it (format {0})")]
    Newer(u64),
    /// It makes no sense.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// These inputs make another environment than it had.
    #[error("its `environment` was another one: it is kept as a hash alone, and these inputs do not make it")]
    OtherEnvironment,
    /// Another host knows it otherwise.
    #[error("it is not what was kept there, as {0} knows")]
    Changed(HostName),
}

impl Kept {
    /// What a host keeps of a release, empty yet.
    #[must_use]
    pub const fn new(release: ReleaseId, servers: Vec<HostName>) -> Self {
        Self { format: FORMAT, release, servers, sides: BTreeMap::new(), others: BTreeMap::new() }
    }

    /// Reads what was kept.
    pub fn read(text: &str) -> Result<Self, BadKept> {
        let unreadable = |error: serde_json::Error| BadKept::Unreadable(error.to_string());
        Self::from_value(serde_json::from_str(text).map_err(unreadable)?)
    }

    /// The same of a value.
    pub fn from_value(value: serde_json::Value) -> Result<Self, BadKept> {
        let unreadable = |error: serde_json::Error| BadKept::Unreadable(error.to_string());
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format > u64::from(FORMAT) => Err(BadKept::Newer(format)),
            _ => serde_json::from_value(value).map_err(unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back_and_a_newer_format_is_refused() {
        let mut kept = Kept::new("0123456789ab".parse().unwrap(), vec!["app1".parse().unwrap()]);
        kept.sides
            .insert(Color::Blue, KeptSide { site: Some("server {}".to_owned()), ..KeptSide::default() });
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(Kept::read(&text), Ok(kept.clone()));
        let newer = text.replace("\"format\":2", "\"format\":3");
        assert_eq!(Kept::read(&newer), Err(BadKept::Newer(3)));
        assert!(matches!(Kept::read("{"), Err(BadKept::Unreadable(_))));
    }
}
