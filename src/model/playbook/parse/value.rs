//! Single values.

use std::time::Duration;

use super::Reader;
use crate::model::playbook::Batch;
use crate::model::source::{Node, Problem, Yaml, suggestion};
use crate::model::{Condition, Pattern, Text};

impl Reader<'_> {
    pub(super) fn text(&self, node: &Node, key: &str) -> Option<Text> {
        let Some(raw) = node.raw().filter(|_| !node.is_null()) else {
            self.refuse(Problem::at(&node.location, format!("`{key}` is text, and this is {}", node.kind())));
            return None;
        };
        self.keep(Text::parse(raw.to_owned(), node.location.clone()))
    }

    /// One text or a list of them.
    pub(super) fn texts(&self, node: &Node, key: &str) -> Option<Vec<Text>> {
        let read: Vec<_> = one_or_many(node).iter().map(|node| self.text(node, key)).collect();
        read.into_iter().collect()
    }

    pub(super) fn path(&self, node: &Node, key: &str) -> Option<Text> {
        let text = self.text(node, key)?;
        if text.raw().starts_with('/') || text.raw().starts_with("{{") {
            return Some(text);
        }
        self.refuse_at(
            &node.location,
            format!("`{key}` is an absolute path on the host"),
            "begin it with `/`",
        );
        None
    }

    pub(super) fn flag(&self, node: &Node, key: &str) -> Option<bool> {
        match (&node.value, node.raw()) {
            (Yaml::Bool(flag), _) => Some(*flag),
            (Yaml::String(_), Some("true" | "yes")) => Some(true),
            (Yaml::String(_), Some("false" | "no")) => Some(false),
            _ => {
                self.refuse(Problem::at(&node.location, format!("`{key}` is true or false")));
                None
            }
        }
    }

    pub(super) fn number(&self, node: &Node, key: &str, least: u32) -> Option<u32> {
        let number = node.raw().and_then(|raw| raw.parse().ok()).filter(|number| *number >= least);
        if number.is_none() {
            let message = format!("`{key}` is a whole number from {least}");
            self.refuse(Problem::at(&node.location, message));
        }
        number
    }

    pub(super) fn word<T: Copy>(&self, node: &Node, key: &str, words: &[(&str, T)]) -> Option<T> {
        let raw = node.raw().unwrap_or_default();
        let found = words.iter().find(|(word, _)| *word == raw).map(|(_, value)| *value);
        if found.is_none() {
            let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let problem = Problem::at(&node.location, format!("`{key}` is one of: {}", list.join(", ")));
            self.refuse(match suggestion(raw, list.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem,
            });
        }
        found
    }

    pub(super) fn duration(&self, node: &Node, key: &str) -> Option<Duration> {
        let duration = node.raw().and_then(duration);
        if duration.is_none() {
            self.refuse_at(
                &node.location,
                format!("`{key}` is a duration"),
                "write 500ms, 30s, 5m or 1h; a bare number counts seconds",
            );
        }
        duration
    }

    /// `when:`: all must hold.
    pub(super) fn conditions(&self, node: &Node) -> Option<Vec<Condition>> {
        let read: Vec<_> = one_or_many(node)
            .iter()
            .map(|node| {
                let raw = node.raw().ok_or_else(|| {
                    Problem::at(&node.location, format!("a condition is text, and this is {}", node.kind()))
                        .help("write (eq color \"blue\"), (defined name) or a name")
                });
                let raw = match node.value {
                    Yaml::Bool(flag) => flag.to_string(),
                    _ => self.keep(raw)?.to_owned(),
                };
                self.keep(Condition::parse(raw, node.location.clone()))
            })
            .collect();
        read.into_iter().collect()
    }

    /// `hosts:`: a pattern, or a list of them.
    pub(super) fn pattern(&self, node: &Node) -> Option<Pattern> {
        let names: Vec<_> = one_or_many(node).iter().map(|node| self.literal(node, "hosts")).collect();
        let names = names.into_iter().collect::<Option<Vec<_>>>()?.join(",");
        self.keep(Pattern::parse(&names).map_err(|error| Problem::at(&node.location, error.to_string())))
    }

    /// `serial:`: a number, a share, or a list of them.
    pub(super) fn serial(&self, node: &Node) -> Option<Vec<Batch>> {
        let read: Vec<_> = one_or_many(node).iter().map(|node| self.batch(node)).collect();
        read.into_iter().collect()
    }

    fn batch(&self, node: &Node) -> Option<Batch> {
        let raw = node.raw().unwrap_or_default();
        let batch = match raw.strip_suffix('%') {
            Some(share) => share.trim().parse().ok().filter(|p| *p > 0.0 && *p <= 100.0).map(Batch::Percent),
            None => raw.parse().ok().filter(|hosts| *hosts > 0).map(Batch::Hosts),
        };
        if batch.is_none() {
            self.refuse_at(
                &node.location,
                "`serial` is a number of hosts or a share of them",
                "write 2, \"30%\" or a list such as [1, \"30%\", \"100%\"]",
            );
        }
        batch
    }

    pub(super) fn percentage(&self, node: &Node, key: &str) -> Option<f64> {
        let raw = node.raw().unwrap_or_default();
        let share = raw.strip_suffix('%').unwrap_or(raw).trim().parse().ok();
        let share = share.filter(|share| (0.0..=100.0).contains(share));
        if share.is_none() {
            self.refuse(Problem::at(&node.location, format!("`{key}` is a percentage from 0 to 100")));
        }
        share
    }

    /// Octal digits, read from what was written: YAML itself would make 420 of `0644`.
    pub(super) fn mode(&self, node: &Node) -> Option<String> {
        let raw = node.raw().unwrap_or_default();
        if (3..=4).contains(&raw.len()) && raw.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
            return Some(raw.to_owned());
        }
        self.refuse_at(&node.location, "`mode` is three or four octal digits", "write \"0644\"");
        None
    }
}

pub(super) fn one_or_many(node: &Node) -> &[Node] {
    node.as_seq().unwrap_or(std::slice::from_ref(node))
}

/// `1m30s`, `500ms`, or seconds.
fn duration(raw: &str) -> Option<Duration> {
    if let Ok(seconds) = raw.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut rest = raw.trim();
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let scale = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * scale).ok()?;
        total = total.checked_add(part)?;
        rest = tail.trim_start();
    }
    (!raw.trim().is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_or_are_seconds() {
        for (raw, expected) in [
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("500ms", Some(500)),
            ("1m30s", Some(90_000)),
            ("1.5s", Some(1500)),
            ("7", Some(7000)),
            ("0.2", Some(200)),
            ("", None),
            ("s", None),
            ("1x", None),
            ("5 minutes", None),
            ("-1", None),
            ("1:30", None),
            ("nan", None),
            ("inf", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(duration(raw), expected.map(Duration::from_millis), "{raw:?}");
        }
    }
}
