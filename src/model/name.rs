//! Names that people wrote and names that runs are given.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {why}")]
pub struct BadName {
    what: &'static str,
    text: String,
    why: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// A host's name in the inventory: never empty, no white space.
    HostName
}
name! {
    /// The playbook's `name:`. It names the lock, the journal and the compose projects, so it is kept to
    /// what all three accept: lower-case letters, digits, `-` and `_`, a letter or digit first, at most 63.
    AppName
}
name! {
    /// A run's id: its start in UTC and a random tail, so that ids sort by time.
    RunId
}
name! {
    /// A release's id: the first 12 hex digits of the SHA-256 over all its rendered inputs.
    ReleaseId
}

impl FromStr for HostName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = |why| Err(BadName { what: "host name", text: text.to_owned(), why });
        if text.is_empty() {
            return bad("it is empty");
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return bad("it contains white space");
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for AppName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = |why| Err(BadName { what: "app name", text: text.to_owned(), why });
        if text.is_empty() || text.len() > 63 {
            return bad("it has 1 to 63 characters");
        }
        if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_') {
            return bad("only lower-case letters, digits, - and _ are allowed");
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return bad("it begins with a letter or a digit");
        }
        Ok(Self(text.to_owned()))
    }
}

impl RunId {
    /// A run's id from its start (`20261121T030405Z`) and a random tail.
    #[must_use]
    pub fn new(start: &str, tail: u32) -> Self {
        Self(format!("{start}-{tail:08x}"))
    }
}

impl ReleaseId {
    /// The id from a SHA-256 in hex.
    #[must_use]
    pub fn from_digest(hex: &str) -> Self {
        Self(hex.chars().take(12).collect())
    }

    /// What is there, whatever it is: the release of a run that renders nothing.
    #[must_use]
    pub fn as_it_was() -> Self {
        Self("as-it-was".to_owned())
    }

    /// The id, unless it is [`Self::as_it_was`].
    #[must_use]
    pub fn known(&self) -> Option<&Self> {
        (self.0 != "as-it-was").then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_name_is_what_compose_accepts() {
        assert!("my-server_2".parse::<AppName>().is_ok());
        for bad in ["", "My", "a b", "-a", "a/b", "$(x)"] {
            assert!(bad.parse::<AppName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_host_name_has_no_white_space() {
        assert!("app1.example.com".parse::<HostName>().is_ok());
        assert!("a b".parse::<HostName>().is_err());
        assert!("".parse::<HostName>().is_err());
    }
}
