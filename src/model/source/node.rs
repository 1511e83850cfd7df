//! A YAML document as a tree in which everything knows where it stands.

use serde_json::{Map, Number, Value};

use super::Location;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub location: Location,
    /// What it is.
    pub value: Yaml,
    /// A scalar's text where `value` does not hold it already.
    pub(super) raw: Option<Box<str>>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `yes`, `on` and their opposites.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a point.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping, in order; its keys are scalars, and no two have the same text.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// A scalar's text as it was written (escapes resolved): `0640` where the value is 416.
    #[must_use]
    pub fn raw(&self) -> Option<&str> {
        match &self.value {
            Yaml::String(text) => Some(text),
            Yaml::Seq(_) | Yaml::Map(_) => None,
            _ => self.raw.as_deref(),
        }
    }

    /// Text; no other scalar.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Yaml::String(text) = &self.value { Some(text) } else { None }
    }

    /// A mapping's entries.
    #[must_use]
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        if let Yaml::Map(entries) = &self.value { Some(entries) } else { None }
    }

    /// A list's items.
    #[must_use]
    pub fn as_seq(&self) -> Option<&[Self]> {
        if let Yaml::Seq(items) = &self.value { Some(items) } else { None }
    }

    /// Whether it is `null` or nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.value == Yaml::Null
    }

    /// What it is, for messages: "a list".
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Yaml::Null => "nothing",
            Yaml::Bool(_) => "a boolean",
            Yaml::Int(_) | Yaml::Float(_) => "a number",
            Yaml::String(_) => "text",
            Yaml::Seq(_) => "a list",
            Yaml::Map(_) => "a mapping",
        }
    }

    /// The text that a mapping's key has once it is a variable's name: JSON's spelling of other scalars.
    #[must_use]
    pub fn key_text(&self) -> String {
        match self.to_json() {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    /// The same tree without places. What JSON cannot say (`.inf`) is its text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.value {
            Yaml::Null => Value::Null,
            Yaml::Bool(value) => Value::Bool(*value),
            Yaml::Int(value) => Value::from(*value),
            Yaml::Float(value) => Number::from_f64(*value)
                .map_or_else(|| Value::from(self.raw().unwrap_or_default()), Value::Number),
            Yaml::String(text) => Value::from(text.as_str()),
            Yaml::Seq(items) => items.iter().map(Self::to_json).collect(),
            Yaml::Map(entries) => Value::Object(
                entries.iter().map(|(key, value)| (key.key_text(), value.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }
}
