//! What is wrong in a template, before it is known in which file.

use std::fmt;
use std::sync::Arc;

use handlebars::{RenderError, RenderErrorReason};

use super::{Location, Problem, Source, narrowed};

/// One thing that is wrong, and the tag that it is wrong in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// The path of a variable that is not there.
    pub(super) missing: Option<String>,
    /// The tag, with its braces.
    pub(super) tag: String,
    /// Where the tag begins in the template's text.
    pub(super) at: usize,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, missing: None, tag: String::new(), at: 0 }
    }

    pub(super) fn missing(path: &str) -> Self {
        Self { missing: Some(path.to_owned()), ..Self::new(format!("the variable `{path}` is not defined")) }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same fault, at a line and column (from 1, in characters) of the template's text.
    pub(super) fn placed(mut self, text: &str, line: usize, column: usize) -> Self {
        let lines = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
        let rest = text.get(lines..).unwrap_or_default();
        let columns = rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>();
        self.at = lines + columns;
        tag(rest.get(columns..).unwrap_or_default()).clone_into(&mut self.tag);
        self
    }

    pub(super) fn in_source(self, source: &Arc<Source>) -> Problem {
        let location = Location::new(source, self.at..self.at + self.tag.len());
        self.problem(&location)
    }

    pub(super) fn in_value(self, location: &Location) -> Problem {
        let location = narrowed(location, &self.tag);
        self.problem(&location)
    }

    fn problem(self, location: &Location) -> Problem {
        let problem = Problem::at(location, self.message);
        match self.help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }
}

/// The tag that a text begins with, else its first line.
fn tag(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    if !text.starts_with("{{") {
        return line;
    }
    let end = text.find("}}").map_or(line.len(), |at| at + 2);
    text.get(..end).unwrap_or(line)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for RenderError {
    fn from(fault: Fault) -> Self {
        RenderErrorReason::NestedError(Box::new(fault)).into()
    }
}

impl From<RenderError> for Fault {
    fn from(error: RenderError) -> Self {
        match error.reason() {
            RenderErrorReason::NestedError(nested) => {
                nested.downcast_ref::<Self>().cloned().unwrap_or_else(|| Self::new(nested.to_string()))
            }
            RenderErrorReason::MissingVariable(Some(path)) => Self::missing(path),
            other => Self::new(other.to_string()),
        }
    }
}
