//! Names that people wrote and names that runs are given.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {why}")]
pub struct BadName {
    what: &'static str,
    text: String,
    why: &'static str,
}

impl BadName {
    /// Of what may come from anywhere, no more is repeated than a reader needs.
    fn new(what: &'static str, text: &str, why: &'static str) -> Self {
        Self { what, text: text.chars().take(80).collect(), why }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        // What hosts and files say is held to the same rules as what people write.
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl TryFrom<String> for $type {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

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
    /// A host's name in the inventory: never empty, no white space, no control character.
    HostName
}
name! {
    /// The playbook's `name:`. It names the lock, the journal and the compose projects, so it is kept to
    /// what all three accept: lower-case letters, digits, `-` and `_`, a letter or digit first, at most 63.
    AppName
}
name! {
    /// A run's id: its start in UTC and a random tail, as `20261121T030405Z-0a1b2c3d`, so that ids sort by time. It
    /// becomes part of paths, here and on hosts.
    RunId
}
name! {
    /// A release's id: the first 12 hex digits of the SHA-256 over all its rendered inputs. It becomes part of paths on
    /// hosts.
    ReleaseId
}

impl FromStr for HostName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = |why| Err(BadName::new("host name", text, why));
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
        let bad = |why| Err(BadName::new("app name", text, why));
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

impl FromStr for RunId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let is_id = text.split_once('-').is_some_and(|(start, tail)| is_start(start) && is_hex(tail, 8));
        let why = "it looks like 20261121T030405Z-0a1b2c3d";
        if is_id { Ok(Self(text.to_owned())) } else { Err(BadName::new("run", text, why)) }
    }
}

impl FromStr for ReleaseId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let why = "it has 12 hex digits";
        if text == AS_IT_WAS || is_hex(text, 12) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName::new("release", text, why))
        }
    }
}

/// Whether it is a time as [`RunId::new`] writes it.
fn is_start(text: &str) -> bool {
    let letter = |(place, letter): (usize, u8)| match place {
        8 => letter == b'T',
        15 => letter == b'Z',
        _ => letter.is_ascii_digit(),
    };
    text.len() == 16 && text.bytes().enumerate().all(letter)
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The release of what is there, whatever it is.
const AS_IT_WAS: &str = "as-it-was";

impl RunId {
    /// A run's id from its start, to the second, and a random tail.
    #[must_use]
    pub fn new(start: Timestamp, tail: u32) -> Self {
        Self(format!("{}-{tail:08x}", start.strftime("%Y%m%dT%H%M%SZ")))
    }
}

impl ReleaseId {
    /// The id from a SHA-256.
    #[must_use]
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        Self(data_encoding::HEXLOWER.encode(digest).chars().take(12).collect())
    }

    /// What is there, whatever it is: the release of a run that renders nothing.
    #[must_use]
    pub fn as_it_was() -> Self {
        Self(AS_IT_WAS.to_owned())
    }

    /// The id, unless it is [`Self::as_it_was`].
    #[must_use]
    pub fn known(&self) -> Option<&Self> {
        (self.0 != AS_IT_WAS).then_some(self)
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

    #[test]
    fn the_ids_that_are_made_are_ids() {
        let run = RunId::new("2026-11-21T03:04:05.6Z".parse().unwrap(), 0x0a1b_2c3d);
        assert_eq!(run.as_str(), "20261121T030405Z-0a1b2c3d");
        assert_eq!(run.as_str().parse(), Ok(run));
        for release in [ReleaseId::from_digest(&[0xab; 32]), ReleaseId::as_it_was()] {
            assert_eq!(release.as_str().parse(), Ok(release));
        }
    }

    /// Each of these would leave the folder that it becomes part of, or say more than a name says.
    #[test]
    fn what_is_no_name_is_none_from_a_host_either() {
        let forged = [
            "",
            ".",
            "..",
            "/etc/cron.d/x",
            "../../../.bashrc.d",
            "20261121T030405Z-0a1b2c3d/../x",
            "20261121T030405Z-0A1B2C3D",
            "20261121T030405Z-0a1b2c3",
            "20261121T03040Z5-0a1b2c3d",
            "20261121T030405Z-0a1b2c3d\n",
            "$(id)",
            "a b",
            "0123456789abc",
            "0123456789aB",
            "AS-IT-WAS",
            "a\u{1b}[2Jb c",
        ];
        for text in forged {
            let json = serde_json::json!(text);
            assert!(serde_json::from_value::<RunId>(json.clone()).is_err(), "{text:?}");
            assert!(serde_json::from_value::<ReleaseId>(json.clone()).is_err(), "{text:?}");
            let app = serde_json::from_value::<AppName>(json.clone());
            assert!(app.is_err() || text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text:?}");
            let host = serde_json::from_value::<HostName>(json);
            assert!(host.is_err() || !text.chars().any(|c| c.is_control() || c.is_whitespace()), "{text:?}");
        }
    }
}
