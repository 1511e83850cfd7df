//! The switch of one load balancer: what says which color is live there, and how it comes to say another.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Color, Run, StateDir};

/// One load balancer's switch from one color to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// What is changed.
    pub pointer: Pointer,
    /// What it says now, in the words of its kind; `None`: nothing.
    pub from: Option<String>,
    /// What it shall say; `None`: nothing.
    pub to: Option<String>,
    /// What happens when nobody comes back to confirm it.
    pub guard: Guard,
}

/// What says which color is live on a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pointer {
    /// A symlink that nginx includes; it says the site file that it points to.
    Link {
        /// The symlink.
        link: String,
        /// How nginx runs there.
        nginx: Box<NginxSetup>,
    },
    /// A file that nginx reads; it says a [`Version`].
    File {
        /// The file.
        file: String,
        /// How nginx runs there.
        nginx: Box<NginxSetup>,
    },
    /// Something else, by commands; it says a color's name.
    Commands(Box<SwitchCommands>),
}

/// How a load balancer is switched that is not nginx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchCommands {
    /// Prints the color that is live.
    pub detect: Run,
    /// Makes each color live.
    pub set: BTreeMap<Color, Run>,
}

/// A file's content, by where it is kept and by its hash: `PATH@HASH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// So many digits of the SHA-256 name a content.
    const DIGITS: usize = 16;

    /// The content with this SHA-256 in hex, as it is kept under a path.
    #[must_use]
    pub fn new(path: &str, sha256: &str) -> Self {
        let hash: String = sha256.chars().take(Self::DIGITS).collect();
        Self(format!("{path}@{hash}"))
    }

    /// The text of it.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// The last part of what a pointer says, for people: `my-server-blue.conf`, `blue`.
#[must_use]
pub fn short_saying(saying: &str) -> &str {
    let name = saying.rsplit('/').next().unwrap_or(saying);
    name.split_once('@').map_or(name, |(name, _)| name)
}

/// How nginx runs on a load balancer, where that is not as its package has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NginxSetup {
    /// The container that it runs in.
    pub container: Option<String>,
    /// The program, by name or path.
    pub binary: Option<String>,
    /// The main configuration file.
    pub config: Option<String>,
    /// Tests the configuration; `%s` in it stands for the main file.
    pub test: Option<Run>,
    /// Reloads it.
    pub reload: Option<Run>,
}

impl NginxSetup {
    /// What its scripts are told of it, as variables of their environment.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let text = |run: &Option<Run>| run.as_ref().and_then(Run::shell).map(str::to_owned);
        let all = [
            ("BGCTL_NGINX_CONTAINER", self.container.clone()),
            ("BGCTL_NGINX_BINARY", self.binary.clone()),
            ("BGCTL_NGINX_CONFIG", self.config.clone()),
            ("BGCTL_NGINX_TEST", text(&self.test)),
            ("BGCTL_NGINX_RELOAD", text(&self.reload)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

impl SwitchCommands {
    /// What its scripts are told of it, as variables of their environment.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let set = self.set.iter().map(|(color, run)| {
            let name = format!("BGCTL_SET_{}", color.as_str().to_ascii_uppercase());
            (name, run)
        });
        let all = set.chain([("BGCTL_DETECT".to_owned(), &self.detect)]);
        all.filter_map(|(name, run)| Some((name, run.shell()?.to_owned()))).collect()
    }
}

impl Pointer {
    /// The path that is changed; empty where there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Link { link, .. } => link,
            Self::File { file, .. } => file,
            Self::Commands(_) => "",
        }
    }

    /// What it is called in a sentence.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Commands(_) => "the live color",
            _ => self.path(),
        }
    }

    /// How nginx runs there, where it is nginx.
    #[must_use]
    pub fn nginx(&self) -> Option<&NginxSetup> {
        match self {
            Self::Link { nginx, .. } | Self::File { nginx, .. } => Some(nginx),
            Self::Commands(_) => None,
        }
    }

    /// Takes over how another one of its kind is switched; what is switched stays. Whether it is of its kind.
    pub fn switch_as(&mut self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Link { nginx, .. } | Self::File { nginx, .. },
                Self::Link { nginx: now, .. } | Self::File { nginx: now, .. },
            ) => nginx.clone_from(now),
            (Self::Commands(commands), Self::Commands(now)) => commands.clone_from(now),
            _ => return false,
        }
        true
    }

    /// What scripts are told of it, as variables of their environment.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        match self {
            Self::Link { nginx, .. } | Self::File { nginx, .. } => nginx.variables(),
            Self::Commands(commands) => commands.variables(),
        }
    }
}

impl Swap {
    /// The way back: nobody has to confirm it, and it ends the waiting for a confirmation of the way there.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let guard = Guard { confirm_timeout: None, ..self.guard.clone() };
        Self { pointer: self.pointer.clone(), from: self.to.clone(), to: self.from.clone(), guard }
    }
}

/// The dead-man switch of a swap: a watcher on the load balancer, which outlives the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The app's state folder on the load balancer.
    #[serde(flatten)]
    pub state: StateDir,
    /// The run that swaps, and that alone can confirm.
    pub run: String,
    /// After this, without a confirmation, the load balancer swaps back by itself; `None`: never.
    pub confirm_timeout: Option<Duration>,
}

/// The end of a [`Guard`]'s waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// The app's state folder on the load balancer.
    #[serde(flatten)]
    pub state: StateDir,
    /// The run that swapped.
    pub run: String,
    /// How long after the swap it is too late.
    pub confirm_timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pointer_says_is_short_for_people() {
        assert_eq!(short_saying("/etc/nginx/sites-available/a-blue.conf"), "a-blue.conf");
        assert_eq!(
            Version::new("/s/site/green", "0123456789abcdef0").into_text(),
            "/s/site/green@0123456789abcdef"
        );
        assert_eq!(short_saying("/s/site/green@0123456789abcdef"), "green");
        assert_eq!(short_saying("blue"), "blue");
    }
}
