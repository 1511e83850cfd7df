//! What is wrong in a source, shown with its line.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Location, Source};

/// One thing that is wrong, where it stands, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    location: Option<Location>,
    message: String,
    help: Option<String>,
}

impl Problem {
    /// A problem at a place. Of a place over several lines, the first is shown.
    pub fn at(location: &Location, message: impl Into<String>) -> Self {
        let first_line = location.text().lines().next().map_or(0, |line| line.trim_end().len());
        let span = location.span.start..location.span.start + first_line;
        let location = Location { source: Arc::clone(&location.source), span };
        Self { location: Some(location), message: message.into(), help: None }
    }

    /// A problem that stands in no file, such as one of the command line.
    pub fn anywhere(message: impl Into<String>) -> Self {
        Self { location: None, message: message.into(), help: None }
    }

    /// The same problem, with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What is wrong, without its place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it is wrong.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// The source that it stands in.
    #[must_use]
    pub fn source(&self) -> Option<&Arc<Source>> {
        self.location.as_ref().map(|location| &location.source)
    }

    /// Its line and column, both from 1; `None` for a problem that stands in no file.
    #[must_use]
    pub fn line_column(&self) -> Option<(usize, usize)> {
        self.location.as_ref().map(Location::line_column)
    }

    /// The message, `--> file:line:column`, the line itself and the help.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let title = Level::ERROR.primary_title(self.message.as_str());
        let mut group = match &self.location {
            Some(location) => title.element(
                Snippet::source(location.source.text.as_str())
                    .path(location.source.name.as_str())
                    .annotation(AnnotationKind::Primary.span(location.span.clone())),
            ),
            None => title.elements(Vec::<annotate_snippets::Message<'_>>::new()),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

/// Every problem of a source, or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The value, unless there are problems.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Takes the value of a result, or remembers its problem.
    pub fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.0.push(problem)).ok()
    }

    /// Each once: what is wrong for one host is usually wrong for all.
    #[must_use]
    pub fn distinct(self) -> Self {
        let mut distinct: Vec<Problem> = Vec::new();
        for problem in self.0 {
            if !distinct.contains(&problem) {
                distinct.push(problem);
            }
        }
        Self(distinct)
    }

    /// All of them, rendered, a blank line between.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        self.0.iter().map(|problem| problem.render(color)).collect::<Vec<_>>().join("\n\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}
