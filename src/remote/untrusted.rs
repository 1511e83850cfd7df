//! A host key that is not trusted, and what is known of it.

/// A host key that strict checking refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untrusted {
    /// The name under which it was looked up: `host` or `[host]:port`.
    pub host: String,
    /// What `known_hosts` says.
    pub verdict: KeyVerdict,
    /// The key's algorithm, as `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…` of the key that the host showed.
    pub fingerprint: String,
    /// The line that would make it known.
    pub line: String,
    /// What to do about it.
    pub hint: String,
}

impl Untrusted {
    /// The refusal in one line.
    pub(super) fn summary(&self) -> String {
        let Self { host, algorithm, fingerprint, .. } = self;
        match &self.verdict {
            KeyVerdict::Unknown => format!("host key of {host} is unknown ({algorithm} {fingerprint})"),
            KeyVerdict::OtherAlgorithm { known } => {
                format!("host key of {host} is known only as {known}, it showed {algorithm} {fingerprint}")
            }
            KeyVerdict::Changed { file, line } => {
                format!("host key of {host} HAS CHANGED ({algorithm} {fingerprint}; known: {file}:{line})")
            }
            KeyVerdict::Revoked { file, line } => {
                format!("host key of {host} is REVOKED ({algorithm} {fingerprint}; {file}:{line})")
            }
            KeyVerdict::Unreadable { file, line } => {
                format!("a key of {host} is revoked, and {file}:{line} cannot be read to say which")
            }
            KeyVerdict::Unread { file, why } => {
                format!("which keys of {host} are known or revoked cannot be told: {file}: {why}")
            }
            KeyVerdict::Unproved { agreed, used } => {
                format!(
                    "host key of {host} is not proved ({algorithm} {fingerprint}): it signed with {used}, after it had \
                     agreed on {agreed}"
                )
            }
        }
    }
}

/// What `known_hosts` says of a key that it does not vouch for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyVerdict {
    /// No entry for the host.
    Unknown,
    /// The host is known, but only with keys of other algorithms.
    OtherAlgorithm {
        /// Those algorithms, comma-separated.
        known: String,
    },
    /// Another key of the same algorithm is on record.
    Changed {
        /// The file with the entry.
        file: String,
        /// Its line, from 1.
        line: usize,
    },
    /// The key is marked `@revoked`.
    Revoked {
        /// The file with the entry.
        file: String,
        /// Its line, from 1.
        line: usize,
    },
    /// A line marks a key of the host as `@revoked`, and which one cannot be read.
    Unreadable {
        /// The file with the line.
        file: String,
        /// Its number, from 1.
        line: usize,
    },
    /// A file that is there could not be read.
    Unread {
        /// The file.
        file: String,
        /// What failed.
        why: String,
    },
    /// The host signed in another way than it had agreed to: with SHA-1, which proves nothing any more.
    Unproved {
        /// The algorithm that was agreed on.
        agreed: String,
        /// The one that it signed with.
        used: String,
    },
}
