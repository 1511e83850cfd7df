//! known_hosts as OpenSSH reads it: which keys of a host are known, and what to say of the others.
//!
//! Pure: files are given as bytes. A line that is no entry is skipped, as OpenSSH does.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::remote::KeyVerdict;

/// Everything that a set of known_hosts files says.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownHosts {
    entries: Vec<Entry>,
}

/// The name under which a host's key is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LookupName(String);

#[derive(Debug, Clone)]
struct Entry {
    file: String,
    line: usize,
    mark: Mark,
    names: String,
    algorithm: String,
    key: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Plain,
    Revoked,
    Authority,
}

impl LookupName {
    /// `host`, or `[host]:port` where the port is not 22; an alias stands for both.
    pub(super) fn new(address: &str, port: u16, alias: Option<&str>) -> Self {
        Self(match alias {
            Some(alias) => alias.to_lowercase(),
            None if port == 22 => address.to_lowercase(),
            None => format!("[{}]:{port}", address.to_lowercase()),
        })
    }

    /// The name as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl KnownHosts {
    /// Adds the entries of one file.
    pub(super) fn add(&mut self, file: &str, content: &[u8]) {
        let lines = content.split(|byte| *byte == b'\n').enumerate();
        self.entries.extend(lines.filter_map(|(index, line)| Entry::parse(file, index + 1, line)));
    }

    /// Whether a key may be trusted for a host; `Err` says why not.
    pub(super) fn judge(&self, host: &LookupName, algorithm: &str, key: &[u8]) -> Result<(), KeyVerdict> {
        self.not_revoked(host, key)?;
        let known: Vec<&Entry> = self.of(host, Mark::Plain).collect();
        if known.iter().any(|entry| entry.key == key) {
            return Ok(());
        }
        if let Some(Entry { file, line, .. }) = known.iter().find(|entry| entry.algorithm == algorithm) {
            return Err(KeyVerdict::Changed { file: file.clone(), line: *line });
        }
        if known.is_empty() {
            return Err(KeyVerdict::Unknown);
        }
        Err(KeyVerdict::OtherAlgorithm { known: self.algorithms(host).join(",") })
    }

    /// `Err` when the key is marked `@revoked` for the host.
    pub(super) fn not_revoked(&self, host: &LookupName, key: &[u8]) -> Result<(), KeyVerdict> {
        match self.of(host, Mark::Revoked).find(|entry| entry.key == key) {
            Some(Entry { file, line, .. }) => Err(KeyVerdict::Revoked { file: file.clone(), line: *line }),
            None => Ok(()),
        }
    }

    /// The algorithms of the keys known for a host, each once: to be negotiated first.
    pub(super) fn algorithms(&self, host: &LookupName) -> Vec<String> {
        let mut algorithms: Vec<String> = Vec::new();
        for entry in self.of(host, Mark::Plain) {
            if !algorithms.contains(&entry.algorithm) {
                algorithms.push(entry.algorithm.clone());
            }
        }
        algorithms
    }

    /// The keys of the certificate authorities that vouch for a host.
    pub(super) fn authorities<'a>(&'a self, host: &'a LookupName) -> Vec<&'a [u8]> {
        self.of(host, Mark::Authority).map(|entry| entry.key.as_slice()).collect()
    }

    fn of<'a>(&'a self, host: &'a LookupName, mark: Mark) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.mark == mark && names_match(&entry.names, &host.0))
    }
}

impl Entry {
    fn parse(file: &str, number: usize, line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?.trim();
        if text.starts_with('#') {
            return None;
        }
        let mut words = text.split_ascii_whitespace();
        let mut names = words.next()?;
        let mark = match names {
            "@revoked" => Mark::Revoked,
            "@cert-authority" => Mark::Authority,
            _ if names.starts_with('@') => return None,
            _ => Mark::Plain,
        };
        if mark != Mark::Plain {
            names = words.next()?;
        }
        let algorithm = words.next()?.to_owned();
        let key = BASE64.decode(words.next()?.as_bytes()).ok()?;
        Some(Self { file: file.to_owned(), line: number, mark, names: names.to_owned(), algorithm, key })
    }
}

/// Whether an entry's first field names the host: one hash, or patterns of which one that begins with `!`
/// rules the whole entry out.
fn names_match(names: &str, host: &str) -> bool {
    if let Some(hash) = names.strip_prefix("|1|") {
        return hash_matches(hash, host);
    }
    let mut matched = false;
    for pattern in names.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if glob(pattern, host) => return false,
            Some(_) => {}
            None => matched |= glob(pattern, host),
        }
    }
    matched
}

fn hash_matches(hash: &str, host: &str) -> bool {
    let Some((salt, digest)) = hash.split_once('|') else { return false };
    let (Ok(salt), Ok(digest)) = (BASE64.decode(salt.as_bytes()), BASE64.decode(digest.as_bytes())) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&salt) else { return false };
    mac.update(host.as_bytes());
    mac.verify_slice(&digest).is_ok()
}

/// OpenSSH's patterns: `*` is any run of characters, `?` any single one, case aside.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.chars().collect();
    // What the pattern read so far can have matched: one flag for each length of prefix.
    let mut reach = vec![false; text.len() + 1];
    if let Some(start) = reach.first_mut() {
        *start = true;
    }
    for wanted in pattern {
        let mut next = vec![false; text.len() + 1];
        let mut any_before = false;
        for (index, slot) in next.iter_mut().enumerate() {
            let before = index.checked_sub(1);
            any_before |= reach.get(index).copied().unwrap_or(false);
            let step = before.is_some_and(|at| {
                reach.get(at).copied().unwrap_or(false)
                    && (wanted == '?' || text.get(at).is_some_and(|have| *have == wanted))
            });
            *slot = if wanted == '*' { any_before } else { step };
        }
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

#[cfg(test)]
#[path = "known_hosts_tests.rs"]
mod tests;
