//! Variables in the values of variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Context, Location, Problem, Source, Text, Vars};
use crate::model::source::Problems;

/// All variables, with every `{{ name }}` in their values filled in, however deep one refers to another. A value
/// that is just `{{ x }}` keeps `x`'s type. `locate` says where a variable was written.
pub fn expand(
    vars: &Vars,
    shared: &Arc<Vars>,
    locate: &dyn Fn(&str) -> Option<Location>,
) -> Result<Vars, Problems> {
    let expanded = Expander::run(vars, Vars::new(), shared, locate);
    expanded.problems.or(expanded.done.vars)
}

/// As [`expand`], but a value that cannot be expanded is an error only for whoever asks for it, as in
/// Ansible. `own` are values that are taken as they are and win over those that were written.
pub fn expand_known(
    vars: &Vars,
    own: Vars,
    shared: &Arc<Vars>,
    locate: &dyn Fn(&str) -> Option<Location>,
) -> Context {
    Expander::run(vars, own, shared, locate).done
}

struct Expander<'v> {
    raw: &'v Vars,
    locate: &'v dyn Fn(&str) -> Option<Location>,
    done: Context,
    failed: Vec<String>,
    /// The variables being expanded, outermost first.
    path: Vec<String>,
    problems: Problems,
}

impl<'v> Expander<'v> {
    fn run(
        vars: &'v Vars,
        own: Vars,
        shared: &Arc<Vars>,
        locate: &'v dyn Fn(&str) -> Option<Location>,
    ) -> Self {
        let done = Context { vars: own, shared: Arc::clone(shared), broken: BTreeMap::new() };
        let mut expander = Self {
            raw: vars,
            locate,
            done,
            failed: Vec::new(),
            path: Vec::new(),
            problems: Problems::default(),
        };
        for name in vars.keys() {
            let before = expander.problems.0.len();
            if !expander.need(name) {
                // Of several reasons the first is where it began.
                let why = expander.problems.0.get(before).or(expander.problems.0.first()).cloned();
                expander.done.broken.extend(why.map(|why| (name.clone(), why)));
            }
        }
        let expanded = vars.keys().filter_map(|name| expander.done.vars.remove_entry(name)).collect();
        let own = std::mem::replace(&mut expander.done.vars, expanded);
        expander.done.vars.extend(own);
        expander
    }

    /// Expands a variable, once. Returns whether its value is known.
    fn need(&mut self, name: &str) -> bool {
        if self.done.vars.contains_key(name) {
            return true;
        }
        if self.failed.iter().any(|failed| failed == name) {
            return false;
        }
        let Some(value) = self.raw.get(name) else { return true };
        if let Some(at) = self.path.iter().position(|open| open == name) {
            self.refuse_cycle(at, name);
            return false;
        }
        self.path.push(name.to_owned());
        let location = self.location(name, value);
        let value = self.value(value, &location);
        self.path.pop();
        match value {
            Some(value) => drop(self.done.vars.insert(name.to_owned(), value)),
            None => self.failed.push(name.to_owned()),
        }
        self.done.vars.contains_key(name)
    }

    fn value(&mut self, value: &Value, location: &Location) -> Option<Value> {
        match value {
            Value::String(text) => self.text(text, location),
            Value::Array(items) => items.iter().map(|item| self.value(item, location)).collect(),
            Value::Object(entries) => entries
                .iter()
                .map(|(key, value)| Some((key.clone(), self.value(value, location)?)))
                .collect::<Option<Vars>>()
                .map(Value::Object),
            other => Some(other.clone()),
        }
    }

    fn text(&mut self, text: &str, location: &Location) -> Option<Value> {
        let text = self.problems.keep(Text::parse(text.to_owned(), location.clone()))?;
        let mut known = true;
        for name in text.references() {
            known &= self.need(name);
        }
        // What a value refers to has its own problem already.
        if known { self.problems.keep(text.value(&self.done)) } else { None }
    }

    fn refuse_cycle(&mut self, at: usize, name: &str) {
        let cycle: Vec<&str> = self.path.iter().skip(at).map(String::as_str).chain([name]).collect();
        let message = format!("these variables refer to each other in a circle: {}", cycle.join(" → "));
        let value = self.raw.get(name).cloned().unwrap_or_default();
        self.problems
            .0
            .push(Problem::at(&self.location(name, &value), message).help("give one of them a plain value"));
    }

    /// Where a variable was written; of one that stands in no file, its own text.
    fn location(&self, name: &str, value: &Value) -> Location {
        (self.locate)(name).unwrap_or_else(|| {
            let text = format!("{name}: {value}");
            Location::new(&Source::new(format!("the variable {name}"), text.clone()), 0..text.len())
        })
    }
}
