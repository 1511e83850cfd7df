//! Variables from the command line: `-e`.

use std::sync::Arc;

use serde_json::Value;

use super::pairs;
use crate::model::Vars;
use crate::model::source::{self, Location, Problem, Problems, Scalars, Source};

/// What stands for a value that is not shown.
const LEFT_OUT: &str = "…";
/// A path that selects the app: who is offered a command must get the same one.
const SHOWN: &str = "bgctl_playbook";

/// Reads the arguments of `-e` in order, the last value of a name winning: `k=v k2="v 2"` (always strings), a
/// mapping in JSON or YAML, or `@FILE` with such a mapping in it, which is fetched by `read`.
pub fn parse_extra(args: &[String], read: &dyn Fn(&str) -> Result<String, String>) -> Result<Vars, Problems> {
    let mut vars = Vars::new();
    let mut problems = Vec::new();
    for arg in args {
        match argument(arg, read) {
            Ok(found) => vars.extend(found),
            Err(Problems(found)) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(vars) } else { Err(Problems(problems)) }
}

/// An argument of `-e` as it is shown: its names without their values, which may be secrets; a file stays as it is.
#[must_use]
pub fn without_values(arg: &str) -> String {
    if arg.trim_start().starts_with('@') {
        return arg.to_owned();
    }
    match argument(arg, &|path| Err(path.to_owned())) {
        Ok(vars) => vars.iter().map(shown).collect::<Vec<_>>().join(" "),
        Err(_) => LEFT_OUT.to_owned(),
    }
}

fn shown((name, value): (&String, &Value)) -> String {
    match value.as_str().filter(|value| name == SHOWN && !value.contains(char::is_whitespace)) {
        Some(value) => format!("{name}={value}"),
        None => format!("{name}={LEFT_OUT}"),
    }
}

/// Refuses what [`without_values`] made: who copies a command that was suggested has to fill it in.
fn filled_in(vars: Vars) -> Result<Vars, String> {
    let lacking = vars.iter().find(|(_, value)| value.as_str() == Some(LEFT_OUT));
    match lacking {
        Some((name, _)) => {
            Err(format!("`{name}={LEFT_OUT}` stands for a value that was not shown: write it"))
        }
        None => Ok(vars),
    }
}

fn argument(arg: &str, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Vars, Problems> {
    let source = Source::new("-e", arg);
    let problem = |message: String| Problem::at(&Location::new(&source, 0..arg.len()), message);
    match arg.trim_start().chars().next() {
        None => Ok(Vars::new()),
        Some('@') => {
            let path = arg.trim_start().trim_start_matches('@');
            let text = read(path).map_err(|why| {
                let help = "give the path as seen from the current folder";
                Problems(vec![problem(format!("cannot read {path}: {why}")).help(help)])
            })?;
            mapping(&Source::new(path, text))
        }
        Some('/' | '.') => {
            let help = format!("to read a file, write -e @{arg}");
            Err(Problems(vec![problem("`-e` takes NAME=VALUE, not a path".to_owned()).help(help)]))
        }
        Some('{' | '[') => mapping(&source),
        Some(_) => pairs::parse(arg).and_then(filled_in).map_err(|message| {
            let help = "write -e NAME=VALUE, and quotes around a value with spaces: -e 'NAME=\"a b\"'";
            Problems(vec![problem(message).help(help)])
        }),
    }
}

fn mapping(source: &Arc<Source>) -> Result<Vars, Problems> {
    let root = source::parse(source, Scalars::Yaml11)?;
    let Some(entries) = root.as_map() else {
        let message = format!("extra variables must be a mapping, and this is {}", root.kind());
        let help = "write `name: value` lines, or {\"name\": \"value\"}";
        return Err(Problems(vec![Problem::at(&root.location, message).help(help)]));
    };
    Ok(entries.iter().map(|(name, value)| (name.key_text(), value.to_json())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn extra(args: &[&str]) -> Result<Vars, Problems> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        parse_extra(&args, &|path| match path {
            "vars/prod.yml" => Ok("version: 1.10\nreplicas: 0o3\non_call: yes\n".to_owned()),
            "list.yml" => Ok("- a\n- b\n".to_owned()),
            _ => Err("no such file".to_owned()),
        })
    }

    #[track_caller]
    fn check(args: &[&str], expected: &serde_json::Value) {
        assert_eq!(serde_json::Value::Object(extra(args).unwrap()), *expected, "{args:?}");
    }

    #[test]
    fn pairs_are_always_strings() {
        check(&["a=1 b=yes", "c='x y'"], &json!({"a": "1", "b": "yes", "c": "x y"}));
        check(&["", "  "], &json!({}));
    }

    #[test]
    fn mappings_keep_their_types_and_the_last_one_wins() {
        check(&[r#"{"a": 1, "b": {"c": [true]}}"#], &json!({"a": 1, "b": {"c": [true]}}));
        check(&["{a: 1, b: no}", "a=2"], &json!({"a": "2", "b": false}));
        check(
            &["a=2", "@vars/prod.yml", "replicas=4"],
            &json!({
                "a": "2", "version": 1.1, "replicas": "4", "on_call": true
            }),
        );
    }

    #[test]
    fn values_are_left_out_of_what_is_shown_and_must_be_put_back() {
        for (arg, shown) in [
            ("version=1.4.0", "version=…"),
            ("version=1.4.0 token='hunter2 is'", "version=… token=…"),
            ("{\"token\": \"hunter2\", \"deep\": {\"key\": \"hunter2\"}}", "token=… deep=…"),
            ("{token: hunter2}", "token=…"),
            ("bgctl_playbook=shop.yml token=hunter2", "bgctl_playbook=shop.yml token=…"),
            ("@vars/prod.yml", "@vars/prod.yml"),
            ("token='hunter2", "…"),
            ("hunter2", "…"),
            ("/etc/hunter2", "…"),
            ("", ""),
        ] {
            assert_eq!(without_values(arg), shown, "{arg}");
        }
        let problems = extra(&["token=…"]).unwrap_err();
        assert_eq!(problems.0[0].message(), "`token=…` stands for a value that was not shown: write it");
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let problems = extra(&["a='x", "novalue", "@missing.yml", "/etc/vars.yml", "[1]", "@list.yml", "=1"]);
        let messages: Vec<_> = problems.unwrap_err().0.iter().map(|p| p.message().to_owned()).collect();
        assert_eq!(
            messages,
            [
                "a quote is not closed",
                "`novalue` is no variable",
                "cannot read missing.yml: no such file",
                "`-e` takes NAME=VALUE, not a path",
                "extra variables must be a mapping, and this is a list",
                "extra variables must be a mapping, and this is a list",
                "`=1` is no variable",
            ]
        );
    }
}
