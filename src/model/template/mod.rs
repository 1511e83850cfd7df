//! Handlebars, strict: what is missing or cannot be shown is an error. The crate is named in this room alone.

mod blocks;
mod check;
mod compiled;
mod condition;
mod expand;
mod fault;
mod functions;
mod jinja;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::source::{Location, Problem, Source};
use compiled::Compiled;

pub use condition::Condition;
pub use expand::{expand, expand_known};
pub(super) use functions::ENVIRONMENT;
pub use text::Text;

/// Variables by name, in order.
pub type Vars = Map<String, Value>;

/// What a template sees.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The host's variables and the run's.
    pub vars: Vars,
    /// What all hosts share (`groups`, `hostvars`) and, under no name of a variable, what the helper `env` may look up.
    /// A variable of the same name hides it.
    pub shared: Arc<Vars>,
    /// Variables whose values could not be expanded, and why: told to whoever asks for one of them.
    pub broken: BTreeMap<String, Problem>,
}

impl Context {
    /// Why a text that refers to these names failed: a broken variable among them, else what was met.
    fn blame<'n>(&self, mut names: impl Iterator<Item = &'n str>, met: Problem) -> Problem {
        names.find_map(|name| self.broken.get(name)).cloned().unwrap_or(met)
    }

    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.vars.get(name).or_else(|| self.shared.get(name))
    }
}

/// A file of the templates folder, parsed.
#[derive(Debug, Clone)]
pub struct Template {
    source: Arc<Source>,
    compiled: Compiled,
}

impl Template {
    /// The template, or the first thing that is wrong with it.
    pub fn parse(source: Arc<Source>) -> Result<Self, Problem> {
        let compiled = Compiled::new(&source.text).map_err(|fault| fault.in_source(&source))?;
        Ok(Self { source, compiled })
    }

    /// The rendered text.
    pub fn render(&self, context: &Context) -> Result<String, Problem> {
        self.compiled
            .render(context)
            .map_err(|fault| context.blame(self.references(), fault.in_source(&self.source)))
    }

    /// The names of the variables that it may ask for.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.compiled.references()
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }
}

/// Whether a value counts as true. Text that spells a boolean counts as it reads, since `-e flag=false` is text.
fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.to_lowercase().as_str(), "" | "false" | "no" | "off"),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

fn narrowed(location: &Location, tag: &str) -> Location {
    match location.text().find(tag) {
        Some(at) if !tag.is_empty() => {
            let start = location.span.start + at;
            Location { source: Arc::clone(&location.source), span: start..start + tag.len() }
        }
        _ => location.clone(),
    }
}

#[cfg(test)]
mod tests;
