//! A string of a playbook or an inventory that may contain `{{ var }}`.

use std::sync::Arc;

use serde_json::Value;

use super::compiled::Compiled;
use super::{Context, Location, Problem, jinja};

/// A string, parsed as a template where it has braces. One without braces is itself, byte for byte.
#[derive(Debug, Clone)]
pub struct Text {
    raw: String,
    location: Location,
    compiled: Option<Arc<Compiled>>,
}

impl Text {
    /// The text, or what is wrong with it: Jinja2 is named, with what to write instead.
    pub fn parse(raw: String, location: Location) -> Result<Self, Problem> {
        if let Some(fault) = jinja::statement(&raw) {
            return Err(fault.in_value(&location));
        }
        let compiled = if raw.contains("{{") {
            Some(Arc::new(Compiled::new(&raw).map_err(|fault| fault.in_value(&location))?))
        } else {
            None
        };
        Ok(Self { raw, location, compiled })
    }

    /// The text with its variables filled in.
    pub fn render(&self, context: &Context) -> Result<String, Problem> {
        match &self.compiled {
            Some(compiled) => compiled
                .render(context)
                .map_err(|fault| context.blame(self.references(), fault.in_value(&self.location))),
            None => Ok(self.raw.clone()),
        }
    }

    /// The same as a value: a text that is just `{{ x }}` has `x`'s own type, as in Ansible.
    pub fn value(&self, context: &Context) -> Result<Value, Problem> {
        let Some(json) = self.compiled.as_ref().and_then(|compiled| compiled.as_json()) else {
            return self.render(context).map(Value::String);
        };
        let text = json
            .render(context)
            .map_err(|fault| context.blame(self.references(), fault.in_value(&self.location)))?;
        serde_json::from_str(&text).map_err(|error| Problem::at(&self.location, error.to_string()))
    }

    /// The text as it was written.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Where it was written.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Whether it says the same in every context.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.compiled.is_none()
    }

    /// The names of the variables that it may ask for.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.compiled.iter().flat_map(|compiled| compiled.references())
    }
}
