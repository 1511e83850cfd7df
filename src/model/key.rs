//! What hashes are made with that stand where their contents must not be guessed.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// An app's key, which its load balancers keep: 32 random bytes. Without it nobody can try out which secret a hash may
/// stand for. It is never shown or serialized, and wiped from memory with its last copy.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Key(Zeroizing<[u8; 32]>);

/// Text that is no key. It says nothing of the text, which may be most of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is 64 hex digits")]
pub struct NotAKey;

/// A hash that is being made with a key.
pub struct Keyed(Hmac<Sha256>);

impl Key {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The key as text, for the load balancers that keep it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(HEXLOWER.encode(&*self.0))
    }

    /// A hash that is made with it. Hashes for other purposes have nothing in common.
    #[must_use]
    pub fn hash(&self, purpose: &str) -> Keyed {
        // HMAC fills its key up with zeros to a block.
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(self.0.iter()).for_each(|(to, from)| *to = *from);
        let mut keyed = Keyed(Hmac::new((&*block).into()));
        keyed.add(purpose);
        keyed.add([0]);
        keyed
    }
}

impl Keyed {
    /// Goes on with these bytes.
    pub fn add(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes.as_ref());
    }

    /// The hash.
    #[must_use]
    pub fn end(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }
}

impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let bytes = Zeroizing::new(HEXLOWER.decode(text.as_bytes()).map_err(|_| NotAKey)?);
        let mut key = Self::default();
        if bytes.len() != key.0.len() {
            return Err(NotAKey);
        }
        key.0.copy_from_slice(&bytes);
        Ok(key)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::new(Zeroizing::new([byte; 32]))
    }

    fn hash(key: &Key, purpose: &str, text: &str) -> String {
        let mut hash = key.hash(purpose);
        hash.add(text);
        HEXLOWER.encode(&hash.end())
    }

    #[test]
    fn a_key_is_64_hex_digits_and_nothing_shows_it() {
        let text = key(0xab).expose();
        assert_eq!(*text, "ab".repeat(32));
        assert_eq!(text.parse(), Ok(key(0xab)));
        for bad in
            ["", "ab", &"a".repeat(63), &"a".repeat(65), &"ab".repeat(33), &"g".repeat(64), &"AB".repeat(32)]
        {
            assert_eq!(bad.parse::<Key>(), Err(NotAKey), "{bad:?}");
        }
        assert_eq!(format!("{:?} {:#?}", key(0xab), Some(key(0xab))), "Key(…) Some(\n    Key(…),\n)");
    }

    #[test]
    fn a_hash_is_of_its_key_its_purpose_and_its_text() {
        let one = hash(&key(1), "p", "text");
        assert_eq!(one, hash(&key(1), "p", "text"));
        for other in [hash(&key(2), "p", "text"), hash(&key(1), "q", "text"), hash(&key(1), "p", "texts")] {
            assert_ne!(one, other);
        }
        assert_ne!(hash(&key(1), "p", "text"), hash(&key(1), "pt", "ext"));
    }

    /// HMAC-SHA256 over `p`, NUL, `text` with 32 bytes of 1, as other programs make it.
    #[test]
    fn it_is_an_hmac() {
        assert_eq!(
            hash(&key(1), "p", "text"),
            "c7fd9ab333379d53d7523c37a753bdf0385d00536455b47ec7dc1131017afc6b"
        );
    }
}
