//! Shell globs over host and group names.

/// A name that may hold `*`, `?`, `[abc]`, `[a-z]` and `[!abc]`; case matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `*`.
    Any,
    /// `?`.
    One,
    /// `[…]`: ranges of characters, or none of them.
    Class { negated: bool, ranges: Vec<(char, char)> },
    /// Itself.
    Literal(char),
}

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut parts = Vec::new();
        let mut rest = chars.as_slice();
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            parts.push(match first {
                '*' => Part::Any,
                '?' => Part::One,
                '[' => match class(after) {
                    Some((class, after)) => {
                        rest = after;
                        class
                    }
                    None => Part::Literal('['),
                },
                other => Part::Literal(other),
            });
        }
        Self { text: text.to_owned(), parts }
    }

    /// The glob as written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it can match anything but itself.
    pub(crate) fn is_wild(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Literal(_)))
    }

    /// Whether the whole of `name` matches.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        // The positions in `name` that the parts so far can have reached: linear, whatever the stars.
        let mut reached = vec![false; name.len() + 1];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        for part in &self.parts {
            reached = part.advance(&reached, &name);
        }
        reached.last().copied().unwrap_or(false)
    }
}

impl Part {
    fn advance(&self, reached: &[bool], name: &[char]) -> Vec<bool> {
        if matches!(self, Self::Any) {
            let mut any = false;
            return reached
                .iter()
                .map(|&here| {
                    any |= here;
                    any
                })
                .collect();
        }
        let steps = reached.iter().zip(name).map(|(&here, &c)| here && self.accepts(c));
        std::iter::once(false).chain(steps).collect()
    }

    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Literal(literal) => *literal == c,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|&(first, last)| (first..=last).contains(&c)) != *negated
            }
        }
    }
}

/// The class whose `[` was just read, and what follows its `]`.
fn class(after: &[char]) -> Option<(Part, &[char])> {
    let (negated, body) = match after.split_first() {
        Some(('!', rest)) => (true, rest),
        _ => (false, after),
    };
    // As in a shell, a `]` right at the start stands for itself.
    let end = body.iter().skip(1).position(|&c| c == ']')? + 1;
    let (mut inside, rest) = body.split_at_checked(end)?;
    let mut ranges = Vec::new();
    while let Some((&first, after)) = inside.split_first() {
        (ranges, inside) = match after {
            ['-', last, tail @ ..] => (with(ranges, (first, *last)), tail),
            tail => (with(ranges, (first, first)), tail),
        };
    }
    Some((Part::Class { negated, ranges }, rest.split_first()?.1))
}

fn with(mut ranges: Vec<(char, char)>, range: (char, char)) -> Vec<(char, char)> {
    ranges.push(range);
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(glob: &str, yes: &[&str], no: &[&str]) {
        let glob = Glob::new(glob);
        for name in yes {
            assert!(glob.matches(name), "{} should match {name}", glob.as_str());
        }
        for name in no {
            assert!(!glob.matches(name), "{} should not match {name}", glob.as_str());
        }
    }

    #[test]
    fn a_glob_matches_whole_names() {
        check("web", &["web"], &["web1", "aweb", "Web", ""]);
        check("web*", &["web", "web1", "website"], &["aweb", "we"]);
        check("*.example.com", &["a.example.com", ".example.com"], &["example.com", "a.example.com.x"]);
        check("w?b", &["web", "wüb"], &["wb", "weeb"]);
        check("*a*b*", &["ab", "xaxbx"], &["ba", "a", "b"]);
        check("", &[""], &["a"]);
    }

    #[test]
    fn classes_are_those_of_a_shell() {
        check("web[13]", &["web1", "web3"], &["web2", "web", "web13"]);
        check("web[!13]", &["web2"], &["web1", "web", "web22"]);
        check("db[a-c]x", &["dbax", "dbcx"], &["dbdx", "db-x"]);
        check("x[a-]", &["xa", "x-"], &["xb"]);
        check("x[]]", &["x]"], &["x["]);
        check("x[", &["x["], &["x"]);
    }

    #[test]
    fn many_stars_cost_no_more_than_one() {
        let glob = Glob::new(&"*a".repeat(200));
        assert!(!glob.matches(&"a".repeat(199)));
        assert!(glob.matches(&"a".repeat(200)));
    }
}
