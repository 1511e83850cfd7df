//! `known_hosts`, whatever stands in it.

use bgctl::remote::ssh::verdict;
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::drive::Target;
use crate::mutate::{Corpus, Rng};

/// A line that takes the trust of the key away that [`KEY`] is, however the rest of the file reads.
const REVOKED: &[u8] = b"@revoked app1 ssh-ed25519 AQID";
const KEY: &[u8] = &[1, 2, 3];

/// Files of lines of all kinds.
pub(crate) struct KnownHosts {
    lines: Corpus,
}

fn hashed(name: &str) -> String {
    let salt = b"0123456789abcdefghij";
    let mut mac = Hmac::<Sha1>::new_from_slice(salt).unwrap();
    mac.update(name.as_bytes());
    format!("|1|{}|{}", BASE64.encode(salt), BASE64.encode(&mac.finalize().into_bytes()))
}

impl KnownHosts {
    pub(crate) fn new() -> Self {
        let lines: Vec<Vec<u8>> = vec![
            b"app1 ssh-ed25519 AQID".into(),
            b"app1,10.0.0.1 ssh-ed25519 AQID me@here".into(),
            b"[app1]:22,*.example.com,!bad.example.com ssh-rsa AAAA".into(),
            b"app?\tssh-rsa  AQID comment\r".into(),
            b"* ecdsa-sha2-nistp256 AQID".into(),
            b"@cert-authority *.example.com,app1 ssh-ed25519 AAAA".into(),
            b"@cert-authority app1 ssh-ed25519 AQID".into(),
            b"@revoked * ssh-ed25519 AAAA".into(),
            b"@revoked app2 ssh-ed25519 AQID".into(),
            b"# a comment".into(),
            b"\xff\xfe app1 ssh-rsa AAAA".into(),
            b"@later app1 ssh-rsa AAAA".into(),
            b"\xef\xbb\xbfapp1 ssh-ed25519 AQID M\xfcller".into(),
            b"".into(),
            format!("{} ssh-ed25519 AQID", hashed("app1")).into(),
            format!("{} ssh-ed25519 AAAA", hashed("[app1]:2222")).into(),
            REVOKED.into(),
        ];
        let words = [
            "app1",
            "AQID",
            "ssh-ed25519",
            "@revoked",
            "@cert-authority",
            "|1|",
            "*",
            "?",
            "!app1",
            "#",
            "=",
        ];
        Self { lines: Corpus::new(lines, &words) }
    }
}

impl Target for KnownHosts {
    /// A few lines, most of them changed.
    fn input(&self, rng: &mut Rng) -> Vec<u8> {
        let count = 1 + rng.below(6);
        let lines =
            (0..count).map(|_| if rng.one_in(3) { self.lines.text(rng) } else { self.lines.changed(rng) });
        lines.collect::<Vec<_>>().join(&b'\n')
    }

    fn take(&mut self, input: &[u8]) -> u64 {
        for (address, port, alias) in [("app1", 22, None), ("APP1", 2222, None), ("x", 1, Some("App1"))] {
            let verdict = verdict(&[("kh", input)], (address, port, alias), ("ssh-ed25519", KEY));
            if verdict.is_ok() {
                let is_there = input.windows(4).any(|bytes| bytes == b"AQID");
                assert!(is_there, "a key is trusted that stands nowhere");
                let is_revoked = input.split(|byte| *byte == b'\n').any(|line| line == REVOKED);
                assert!(!is_revoked || port == 2222, "a revoked key is trusted");
            }
        }
        1
    }
}
