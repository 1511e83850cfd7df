//! Host patterns: what stands after `hosts:` and `--limit`.

mod glob;

use std::fmt;
use std::str::FromStr;

pub(crate) use glob::Glob;

/// Which hosts are meant, in Ansible's words: names, groups and globs, joined by `,` or `:`, narrowed by
/// `&` and `!`, each perhaps with a `[0]` or `[0:2]` of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    terms: Vec<Term>,
}

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) role: Role,
    /// The part as written, without its `&` or `!`.
    pub(crate) text: String,
    pub(crate) glob: Glob,
    pub(crate) subscript: Option<Subscript>,
}

/// What a part does to the hosts of the parts before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Adds.
    Add,
    /// `&`: keeps only these.
    Keep,
    /// `!`: takes these away.
    Remove,
}

/// `[…]` at the end of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subscript {
    /// `[0]`, `[-1]`: one host; negative counts from the end.
    At(isize),
    /// `[0:2]`, both ends included; `[1:]` goes to the end.
    Slice(usize, Option<usize>),
}

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It names nothing.
    #[error("the host pattern {0:?} is empty; write `all` for every host")]
    Empty(String),
    /// `~regex`.
    #[error(
        "host pattern {0:?}: regular expressions are not available in this version; write a glob such as `web*`"
    )]
    Regex(String),
    /// `@file`.
    #[error(
        "host pattern {0:?}: reading patterns from a file is not available in this version; write them here, separated by commas"
    )]
    File(String),
    /// A `[` without its `]`.
    #[error("host pattern {0:?}: its brackets do not match")]
    Brackets(String),
    /// `[2:1]`, or a number that no list has.
    #[error("host pattern {0:?}: write [0] for one host, or [0:2] for the first three")]
    Subscript(String),
    /// `web[5]` where there are only three.
    #[error("host pattern {pattern:?} has no host at its subscript: there are {count}, counted from 0")]
    OutOfRange {
        /// The part with the subscript.
        pattern: String,
        /// How many hosts the part has without it.
        count: usize,
    },
}

