//! Values as words of POSIX `sh`.

use zeroize::Zeroizing;

/// A value that `sh` cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it contains a NUL byte, which no shell variable or argument can hold")]
pub(super) struct Nul;

const QUOTE: &str = r"'\''";
const NEWLINE: &str = r#"'"$bg_n"'"#;

/// The value as one word on one line: what is not quoted singly is `"$bg_n"`, where the loader keeps a newline.
pub(super) fn word(value: &str) -> Result<Zeroizing<String>, Nul> {
    if value.contains('\0') {
        return Err(Nul);
    }
    let longer = |c: char| match c {
        '\'' => QUOTE.len(),
        '\n' => NEWLINE.len(),
        c => c.len_utf8(),
    };
    // Room for all of it: the value may be a secret, and what grows leaves parts of itself behind.
    let mut word = Zeroizing::new(String::with_capacity(2 + value.chars().map(longer).sum::<usize>()));
    word.push('\'');
    for c in value.chars() {
        match c {
            '\'' => word.push_str(QUOTE),
            '\n' => word.push_str(NEWLINE),
            c => word.push(c),
        }
    }
    word.push('\'');
    Ok(word)
}

/// Whether a text can stand in a command line as it is, for every login shell.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_line_and_nothing_in_it_is_special() {
        let word = |value| word(value).map(|word| word.to_string());
        assert_eq!(word(""), Ok("''".to_owned()));
        assert_eq!(word("a $(b) `c` \\").as_deref(), Ok("'a $(b) `c` \\'"));
        assert_eq!(word("it's\n").as_deref(), Ok(r#"'it'\''s'"$bg_n"''"#));
        assert_eq!(word("a\0b"), Err(Nul));
    }

    #[test]
    fn a_word_is_made_where_it_has_room() {
        for value in ["", "it's\n'' \n\n", "grüße\n"] {
            let word = word(value).unwrap();
            assert_eq!(word.len(), word.capacity(), "{value:?}");
        }
    }

    #[test]
    fn a_plain_text_needs_no_quotes() {
        assert!(is_plain("deploy-2.x_y"));
        for bad in ["", "-u", "a b", "a'b", "$x", "ü", "a\n"] {
            assert!(!is_plain(bad), "{bad:?}");
        }
    }
}
