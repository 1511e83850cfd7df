//! What can be said of a template before it is rendered: which helpers and variables it names.

use std::collections::BTreeSet;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg};

use super::blocks::BLOCKS;
use super::fault::Fault;
use super::functions::{FUNCTIONS, VALUE};
use crate::model::source::suggestion;

/// What a template may ask for.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// First segments of all its paths.
    pub(super) names: BTreeSet<String>,
    /// It asks for everything, as `{{json this}}` does.
    pub(super) everything: bool,
}

/// Checks the helpers' names and arguments, notes the variables, and turns every plain `{{ x }}` into a call of
/// the function that refuses what is missing or has no text.
pub(super) fn check(template: &mut handlebars::Template, text: &str) -> Result<Asked, Fault> {
    let mut asked = Asked::default();
    elements(template, text, &mut asked)?;
    Ok(asked)
}

fn elements(template: &mut handlebars::Template, text: &str, asked: &mut Asked) -> Result<(), Fault> {
    let mapping = &template.mapping;
    for (at, element) in template.elements.iter_mut().enumerate() {
        let place = |fault: Fault| match mapping.get(at) {
            Some(place) => fault.placed(text, place.0, place.1),
            None => fault,
        };
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::Expression(tag) | TemplateElement::HtmlExpression(tag) => {
                expression(tag, asked).map_err(place)?;
            }
            TemplateElement::HelperBlock(tag) => {
                block(tag, asked).map_err(place)?;
                for inner in [&mut tag.template, &mut tag.inverse].into_iter().flatten() {
                    elements(inner, text, asked)?;
                }
            }
            TemplateElement::PartialExpression(_) | TemplateElement::PartialBlock(_) => {
                return Err(place(Fault::new("partials ({{> …}}) are not available in this version")));
            }
            _ => return Err(place(Fault::new("decorators ({{* …}}) are not available here"))),
        }
    }
    Ok(())
}

fn block(tag: &mut HelperTemplate, asked: &mut Asked) -> Result<(), Fault> {
    let name = tag.name.as_name().unwrap_or_default().to_owned();
    if !BLOCKS.iter().any(|(known, _)| *known == name) {
        let known = BLOCKS.iter().map(|(known, _)| *known);
        return Err(unknown("block", &name, known));
    }
    count(&name, tag, 1, 1)?;
    parameters(&mut tag.params, asked)
}

fn expression(tag: &mut HelperTemplate, asked: &mut Asked) -> Result<(), Fault> {
    if tag.params.is_empty() && tag.hash.is_empty() {
        let plain = std::mem::replace(&mut tag.name, Parameter::Name(VALUE.to_owned()));
        tag.params.push(plain);
        return parameters(&mut tag.params, asked);
    }
    let name = tag.name.as_name().unwrap_or_default().to_owned();
    if name == "lookup" {
        return Err(Fault::new("the helper `lookup` is not available in this version"));
    }
    let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
        return Err(unknown("helper", &name, FUNCTIONS.iter().map(|function| function.name)));
    };
    count(&name, tag, function.least, function.most)?;
    parameters(&mut tag.params, asked)
}

fn parameters(params: &mut [Parameter], asked: &mut Asked) -> Result<(), Fault> {
    for param in params {
        match param {
            Parameter::Path(Path::Relative((segments, _))) => {
                let name = segments.iter().find_map(|segment| match segment {
                    PathSeg::Named(name) => Some(name.clone()),
                    _ => None,
                });
                match name {
                    Some(name) if name != "this" => drop(asked.names.insert(name)),
                    _ => asked.everything = true,
                }
            }
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(tag) = inner.element.as_mut() {
                    expression(tag, asked)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn count(name: &str, tag: &HelperTemplate, least: usize, most: usize) -> Result<(), Fault> {
    if !tag.hash.is_empty() {
        return Err(Fault::new(format!("`{name}` takes no named arguments")));
    }
    let given = tag.params.len();
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (least, most) if least == most => format!("{least}"),
        (least, usize::MAX) => format!("{least} or more"),
        (least, most) => format!("{least} to {most}"),
    };
    Err(Fault::new(format!("`{name}` takes {wanted} arguments, and here are {given}")))
}

fn unknown(what: &str, name: &str, known: impl Iterator<Item = &'static str> + Clone) -> Fault {
    let list = known.clone().collect::<Vec<_>>().join(", ");
    match suggestion(name, known) {
        Some(near) => Fault::new(format!("unknown {what} `{name}`; did you mean `{near}`?")),
        None => Fault::new(format!("unknown {what} `{name}`")).help(format!("there are: {list}")),
    }
}
