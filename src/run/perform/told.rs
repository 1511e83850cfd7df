//! What a host tells of images, held to the shapes that engines give it: it is kept on the load balancers, and shown.

use crate::model::Image;

/// No id, digest or name of an image is longer, and no name of a service.
const LONGEST: usize = 512;
/// No image has more digests: one for each repository that it was pulled from or pushed to.
const MOST_DIGESTS: usize = 100;
/// No host has more to say of all images that it was asked about.
pub(super) const MOST_BYTES: usize = 64 << 10;

/// An image, by its id and its digests; else what is wrong with them.
pub(super) fn image(id: &str, digests: &[&str]) -> Result<Image, String> {
    if digests.len() > MOST_DIGESTS {
        return Err(format!("an image with more than {MOST_DIGESTS} digests"));
    }
    let id = word(id)?;
    let digests = digests.iter().map(|digest| word(digest)).collect::<Result<_, _>>()?;
    Ok(Image { ids: [id].into(), digests, ..Image::default() })
}

/// A name as engines write it: of a service, of an image, or its id.
pub(super) fn word(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/@+[]".contains(&byte);
    if text.is_empty() || text.len() > LONGEST || !text.bytes().all(is_plain) {
        let beginning: String = text.chars().take(40).collect();
        return Err(format!("a name or an id that none is: {beginning:?}"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_engines_write_is_a_name() {
        let hex = "0f".repeat(32);
        let digests =
            [format!("registry.lab:5000/a_b/c-d@sha256:{hex}"), format!("[::1]:5000/a@sha256:{hex}")];
        let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
        for id in [format!("sha256:{hex}"), hex] {
            assert_eq!(image(&id, &digests).unwrap().digests.len(), 2);
        }
        for name in ["web", "web_1.x", "my-server:1.2.3-rc.1", "localhost/a:latest"] {
            assert_eq!(word(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "a b",
            "$(id)",
            "`id`",
            "a\u{1b}[2J",
            "a\n",
            "ä",
            "\u{202e}a",
            "a;b",
            "'",
            "{\"a\":1}",
            "-\0",
        ] {
            assert!(word(text).is_err() && image("1", &[text]).is_err(), "{text:?}");
        }
        assert!(word(&"a".repeat(LONGEST)).is_ok() && word(&"a".repeat(LONGEST + 1)).is_err());
        assert!(
            image("1", &["a@b"; MOST_DIGESTS]).is_ok() && image("1", &["a@b"; MOST_DIGESTS + 1]).is_err()
        );
    }
}
