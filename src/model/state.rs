//! Where hosts keep what deploys need to know of each other, and who may see it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A folder of state on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDir {
    /// Its path.
    pub folder: String,
    /// The group that shares it; `None`: it is its owner's alone.
    #[serde(default, rename = "state_group", skip_serializing_if = "Option::is_none")]
    pub group: Option<StateGroup>,
}

impl StateDir {
    /// One that is its owner's alone.
    #[must_use]
    pub fn of_one(folder: &str) -> Self {
        Self { folder: folder.to_owned(), group: None }
    }

    /// A folder in it.
    #[must_use]
    pub fn within(&self, name: &str) -> Self {
        Self { folder: format!("{}/{name}", self.folder), group: self.group.clone() }
    }

    /// What scripts are told of the group, as variables of their environment.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let group = self.group.as_ref().map(|group| ("BGCTL_STATE_GROUP".to_owned(), group.to_string()));
        group.into_iter().collect()
    }
}

/// A group's name on a host, as `bgctl_state_group` gives it: letters, digits, `.`, `_` and `-`, no digit, `.` or `-` first,
/// at most 32.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StateGroup(String);

impl StateGroup {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StateGroup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
        if begins && text.len() <= 32 && text.chars().all(is_plain) {
            return Ok(Self(text.to_owned()));
        }
        Err("it is the name of a group on the host: letters, digits, `.`, `_` and `-`, at most 32".to_owned())
    }
}

impl TryFrom<String> for StateGroup {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<StateGroup> for String {
    fn from(group: StateGroup) -> Self {
        group.0
    }
}

impl fmt::Display for StateGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_a_name_that_no_program_takes_for_something_else() {
        assert_eq!("web-deploy".parse::<StateGroup>().unwrap().to_string(), "web-deploy");
        for bad in ["", "-R", "0", "1000", "a b", "a:b", "$(id)", "a/b", &"g".repeat(33)] {
            assert!(bad.parse::<StateGroup>().is_err(), "{bad:?}");
            assert!(serde_json::from_value::<StateGroup>(bad.into()).is_err(), "{bad:?}");
        }
    }
}
