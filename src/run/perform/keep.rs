//! A release is kept on its host.

use crate::event::StepError;
use crate::model::{Keep, ReleaseId};
use crate::remote::Exec;
use crate::scripts::{KEEP, KEPT};

use super::{Done, Performance};

/// What prints a release that a host keeps.
#[must_use]
pub fn kept(folder: &str, release: &ReleaseId) -> Exec {
    Exec::reads(KEPT).args([folder, release.as_str()])
}

impl Performance<'_> {
    pub(super) async fn keep(&self, keep: &Keep) -> Result<Done, StepError> {
        let words = [
            keep.folder.clone(),
            keep.release.to_string(),
            keep.content.len().to_string(),
            keep.most.to_string(),
        ];
        let spare = keep.spare.iter().map(ToString::to_string);
        let exec = Exec::changes(KEEP).args(words).args(spare).stdin(keep.content.clone());
        self.run(&format!("keep release {} in {}", keep.release, keep.folder), exec).await?;
        // Nothing that serves or could serve was touched.
        Ok(Done::default())
    }
}
