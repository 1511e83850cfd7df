//! Kept releases of a host in memory.

use super::super::Output;
use super::world::World;
use super::{refusal, said};

impl World {
    pub(super) fn keep_release(
        &mut self,
        folder: &str,
        release: &str,
        most: &str,
        spare: &[&str],
        text: &[u8],
    ) -> Output {
        let now = self.kept.values().map(|(at, _)| at + 1).max().unwrap_or(1);
        let text = String::from_utf8_lossy(text).into_owned();
        self.kept.insert(format!("{folder}/{release}"), (now, text));
        let mut newest: Vec<(i64, String)> =
            self.kept.iter().map(|(path, (at, _))| (*at, path.clone())).collect();
        newest.sort_unstable_by(|one, two| two.cmp(one));
        for (_, path) in newest.into_iter().skip(most.parse().unwrap_or(usize::MAX)) {
            if !spare.iter().any(|stays| path.ends_with(&format!("/{stays}"))) {
                self.kept.remove(&path);
            }
        }
        Output::default()
    }

    pub(super) fn print_kept(&self, folder: &str, release: &str) -> Output {
        match self.kept.get(&format!("{folder}/{release}")) {
            Some((_, text)) => said(text),
            None => refusal("No such file or directory"),
        }
    }
}
