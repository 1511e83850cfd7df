//! known_hosts as OpenSSH reads it: which keys of a host are known, and what to say of the others.
//!
//! Pure: files are given as bytes. A line that is no entry is skipped, as OpenSSH does; but one that revokes a key of a
//! host, and does not say which, has all its keys refused.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::remote::KeyVerdict;

/// Everything that a set of known_hosts files says.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownHosts {
    entries: Vec<Entry>,
    unread: Option<(String, String)>,
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
    /// Empty where a revoked key cannot be read: it may be any.
    key: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Plain,
    Revoked,
    Authority,
}

/// What known_hosts files, each by its name and content, say of a key that a host shows. A function of bytes: whatever
/// such files may hold, it can be asked without any host.
pub fn verdict(
    files: &[(&str, &[u8])],
    (address, port, alias): (&str, u16, Option<&str>),
    (algorithm, key): (&str, &[u8]),
) -> Result<(), KeyVerdict> {
    let mut known = KnownHosts::default();
    for (name, content) in files {
        known.add(name, content);
    }
    known.judge(&LookupName::new(address, port, alias), algorithm, key)
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
        // Some editors begin a file with it.
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let lines = content.split(|byte| *byte == b'\n').enumerate();
        self.entries.extend(lines.filter_map(|(index, line)| Entry::parse(file, index + 1, line)));
    }

    /// Notes a file that is there and cannot be read: what it revokes nobody knows.
    pub(super) fn cannot_read(&mut self, file: &str, why: &str) {
        self.unread.get_or_insert_with(|| (file.to_owned(), why.to_owned()));
    }

    /// `Err` when one of the files could not be read.
    pub(super) fn all_read(&self) -> Result<(), KeyVerdict> {
        match self.unread.clone() {
            Some((file, why)) => Err(KeyVerdict::Unread { file, why }),
            None => Ok(()),
        }
    }

    /// Whether a key may be trusted for a host; `Err` says why not.
    pub(super) fn judge(&self, host: &LookupName, algorithm: &str, key: &[u8]) -> Result<(), KeyVerdict> {
        self.all_read()?;
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

    /// `Err` when the key is marked `@revoked` for the host, or may be.
    pub(super) fn not_revoked(&self, host: &LookupName, key: &[u8]) -> Result<(), KeyVerdict> {
        let revoked = |matching: fn(&[u8], &[u8]) -> bool| {
            let mut entries = self.of(host, Mark::Revoked);
            let entry = entries.find(|entry| matching(&entry.key, key))?;
            Some((entry.file.clone(), entry.line))
        };
        if let Some((file, line)) = revoked(|listed, key| listed == key) {
            return Err(KeyVerdict::Revoked { file, line });
        }
        match revoked(|listed, _| listed.is_empty()) {
            Some((file, line)) => Err(KeyVerdict::Unreadable { file, line }),
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
    /// Names and key are text, whatever else the line holds. As OpenSSH, a line ends at its first NUL, and only blanks
    /// and tabs part its fields.
    fn parse(file: &str, number: usize, line: &[u8]) -> Option<Self> {
        let line = line.split(|byte| *byte == 0).next()?;
        let mut fields = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|field| !field.is_empty());
        let mut names = fields.next()?;
        if names.starts_with(b"#") {
            return None;
        }
        let mut marks = Vec::new();
        while names.starts_with(b"@") {
            marks.push(names);
            names = fields.next()?;
        }
        let mark = Mark::of(&marks)?;
        let algorithm = fields.next().unwrap_or_default();
        let key = match fields.next().and_then(key) {
            Some(key) => key,
            None if mark == Mark::Revoked => Vec::new(),
            None => return None,
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Self {
            file: file.to_owned(),
            line: number,
            mark,
            names: text(names),
            algorithm: text(algorithm),
            key,
        })
    }
}

impl Mark {
    /// What a line's marks make of it; `None`: no entry. A line that revokes does so whatever else it says.
    fn of(marks: &[&[u8]]) -> Option<Self> {
        match marks {
            [] => Some(Self::Plain),
            marks if marks.iter().any(|mark| mark.eq_ignore_ascii_case(b"@revoked")) => Some(Self::Revoked),
            [b"@cert-authority"] => Some(Self::Authority),
            _ => None,
        }
    }
}

/// A key's bytes, of which no entry has none. A carriage return may follow them, as where Windows ends its lines.
fn key(field: &[u8]) -> Option<Vec<u8>> {
    let text = field.split(|byte| matches!(byte, b'\r' | b'\x0b' | b'\x0c')).next()?;
    BASE64.decode(text).ok().filter(|key| !key.is_empty())
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
fn glob(pattern: &str, text: &str) -> bool {
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
