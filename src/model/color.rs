//! The two colors.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the two sides that take turns in serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// The color that a first deploy takes, unless the playbook lists the other one first.
    Blue,
    /// The other one.
    Green,
}

impl Color {
    /// Both, in their usual order.
    pub const BOTH: [Self; 2] = [Self::Blue, Self::Green];

    /// The color that is not this one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// The name, as playbooks and templates see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names neither color.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no color: blue or green")]
pub struct NoColor(String);

impl FromStr for Color {
    type Err = NoColor;

    fn from_str(text: &str) -> Result<Self, NoColor> {
        Self::BOTH.into_iter().find(|color| color.as_str() == text).ok_or_else(|| NoColor(text.to_owned()))
    }
}
