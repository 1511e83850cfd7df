//! Ranges in host names: `web[01:10:2]`, `[a:f]`, several in one name.

/// Far more hosts than one name ever stood for; a typo in a range must not fill the memory.
const MOST_NAMES: usize = 65_536;

/// Why a name with `[…]` in it was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadRange {
    /// A `[` without its `]`, or the other way round.
    #[error("its brackets do not match")]
    Brackets,
    /// Not two or three parts between the brackets.
    #[error("a range is written [begin:end] or [begin:end:step], not [{0}]")]
    Parts(String),
    /// `[1:]`: unlike the begin, the end has no default.
    #[error("the range [{0}] has no end")]
    NoEnd(String),
    /// `[01:100]`: the leading zero fixes the width.
    #[error("begin and end of [{0}] must be equally long, since the begin has a leading zero")]
    Width(String),
    /// Neither two numbers nor two letters.
    #[error("begin and end of [{0}] must both be numbers or both be single letters")]
    Bounds(String),
    /// A step that is no number, or zero.
    #[error("the step of [{0}] must be a number above zero")]
    Step(String),
    /// `[f:a]`.
    #[error("the range [{0}] begins after its end")]
    Backwards(String),
    /// More names than any inventory has.
    #[error("it stands for more than {MOST_NAMES} hosts")]
    TooMany,
}

/// All the names that `pattern` stands for, the first range turning slowest.
pub(super) fn expand(pattern: &str) -> Result<Vec<String>, BadRange> {
    let Some((head, rest)) = pattern.split_once('[') else {
        return if pattern.contains(']') { Err(BadRange::Brackets) } else { Ok(vec![pattern.to_owned()]) };
    };
    let (range, tail) = rest.split_once(']').ok_or(BadRange::Brackets)?;
    if head.contains(']') || range.contains('[') {
        return Err(BadRange::Brackets);
    }
    let values = values(range)?;
    let tails = expand(tail)?;
    if values.len().saturating_mul(tails.len()) > MOST_NAMES {
        return Err(BadRange::TooMany);
    }
    Ok(values.iter().flat_map(|value| tails.iter().map(move |tail| format!("{head}{value}{tail}"))).collect())
}

/// What one range counts through, `range` being what stands between the brackets.
fn values(range: &str) -> Result<Vec<String>, BadRange> {
    let parts: Vec<&str> = range.split(':').collect();
    let (begin, end, step) = match parts[..] {
        [begin, end] => (begin, end, "1"),
        [begin, end, step] => (begin, end, step),
        _ => return Err(BadRange::Parts(range.to_owned())),
    };
    if end.is_empty() {
        return Err(BadRange::NoEnd(range.to_owned()));
    }
    let step = number(step).filter(|&step| step > 0).ok_or_else(|| BadRange::Step(range.to_owned()))?;
    let begin = if begin.is_empty() { "0" } else { begin };
    if let (Some(first), Some(last)) = (letter(begin), letter(end)) {
        let letters = between(first, last, step, range)?;
        return Ok(letters.filter_map(|at| LETTERS.chars().nth(at)).map(String::from).collect());
    }
    let width = width(begin, end, range)?;
    let (Some(first), Some(last)) = (number(begin), number(end)) else {
        return Err(BadRange::Bounds(range.to_owned()));
    };
    let numbers = between(first, last, step, range)?;
    Ok(numbers.map(|number| format!("{number:0width$}")).collect())
}

/// A leading zero in `begin` fixes how many digits every value has.
fn width(begin: &str, end: &str, range: &str) -> Result<usize, BadRange> {
    if begin.len() < 2 || !begin.starts_with('0') {
        return Ok(0);
    }
    if begin.len() == end.len() { Ok(begin.len()) } else { Err(BadRange::Width(range.to_owned())) }
}

/// The order in which Ansible counts letters.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn letter(text: &str) -> Option<usize> {
    if text.len() == 1 { LETTERS.find(text) } else { None }
}

fn number(text: &str) -> Option<usize> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn between(
    first: usize,
    last: usize,
    step: usize,
    range: &str,
) -> Result<impl Iterator<Item = usize> + use<>, BadRange> {
    if first > last {
        return Err(BadRange::Backwards(range.to_owned()));
    }
    if (last - first) / step >= MOST_NAMES {
        return Err(BadRange::TooMany);
    }
    Ok((first..=last).step_by(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: &str) {
        assert_eq!(expand(pattern).unwrap().join(" "), expected, "{pattern}");
    }

    #[test]
    fn numbers_count_both_ends_in() {
        check("web", "web");
        check("web[1:3]", "web1 web2 web3");
        check("web[9:11].x", "web9.x web10.x web11.x");
        check("web[:2]", "web0 web1 web2");
        check("web[0:4:2]", "web0 web2 web4");
        check("web[0:5:2]", "web0 web2 web4");
        check("web[7:7]", "web7");
    }

    #[test]
    fn a_leading_zero_fixes_the_width() {
        check("web[08:11]", "web08 web09 web10 web11");
        check("web[001:010:4]", "web001 web005 web009");
        check("web[1:010:4]", "web1 web5 web9");
        check("web[0:10:5]", "web0 web5 web10");
    }

    #[test]
    fn letters_go_on_with_capitals() {
        check("db-[a:e:2]", "db-a db-c db-e");
        check("db[y:B]", "dby dbz dbA dbB");
    }

    #[test]
    fn several_ranges_multiply_and_the_first_turns_slowest() {
        check("[a:b][1:2]", "a1 a2 b1 b2");
        check("r[1:2]-n[01:02].x", "r1-n01.x r1-n02.x r2-n01.x r2-n02.x");
    }

    #[test]
    fn what_is_no_range_is_refused_by_its_reason() {
        let text = str::to_owned;
        for (pattern, why) in [
            ("web[1:3", BadRange::Brackets),
            ("web1:3]", BadRange::Brackets),
            ("web]1[", BadRange::Brackets),
            ("web[[1:2]]", BadRange::Brackets),
            ("web[1]", BadRange::Parts(text("1"))),
            ("web[1:2:3:4]", BadRange::Parts(text("1:2:3:4"))),
            ("web[1:]", BadRange::NoEnd(text("1:"))),
            ("web[01:100]", BadRange::Width(text("01:100"))),
            ("web[a:3]", BadRange::Bounds(text("a:3"))),
            ("web[ab:cd]", BadRange::Bounds(text("ab:cd"))),
            ("web[-1:3]", BadRange::Bounds(text("-1:3"))),
            ("web[1:3:0]", BadRange::Step(text("1:3:0"))),
            ("web[1:3:]", BadRange::Step(text("1:3:"))),
            ("web[c:a]", BadRange::Backwards(text("c:a"))),
            ("web[3:1]", BadRange::Backwards(text("3:1"))),
            ("web[0:99999999999]", BadRange::TooMany),
            ("[0:999][0:999]", BadRange::TooMany),
        ] {
            assert_eq!(expand(pattern), Err(why), "{pattern}");
        }
    }
}
