//! `a=1 b="x y"`: variables in one line, by Ansible's rules, which are not a shell's: only quotes around a
//! whole value go away, an unknown escape stays as it is, and spaces within `{{ … }}` separate nothing.

use crate::model::Vars;

/// The variables of a line; all values are text. The error is a message.
pub(super) fn parse(line: &str) -> Result<Vars, String> {
    let mut vars = Vars::new();
    for word in words(line)? {
        let word = unescaped(&word);
        match word.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                vars.insert(name.trim().to_owned(), unquoted(value.trim()).into());
            }
            _ => return Err(format!("`{word}` is no variable")),
        }
    }
    Ok(vars)
}

/// The words of a line, with their quotes and escapes.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in line.chars() {
        if c.is_whitespace() && quote.is_none() && !in_template(&word) {
            words.push(std::mem::take(&mut word));
            continue;
        }
        if matches!(c, '"' | '\'') && !word.ends_with('\\') {
            quote = match quote {
                None => Some(c),
                Some(open) if open == c => None,
                open => open,
            };
        }
        word.push(c);
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    if in_template(&word) {
        return Err("a `{{` is not closed".to_owned());
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    Ok(words)
}

fn in_template(word: &str) -> bool {
    word.matches("{{").count() > word.matches("}}").count()
}

fn unquoted(value: &str) -> &str {
    let within =
        |quote: char| value.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.ends_with('\\'));
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

/// The word with the escapes that Ansible knows replaced.
fn unescaped(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        if let Some((c, after)) = escape(after) {
            text.push(c);
            rest = after;
        } else {
            text.push('\\');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

/// The character that an escape stands for, and what follows the escape.
fn escape(after: &str) -> Option<(char, &str)> {
    let mut chars = after.chars();
    let c = match chars.next()? {
        c @ ('\\' | '\'' | '"') => c,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => return hex(chars.as_str(), 2),
        'u' => return hex(chars.as_str(), 4),
        'U' => return hex(chars.as_str(), 8),
        _ => return None,
    };
    Some((c, chars.as_str()))
}

fn hex(after: &str, digits: usize) -> Option<(char, &str)> {
    let (number, after) = after.split_at_checked(digits)?;
    let number = number.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(number, 16).ok());
    Some((char::from_u32(number.flatten()?)?, after))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The expected values are those of Ansible's `parse_kv`.
    #[test]
    fn values_are_what_ansible_makes_of_them() {
        for (line, expected) in [
            (
                r#"a=1 b=yes c= d='x y' e="k=v""#,
                json!({"a": "1", "b": "yes", "c": "", "d": "x y", "e": "k=v"}),
            ),
            ("url=http://x/?a=b", json!({"url": "http://x/?a=b"})),
            ("image=shop:{{ version }} b=2", json!({"image": "shop:{{ version }}", "b": "2"})),
            (r"re=a\.b", json!({"re": r"a\.b"})),
            (r"path=C:\temp", json!({"path": "C:\temp"})),
            (r#"m="line\nnext""#, json!({"m": "line\nnext"})),
            (r#"j={"a":"b"}"#, json!({"j": r#"{"a":"b"}"#})),
            ("a='x'y", json!({"a": "'x'y"})),
            (r#"a="say \"hi\"" b=2"#, json!({"a": "say \"hi\"", "b": "2"})),
            (r"a=x\=y", json!({"a": r"x\=y"})),
            ("a=1\nb=2", json!({"a": "1", "b": "2"})),
            ("a=\"x\ny\"", json!({"a": "x\ny"})),
            (r#"a="$(touch owned)""#, json!({"a": "$(touch owned)"})),
            ("a=`id`;ls", json!({"a": "`id`;ls"})),
            ("a=ü✓", json!({"a": "ü✓"})),
            (r#"a='don"t' b="it's""#, json!({"a": "don\"t", "b": "it's"})),
            (r"a=back\\slash", json!({"a": r"back\slash"})),
            (r#"a="" b=''"#, json!({"a": "", "b": ""})),
            (r#"a=x="y z""#, json!({"a": "x=\"y z\""})),
            (r#"a={{ x }}-{{ "q" }} b=1"#, json!({"a": "{{ x }}-{{ \"q\" }}", "b": "1"})),
            (r"a=\x41\u00e9\xg1", json!({"a": r"Aé\xg1"})),
        ] {
            assert_eq!(parse(line).map(Value::Object), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for (line, message) in [
            ("it=it's x", "a quote is not closed"),
            ("a={{ x", "a `{{` is not closed"),
            ("a = 1", "`a` is no variable"),
            ("=1", "`=1` is no variable"),
            (r#"j={"a": "b"}"#, "`\"b\"}` is no variable"),
        ] {
            assert_eq!(parse(line), Err(message.to_owned()), "{line}");
        }
    }
}
