//! The blocks, strict: `if`, `unless`, `each`, `with`.

use handlebars::{
    BlockContext, BlockParams, Context, Handlebars, Helper, HelperDef, HelperResult, Output, PathAndJson,
    RenderContext, RenderError, Renderable,
};
use serde_json::Value;

use super::fault::Fault;
use super::truthy;

/// A block.
#[derive(Clone, Copy)]
pub(super) enum Block {
    If,
    Unless,
    Each,
    With,
}

/// Every block, by name.
pub(super) static BLOCKS: [(&str, Block); 4] =
    [("if", Block::If), ("unless", Block::Unless), ("each", Block::Each), ("with", Block::With)];

/// What every step of a render is given.
struct Render<'h, 'reg, 'rc> {
    helper: &'h Helper<'rc>,
    registry: &'reg Handlebars<'reg>,
    context: &'rc Context,
}

impl HelperDef for Block {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let Some(param) = helper.param(0) else { return Ok(()) };
        if param.is_value_missing() {
            return Err(Fault::missing(param.relative_path().map_or("argument", String::as_str)).into());
        }
        let render = Render { helper, registry, context };
        match self {
            Self::If => render.branch(truthy(param.value()), rc, out),
            Self::Unless => render.branch(!truthy(param.value()), rc, out),
            Self::With => render.with(param, rc, out),
            Self::Each => render.each(param, rc, out),
        }
    }
}

impl<'reg: 'rc, 'rc> Render<'_, 'reg, 'rc> {
    fn branch(&self, body: bool, rc: &mut RenderContext<'reg, 'rc>, out: &mut dyn Output) -> HelperResult {
        let template = if body { self.helper.template() } else { self.helper.inverse() };
        template.map_or(Ok(()), |template| template.render(self.registry, self.context, rc, out))
    }

    fn with(
        &self,
        param: &PathAndJson<'rc>,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        if !truthy(param.value()) {
            return self.branch(false, rc, out);
        }
        self.inside(param, None, &[], rc, out)
    }

    fn each(
        &self,
        param: &PathAndJson<'rc>,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let items: Vec<(Value, String)> = match param.value() {
            Value::Array(items) => (0..items.len()).map(|at| (at.into(), at.to_string())).collect(),
            Value::Object(entries) => entries.keys().map(|key| (key.as_str().into(), key.clone())).collect(),
            _ => {
                let name = param.relative_path().map_or("this", String::as_str);
                return Err(Fault::new(format!(
                    "`each` goes over a list or a mapping, and `{name}` is neither"
                ))
                .into());
            }
        };
        if items.is_empty() {
            return self.branch(false, rc, out);
        }
        for (at, (key, path)) in items.iter().enumerate() {
            let locals = [
                ("first", Value::from(at == 0)),
                ("last", Value::from(at + 1 == items.len())),
                ("index", Value::from(at)),
                ("key", key.clone()),
            ];
            self.inside(param, Some((key, path)), &locals, rc, out)?;
        }
        Ok(())
    }

    /// The body once, with a value or one of its members as `this`.
    fn inside(
        &self,
        param: &PathAndJson<'rc>,
        member: Option<(&Value, &String)>,
        locals: &[(&str, Value)],
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = member.map_or(Some(param.value()), |(key, path)| match param.value() {
            Value::Array(items) => key.as_u64().and_then(|at| items.get(usize::try_from(at).ok()?)),
            other => other.get(path),
        });
        let mut block = BlockContext::new();
        if let Some(base) = param.context_path() {
            *block.base_path_mut() =
                base.iter().cloned().chain(member.map(|(_, path)| path.clone())).collect();
        } else {
            block.set_base_value(value.cloned().unwrap_or_default());
        }
        for (name, value) in locals {
            block.set_local_var(name, value.clone());
        }
        block.set_block_params(self.names(value, member.map(|(key, _)| key))?);
        rc.push_block(block);
        let result = self.branch(true, rc, out);
        rc.pop_block();
        result
    }

    /// `as |item|` and `as |item key|`.
    fn names(&self, value: Option<&Value>, key: Option<&Value>) -> Result<BlockParams<'rc>, RenderError> {
        let mut names = BlockParams::new();
        let pair = self.helper.block_param_pair();
        if let (Some(name), Some(value)) = (self.helper.block_param().or(pair.map(|(item, _)| item)), value) {
            names.add_value(name, value.clone())?;
        }
        if let (Some((_, name)), Some(key)) = (pair, key) {
            names.add_value(name, key.clone())?;
        }
        Ok(names)
    }
}
