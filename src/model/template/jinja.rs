//! Ansible's own template language, recognized, with what to write instead.

use super::fault::Fault;

/// What is Jinja2 in a text, and what to write instead; `None` where nothing looks like it.
pub(super) fn explain(text: &str) -> Option<Fault> {
    statement(text).or_else(|| tags(text).find_map(|(at, tag)| expression(at, tag)))
}

/// `{% … %}` or `{# … #}`, which no value may contain.
pub(super) fn statement(text: &str) -> Option<Fault> {
    let found = [("{%", "statement"), ("{#", "comment")];
    let (at, what) = found.iter().filter_map(|(open, what)| Some((text.find(open)?, *what))).min()?;
    let rest = text.get(at..).unwrap_or_default();
    let close = if what == "statement" { "%}" } else { "#}" };
    // `${#array}` and a lone `{%` are shell's or cron's business.
    let end = rest.find(close)? + close.len();
    let tag = rest.get(..end).unwrap_or_default().to_owned();
    let help = match tag.trim_start_matches(['{', '%', '-', ' ']).split(' ').next() {
        Some("for" | "endfor") => "write {{#each list}} … {{/each}}",
        Some("if" | "else" | "elif" | "endif") => "write {{#if (eq color \"blue\")}} … {{else}} … {{/if}}",
        Some("set") => "put the value into a variable of the inventory or the playbook",
        _ if what == "comment" => "write {{! comment }}",
        _ => "bgctl's templates are Handlebars: {{#if …}}, {{#each …}}",
    };
    Some(Fault { tag, at, ..Fault::new(format!("a Jinja2 {what} is not understood")).help(help) })
}

fn tags(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + text.get(from..)?.find("{{")?;
        let rest = text.get(at..)?;
        let end = rest.find("}}").map_or(rest.len(), |end| end + 2);
        from = at + end;
        rest.get(..end).map(|tag| (at, tag))
    })
}

fn expression(at: usize, tag: &str) -> Option<Fault> {
    let inner = tag.trim_matches(['{', '}', '~', ' ']);
    if inner.starts_with(['#', '/', '!', '>', '*']) {
        return None;
    }
    let (what, help) = filter(inner).or_else(|| call(inner)).or_else(|| operator(inner))?;
    Some(Fault { tag: tag.to_owned(), at, ..Fault::new(what).help(help) })
}

fn filter(inner: &str) -> Option<(String, String)> {
    let (value, filters) = split_outside_quotes(inner, '|')?;
    let value = value.trim();
    let filter = filters.trim();
    let name = filter.split(['(', '|', ' ']).next().unwrap_or_default();
    let argument = filter
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'))
        .map_or("\"…\"".to_owned(), |(argument, _)| argument.trim().replace('\'', "\""));
    let help = match name {
        "default" | "d" => {
            let argument = argument.split(", ").next().unwrap_or_default();
            format!("write {{{{default {value} {argument}}}}}")
        }
        "join" => format!("write {{{{join {value} {argument}}}}}"),
        "to_json" | "to_nice_json" | "tojson" => format!("write {{{{json {value}}}}}"),
        "quote" => format!("write {{{{shq {value}}}}}"),
        "mandatory" => format!("write {{{{required {value}}}}}"),
        "int" | "string" | "bool" => format!("write {{{{ {value} }}}}"),
        _ => "write the finished value into a variable of the inventory or the playbook".to_owned(),
    };
    Some((format!("the Jinja2 filter `{name}` is not understood"), help))
}

fn call(inner: &str) -> Option<(String, String)> {
    let (name, arguments) = split_outside_quotes(inner, '(')?;
    let callable = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '\'' | '"');
    if name.is_empty() || !name.chars().all(callable) {
        return None;
    }
    let words: Vec<&str> = arguments
        .trim_end_matches(')')
        .split(',')
        .map(|word| word.trim().trim_matches(['\'', '"']))
        .collect();
    let help = match (name, words.as_slice()) {
        ("lookup" | "query" | "q", ["env", variable]) => format!("write {{{{env \"{variable}\"}}}}"),
        ("lookup" | "query" | "q", _) => "only the environment can be looked up: {{env \"NAME\"}}".to_owned(),
        _ => "write the finished value into a variable of the inventory or the playbook".to_owned(),
    };
    Some((format!("the Jinja2 call `{name}()` is not understood"), help))
}

fn operator(inner: &str) -> Option<(String, String)> {
    let words: Vec<&str> = inner.split_whitespace().collect();
    let help = match words.as_slice() {
        [left, "==", right] => format!("write {{{{eq {left} {}}}}}", right.replace('\'', "\"")),
        [left, "!=", right] => format!("write {{{{ne {left} {}}}}}", right.replace('\'', "\"")),
        [name, "is", "defined"] => format!("write {{{{defined {name}}}}}"),
        [name, "is", "not", "defined"] | [name, "is", "undefined"] => {
            format!("write {{{{not (defined {name})}}}}")
        }
        [value, "if", rest @ ..] => match rest.split(|word| *word == "else").collect::<Vec<_>>().as_slice() {
            [test, other] => format!(
                "write {{{{#if {}}}}}{value}{{{{else}}}}{}{{{{/if}}}}",
                test.join(" "),
                other.join(" ")
            ),
            _ => format!("write {{{{#if …}}}}{value}{{{{/if}}}}"),
        },
        _ if inner.contains(" ~ ") || inner.contains(" + ") => {
            "write the parts one after another: {{ a }}{{ b }}".to_owned()
        }
        [name] if name.contains('[') && !name.contains(".[") => {
            let path = name.replace("['", ".[").replace("[\"", ".[").replace("']", "]").replace("\"]", "]");
            let path = path.replace(".[", "[").replace('[', ".[");
            format!("write {{{{ {path} }}}}")
        }
        _ => return None,
    };
    Some((format!("the Jinja2 expression `{inner}` is not understood"), help))
}

fn split_outside_quotes(text: &str, at: char) -> Option<(&str, &str)> {
    let mut quote = None;
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, _) if c == at => return Some((text.get(..index)?, text.get(index + c.len_utf8()..)?)),
            _ => {}
        }
    }
    None
}
