//! A template that has been parsed and checked.

use std::sync::LazyLock;

use handlebars::template::{Parameter, TemplateElement};
use handlebars::{Handlebars, RenderContext, Renderable, StringOutput, TemplateErrorReason, no_escape};
use serde_json::Value;

use super::blocks::BLOCKS;
use super::check::{Asked, check};
use super::fault::Fault;
use super::functions::{ENVIRONMENT, FUNCTIONS, PLAIN, VALUE};
use super::{Context, Vars, jinja};
use crate::model::source::suggestion;

/// Deeper nesting of brackets in a tag, or of blocks, is refused: the parser works by recursion.
const DEPTH: usize = 32;

static REGISTRY: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(no_escape);
    for function in FUNCTIONS.iter().chain([&PLAIN]) {
        registry.register_helper(function.name, Box::new(function));
    }
    for (name, block) in BLOCKS {
        registry.register_helper(name, Box::new(block));
    }
    registry
});

#[derive(Debug, Clone)]
pub(super) struct Compiled {
    text: String,
    template: handlebars::Template,
    asked: Asked,
}

impl Compiled {
    pub(super) fn new(text: &str) -> Result<Self, Fault> {
        shallow(text)?;
        let mut template = handlebars::Template::compile(text).map_err(|error| {
            let (line, column) = error.pos().unwrap_or((1, 1));
            if let Some(fault) = jinja::explain(text) {
                return fault;
            }
            let message = match error.reason() {
                TemplateErrorReason::InvalidSyntax(_) => "this is no Handlebars expression".to_owned(),
                other => other.to_string(),
            };
            Fault::new(message)
                .help("write {{ variable }} or {{helper argument}}; braces meant for others are written \\{{")
                .placed(text, line, column)
        })?;
        let asked = check(&mut template, text).map_err(|fault| jinja::explain(text).unwrap_or(fault))?;
        Ok(Self { text: text.to_owned(), template, asked })
    }

    /// The names of the variables that it may ask for.
    pub(super) fn references(&self) -> impl Iterator<Item = &str> {
        self.asked.names.iter().map(String::as_str)
    }

    pub(super) fn render(&self, context: &Context) -> Result<String, Fault> {
        let data = handlebars::Context::from(Value::Object(self.data(context)));
        let mut out = StringOutput::new();
        let mut state = RenderContext::new(None);
        self.template.render(&REGISTRY, &data, &mut state, &mut out).map_err(|error| {
            let (line, column) = (error.line_no.unwrap_or(1), error.column_no.unwrap_or(1));
            let fault = Fault::from(error).placed(&self.text, line, column);
            with_hint(fault, context)
        })?;
        out.into_string().map_err(|error| Fault::new(error.to_string()))
    }

    /// The same, where the template is nothing but `{{ x }}`: it renders to the value's JSON.
    pub(super) fn as_json(&self) -> Option<Self> {
        let [TemplateElement::Expression(tag)] = self.template.elements.as_slice() else { return None };
        if tag.name.as_name() != Some(VALUE) {
            return None;
        }
        let mut json = self.clone();
        if let [TemplateElement::Expression(tag)] = json.template.elements.as_mut_slice() {
            tag.name = Parameter::Name("json".to_owned());
        }
        Some(json)
    }

    /// Only what the template asks for: `hostvars` of a large fleet is not copied for nothing.
    fn data(&self, context: &Context) -> Vars {
        let mut data = if self.asked.everything { context.vars.clone() } else { Vars::new() };
        for name in &self.asked.names {
            if let Some(value) = context.get(name) {
                data.insert(name.clone(), value.clone());
            }
        }
        if self.text.contains("env")
            && let Some(environment) = context.shared.get(ENVIRONMENT)
        {
            data.insert(ENVIRONMENT.to_owned(), environment.clone());
        }
        data
    }
}

/// What may have been meant by the name that is not there.
fn with_hint(fault: Fault, context: &Context) -> Fault {
    let Some(path) = &fault.missing else { return fault };
    let name = path.split(['.', '/', '[']).find(|part| !part.is_empty()).unwrap_or(path).to_owned();
    let scope = context.vars.keys().chain(context.shared.keys()).map(String::as_str);
    if &name == path && context.get(&name).is_some() {
        return fault.help(format!("inside a block, an outer variable is written `@root.{name}`"));
    }
    if let Some(Value::Object(members)) = context.get(&name) {
        let members = members.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        return fault.help(format!("`{name}` has: {members}"));
    }
    if let Some(near) = suggestion(&name, scope) {
        return fault.help(format!("did you mean `{near}`?"));
    }
    let help = format!("define `{name}` (-e {name}=… does), or write {{{{default {path} \"…\"}}}}");
    fault.help(help)
}

fn shallow(text: &str) -> Result<(), Fault> {
    let (mut blocks, mut brackets) = (0_usize, 0_usize);
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let after = rest.get(at..).unwrap_or_default();
        let end = after.find("}}").unwrap_or(after.len());
        let tag = after.get(2..end).unwrap_or_default();
        blocks = match tag.trim_start_matches(['~', '{', ' ', '\n', '\t', '\r']).chars().next() {
            Some('#') => blocks + 1,
            Some('/') => blocks.saturating_sub(1),
            _ => blocks,
        };
        brackets = brackets.max(nesting(tag));
        if blocks > DEPTH || brackets > DEPTH {
            return Err(Fault::new(format!("nested more than {DEPTH} levels deep")));
        }
        rest = after.get(end..).unwrap_or_default();
    }
    Ok(())
}

/// How deep the brackets of a tag are nested.
fn nesting(tag: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for c in tag.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
