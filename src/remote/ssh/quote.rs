//! Values as words of POSIX `sh`.

/// A value that `sh` cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it contains a NUL byte, which no shell variable or argument can hold")]
pub(super) struct Nul;

/// The value as one word on one line: what is not quoted singly is `"$bg_n"`, where the loader keeps a newline.
pub(super) fn word(value: &str) -> Result<String, Nul> {
    if value.contains('\0') {
        return Err(Nul);
    }
    let mut word = String::with_capacity(value.len() + 2);
    word.push('\'');
    for c in value.chars() {
        match c {
            '\'' => word.push_str(r"'\''"),
            '\n' => word.push_str(r#"'"$bg_n"'"#),
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
        assert_eq!(word(""), Ok("''".to_owned()));
        assert_eq!(word("a $(b) `c` \\").as_deref(), Ok("'a $(b) `c` \\'"));
        assert_eq!(word("it's\n").as_deref(), Ok(r#"'it'\''s'"$bg_n"''"#));
        assert_eq!(word("a\0b"), Err(Nul));
    }

    #[test]
    fn a_plain_text_needs_no_quotes() {
        assert!(is_plain("deploy-2.x_y"));
        for bad in ["", "-u", "a b", "a'b", "$x", "ü", "a\n"] {
            assert!(!is_plain(bad), "{bad:?}");
        }
    }
}
