//! The helpers that compute a value.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, PathAndJson, RenderContext, RenderError,
    ScopedJson,
};
use serde_json::Value;

use super::fault::Fault;
use super::truthy;

/// Under this key the context holds what `env` may look up; no variable can have the name.
pub(in crate::model) const ENVIRONMENT: &str = "(environment)";
/// The function that every plain `{{ x }}` is turned into.
pub(super) const VALUE: &str = "value";

type Compute = for<'a, 'rc> fn(&'a Args<'a, 'rc>) -> Result<Value, Fault>;

/// A helper: its name, how many arguments it takes, what it computes.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) least: usize,
    pub(super) most: usize,
    compute: Compute,
}

const fn function(name: &'static str, least: usize, most: usize, compute: Compute) -> Function {
    Function { name, least, most, compute }
}

const MANY: usize = usize::MAX;

/// Every function of SPEC's list but `lookup`.
pub(super) static FUNCTIONS: [Function; 12] = [
    function("eq", 2, 2, |args| Ok(same(args.value(0)?, args.value(1)?).into())),
    function("ne", 2, 2, |args| Ok((!same(args.value(0)?, args.value(1)?)).into())),
    function("not", 1, 1, |args| Ok((!truthy(args.value(0)?)).into())),
    function("and", 2, MANY, |args| Ok(args.all()?.into_iter().all(truthy).into())),
    function("or", 2, MANY, |args| Ok(args.all()?.into_iter().any(truthy).into())),
    function("default", 2, 2, |args| args.given(0).map_or_else(|| args.value(1), Ok).cloned()),
    function("defined", 1, 1, |args| Ok(args.given(0).is_some().into())),
    function("required", 1, 2, required),
    function("join", 2, 2, join),
    function("json", 1, 1, |args| Ok(args.value(0)?.to_string().into())),
    function("shq", 1, 1, |args| quoted(&args.text(0)?).map(Value::from)),
    function("env", 1, 2, environment),
];

pub(super) static PLAIN: Function = function(VALUE, 1, 1, |args| Ok(args.value(0)?.clone()));

struct Args<'a, 'rc> {
    helper: &'a Helper<'rc>,
    context: &'a Context,
}

impl<'a> Args<'a, '_> {
    fn given(&self, at: usize) -> Option<&'a Value> {
        self.helper.params().get(at).filter(|param| !param.is_value_missing()).map(PathAndJson::value)
    }

    fn name(&self, at: usize) -> &'a str {
        self.helper.params().get(at).and_then(PathAndJson::relative_path).map_or("argument", String::as_str)
    }

    fn value(&self, at: usize) -> Result<&'a Value, Fault> {
        self.given(at).ok_or_else(|| Fault::missing(self.name(at)))
    }

    fn text(&self, at: usize) -> Result<String, Fault> {
        text(self.value(at)?, self.name(at))
    }

    fn all(&self) -> Result<Vec<&'a Value>, Fault> {
        (0..self.helper.params().len()).map(|at| self.value(at)).collect()
    }
}

impl HelperDef for &'static Function {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        Ok(ScopedJson::Derived((self.compute)(&Args { helper, context })?))
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let args = Args { helper, context };
        let value = (self.compute)(&args)?;
        out.write(&text(&value, args.name(0))?)?;
        Ok(())
    }
}

/// A value as it is written into a text; a list or a mapping has no such form.
fn text(value: &Value, name: &str) -> Result<String, Fault> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Array(_) => {
            Err(Fault::new(format!("`{name}` is a list, which has no one text")).help(format!(
                "write {{{{join {name} \",\"}}}}, {{{{json {name}}}}} or {{{{#each {name}}}}}…{{{{/each}}}}"
            )))
        }
        Value::Object(_) => Err(Fault::new(format!("`{name}` is a mapping, which has no one text"))
            .help(format!("name one of its keys ({{{{ {name}.key }}}}), or write {{{{json {name}}}}}"))),
    }
}

/// Equality in which `1` and `1.0` are the same.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        _ => left == right,
    }
}

fn required(args: &Args<'_, '_>) -> Result<Value, Fault> {
    match args.given(0) {
        Some(value) if !value.is_null() && value != "" => Ok(value.clone()),
        _ => match args.given(1) {
            Some(message) => Err(Fault::new(text(message, "message")?)),
            None => Err(Fault::missing(args.name(0))),
        },
    }
}

fn join(args: &Args<'_, '_>) -> Result<Value, Fault> {
    let Value::Array(items) = args.value(0)? else {
        return Err(Fault::new(format!("`join` joins a list, and `{}` is none", args.name(0))));
    };
    let items = items.iter().map(|item| text(item, args.name(0))).collect::<Result<Vec<_>, _>>()?;
    Ok(items.join(&args.text(1)?).into())
}

fn quoted(text: &str) -> Result<String, Fault> {
    let quoted = shlex::try_quote(text).map_err(|_| Fault::new("a shell word cannot hold a NUL byte"))?;
    Ok(quoted.into_owned())
}

fn environment(args: &Args<'_, '_>) -> Result<Value, Fault> {
    let name = args.text(0)?;
    let set = args.context.data().get(ENVIRONMENT).and_then(|variables| variables.get(&name));
    // Who forgot a secret has an empty one, as pipelines are.
    let found = set.filter(|value| value.as_str() != Some(""));
    found.or_else(|| args.given(1)).cloned().ok_or_else(|| {
        let how = if set.is_some() { "empty" } else { "not set" };
        Fault::new(format!("the environment variable `{name}` is {how}"))
            .help(format!("set it, or give a default: {{{{env \"{name}\" \"…\"}}}}"))
    })
}
