//! `when:`.

use serde_json::Value;

use super::compiled::Compiled;
use super::{Context, Location, Problem, truthy};

/// A Handlebars expression without braces: `(eq color "blue")`, `color`, `true`.
#[derive(Debug, Clone)]
pub struct Condition {
    raw: String,
    location: Location,
    compiled: Compiled,
}

impl Condition {
    /// The condition, or what is wrong with it: Jinja2 is named, with what to write instead.
    pub fn parse(raw: String, location: Location) -> Result<Self, Problem> {
        let expression = raw.trim();
        if expression.contains("{{") {
            return Err(Problem::at(&location, "a condition is written without braces")
                .help("write the expression itself: (eq color \"blue\")"));
        }
        if expression.is_empty() {
            return Err(
                Problem::at(&location, "a condition cannot be empty").help("remove it, or write true")
            );
        }
        if let Some(problem) = jinja_comparison(expression, &location) {
            return Err(problem);
        }
        let call = expression.contains(char::is_whitespace) && !expression.starts_with('(');
        let expression = if call { format!("({expression})") } else { expression.to_owned() };
        let compiled = Compiled::new(&format!("{{{{json {expression}}}}}")).map_err(|fault| {
            let help = fault
                .help
                .unwrap_or_else(|| "write (eq color \"blue\"), (defined name) or a name".to_owned());
            Problem::at(&location, format!("`{}` is no condition: {}", raw.trim(), fault.message)).help(help)
        })?;
        Ok(Self { raw, location, compiled })
    }

    /// Whether it holds. Text that spells a boolean (`-e flag=false`) counts as it reads.
    pub fn holds(&self, context: &Context) -> Result<bool, Problem> {
        let text = self
            .compiled
            .render(context)
            .map_err(|fault| context.blame(self.compiled.references(), fault.in_value(&self.location)))?;
        let value: Value =
            serde_json::from_str(&text).map_err(|error| Problem::at(&self.location, error.to_string()))?;
        Ok(truthy(&value))
    }

    /// The condition as it was written.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Where it was written.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }
}

fn jinja_comparison(expression: &str, location: &Location) -> Option<Problem> {
    let words: Vec<&str> = expression.split_whitespace().collect();
    let quoted = |word: &str| word.replace('\'', "\"");
    let instead = match words.as_slice() {
        [left, "==", right] => format!("(eq {left} {})", quoted(right)),
        [left, "!=", right] => format!("(ne {left} {})", quoted(right)),
        [name, "is", "defined"] => format!("(defined {name})"),
        [name, "is", "not", "defined"] | [name, "is", "undefined"] => format!("(not (defined {name}))"),
        [left, "and", right] => format!("(and {left} {right})"),
        [left, "or", right] => format!("(or {left} {right})"),
        _ if ["==", "!=", "is", "and", "or", "in"]
            .iter()
            .any(|word| words.get(1..).is_some_and(|w| w.contains(word))) =>
        {
            "(and (eq color \"blue\") (defined name)), one helper inside another".to_owned()
        }
        _ => return None,
    };
    Some(
        Problem::at(location, format!("the Jinja2 condition `{expression}` is not understood"))
            .help(format!("write {instead}")),
    )
}