impl Pattern {
    /// Reads a pattern; whether its names exist is only known to an inventory.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut terms = split(text)?.into_iter().map(Term::parse).collect::<Result<Vec<_>, _>>()?;
        if terms.is_empty() {
            return Err(PatternError::Empty(text.to_owned()));
        }
        if terms.iter().all(|term| term.role != Role::Add) {
            terms.push(Term::parse("all")?);
        }
        // Additions first, then `&`, then `!`, whatever the written order (the sort is stable).
        terms.sort_by_key(|term| term.role);
        Ok(Self { text: text.to_owned(), terms })
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its parts in the order in which they count.
    pub(crate) fn terms(&self) -> &[Term] {
        &self.terms
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Term {
    fn parse(written: &str) -> Result<Self, PatternError> {
        let (role, text) = match written.split_at_checked(1) {
            Some(("&", rest)) => (Role::Keep, rest.trim_start()),
            Some(("!", rest)) => (Role::Remove, rest.trim_start()),
            _ => (Role::Add, written),
        };
        match text.chars().next() {
            None => return Err(PatternError::Empty(written.to_owned())),
            Some('~') => return Err(PatternError::Regex(text.to_owned())),
            Some('@') => return Err(PatternError::File(text.to_owned())),
            Some(_) => {}
        }
        let (name, subscript) = subscript(text)?;
        Ok(Self { role, text: text.to_owned(), glob: Glob::new(name), subscript })
    }
}

/// Takes a subscript off the end; brackets with anything but digits in them belong to the glob.
fn subscript(text: &str) -> Result<(&str, Option<Subscript>), PatternError> {
    let inside = text.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    let Some((name, inside)) = inside.filter(|(name, inside)| !name.is_empty() && is_subscript(inside))
    else {
        return Ok((text, None));
    };
    let bad = || PatternError::Subscript(text.to_owned());
    let subscript =
        match inside.split_once(':').or_else(|| inside.split_once('-').filter(|(n, _)| !n.is_empty())) {
            None => Subscript::At(inside.parse().map_err(|_| bad())?),
            Some((first, "")) => Subscript::Slice(first.parse().map_err(|_| bad())?, None),
            Some((first, last)) => {
                let (first, last) = (first.parse().map_err(|_| bad())?, last.parse().map_err(|_| bad())?);
                if first > last {
                    return Err(bad());
                }
                Subscript::Slice(first, Some(last))
            }
        };
    Ok((name, Some(subscript)))
}

/// `0`, `-1`, `0:2`, `1:`, and Ansible's old `0-2`.
fn is_subscript(inside: &str) -> bool {
    let mut chars = inside.strip_prefix('-').unwrap_or(inside).chars();
    let starts_with_digit = chars.next().is_some_and(|c| c.is_ascii_digit());
    starts_with_digit && chars.all(|c| c.is_ascii_digit() || c == ':' || c == '-')
}

/// The parts of a pattern. With a comma anywhere only commas separate, so that colons are free for IPv6.
fn split(text: &str) -> Result<Vec<&str>, PatternError> {
    let mut depth = 0_usize;
    for c in text.chars() {
        depth = match c {
            '[' => depth + 1,
            ']' => depth.checked_sub(1).ok_or_else(|| PatternError::Brackets(text.to_owned()))?,
            _ => depth,
        };
    }
    if depth > 0 {
        return Err(PatternError::Brackets(text.to_owned()));
    }
    let parts: Vec<&str> = if text.contains(',') {
        text.split(',').collect()
    } else if text.trim().parse::<std::net::Ipv6Addr>().is_ok() {
        vec![text]
    } else {
        let mut depth = 0_usize;
        let outside = move |c: char| {
            match c {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && (c == ':' || c.is_whitespace())
        };
        text.split(outside).collect()
    };
    Ok(parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each part as `role name subscript`, in the order in which they count.
    #[track_caller]
    fn check(pattern: &str, expected: &[(Role, &str, Option<Subscript>)]) {
        let pattern = Pattern::parse(pattern).unwrap();
        let found: Vec<_> = pattern.terms().iter().map(|t| (t.role, t.glob.as_str(), t.subscript)).collect();
        assert_eq!(found, expected, "{pattern}");
    }

    use Role::{Add, Keep, Remove};

    #[test]
    fn commas_or_colons_separate() {
        check("web,db", &[(Add, "web", None), (Add, "db", None)]);
        check("web:db", &[(Add, "web", None), (Add, "db", None)]);
        check(" web , db ,", &[(Add, "web", None), (Add, "db", None)]);
        check("::1,web", &[(Add, "::1", None), (Add, "web", None)]);
        check("2001:db8::1", &[(Add, "2001:db8::1", None)]);
        check(
            "web[0:1]:db[2]",
            &[(Add, "web", Some(Subscript::Slice(0, Some(1)))), (Add, "db", Some(Subscript::At(2)))],
        );
    }

    #[test]
    fn additions_count_first_then_intersections_then_exclusions() {
        check(
            "!a:&b:c:!d:e",
            &[
                (Add, "c", None),
                (Add, "e", None),
                (Keep, "b", None),
                (Remove, "a", None),
                (Remove, "d", None),
            ],
        );
        check("!a", &[(Add, "all", None), (Remove, "a", None)]);
        check("&a,!b", &[(Add, "all", None), (Keep, "a", None), (Remove, "b", None)]);
    }

    #[test]
    fn a_subscript_is_told_from_a_class() {
        check("web[0]", &[(Add, "web", Some(Subscript::At(0)))]);
        check("web[-1]", &[(Add, "web", Some(Subscript::At(-1)))]);
        check("web*[1:]", &[(Add, "web*", Some(Subscript::Slice(1, None)))]);
        check("web[0-2]", &[(Add, "web", Some(Subscript::Slice(0, Some(2))))]);
        check("web[ab]", &[(Add, "web[ab]", None)]);
        check("web[!1]", &[(Add, "web[!1]", None)]);
        check("[0-9]web", &[(Add, "[0-9]web", None)]);
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_its_reason() {
        let text = |text: &str| text.to_owned();
        for (pattern, why) in [
            ("", PatternError::Empty(text(""))),
            (" , ", PatternError::Empty(text(" , "))),
            ("web,!", PatternError::Empty(text("!"))),
            ("~web\\d+", PatternError::Regex(text("~web\\d+"))),
            ("web,!~x", PatternError::Regex(text("~x"))),
            ("@failed.txt", PatternError::File(text("@failed.txt"))),
            ("web[0", PatternError::Brackets(text("web[0"))),
            ("web0]", PatternError::Brackets(text("web0]"))),
            ("web[2:1]", PatternError::Subscript(text("web[2:1]"))),
            ("web[1:2:3]", PatternError::Subscript(text("web[1:2:3]"))),
        ] {
            assert_eq!(Pattern::parse(pattern), Err(why), "{pattern}");
        }
    }
}
