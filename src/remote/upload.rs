//! A file of this machine on its way to a host.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A file that a script reads on its stdin. It is sent piece by piece and is never whole in memory; clones tell of the
/// same way.
#[derive(Debug, Clone)]
pub struct Upload {
    path: PathBuf,
    way: Arc<Way>,
}

#[derive(Debug, Default)]
struct Way {
    sent: AtomicU64,
    broken: OnceLock<String>,
}

impl Upload {
    /// A file that has not set out.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, way: Arc::default() }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// So many of its bytes have gone.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.way.sent.load(Ordering::Relaxed)
    }

    /// Why it could not be read to its end, where that was so: the script saw an end that was none.
    #[must_use]
    pub fn broken(&self) -> Option<&str> {
        self.way.broken.get().map(String::as_str)
    }

    /// It sets out, for the first time or again.
    pub(super) fn begin(&self) {
        self.way.sent.store(0, Ordering::Relaxed);
    }

    /// More of it has gone.
    pub(super) fn add(&self, bytes: usize) {
        self.way.sent.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// It cannot be read any further.
    pub(super) fn breaks(&self, why: String) {
        // The first reason stands.
        let _ = self.way.broken.set(why);
    }
}

impl PartialEq for Upload {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Upload {}
