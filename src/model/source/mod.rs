//! Text that people wrote, and where in it something stands. The YAML crate is named in this room alone.

mod entries;
mod keys;
mod node;
mod parse;
mod problem;
mod scalar;
mod services;

use std::ops::Range;
use std::sync::Arc;

pub use keys::{Keys, suggestion};
pub use node::{Node, Yaml};
pub use parse::parse;
pub use problem::{Problem, Problems};
pub use scalar::Scalars;
pub use services::service_names;

/// A file's text, with the name that messages call it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path, as the user gave it.
    pub name: String,
    /// All of it.
    pub text: String,
}

impl Source {
    /// A source, ready to be shared.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }
}

/// A place in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The source.
    pub source: Arc<Source>,
    /// The bytes of its text.
    pub span: Range<usize>,
}

impl Location {
    /// A place in a source, moved to the nearest characters that exist.
    #[must_use]
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let start = boundary(&source.text, span.start);
        let end = boundary(&source.text, span.end).max(start);
        Self { source: Arc::clone(source), span: start..end }
    }

    /// The text that stands there.
    #[must_use]
    pub fn text(&self) -> &str {
        self.source.text.get(self.span.clone()).unwrap_or_default()
    }

    /// Its line and column, both from 1; columns count characters.
    #[must_use]
    pub fn line_column(&self) -> (usize, usize) {
        let before = self.source.text.get(..self.span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests;
