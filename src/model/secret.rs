//! Values that must not be shown.

use std::fmt;

use zeroize::Zeroizing;

/// A text that is never printed, serialized or compared in messages, and is wiped from memory with its last copy.
/// Reading it takes the word [`expose`](Self::expose), so that every reader can be found.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use zeroize::{Zeroize, ZeroizeOnDrop};

    use super::*;

    fn is_wiped_when_dropped(_: &impl ZeroizeOnDrop) {}

    #[test]
    fn a_secret_and_its_copies_are_wiped_and_never_shown() {
        let secret = Secret::new("pa55word");
        let mut copy = secret.clone();
        is_wiped_when_dropped(&secret.0);
        is_wiped_when_dropped(&copy.0);
        assert_eq!(format!("{secret:?} {copy:#?}"), "Secret(…) Secret(…)");
        // A copy is no second name of the same memory.
        copy.0.zeroize();
        assert_eq!((secret.expose(), copy.expose()), ("pa55word", ""));
    }
}
