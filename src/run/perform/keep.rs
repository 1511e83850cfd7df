//! A release is kept on its host.

use crate::event::StepError;
use crate::model::{Keep, ReleaseId, StateDir};
use crate::remote::Exec;
use crate::scripts::{KEEP, KEPT};

use super::{Done, Performance, notes};

/// What prints a release that a host keeps.
#[must_use]
pub fn kept(state: &StateDir, release: &ReleaseId) -> Exec {
    Exec::reads(KEPT).args([state.folder.as_str(), release.as_str()]).env(state.variables())
}

impl Performance<'_> {
    pub(super) async fn keep(&self, keep: &Keep) -> Result<Done, StepError> {
        let words = [
            keep.state.folder.clone(),
            keep.release.to_string(),
            keep.content.len().to_string(),
            keep.most.to_string(),
        ];
        let spare = keep.spare.iter().map(ToString::to_string);
        let exec = Exec::changes(KEEP).args(words).args(spare);
        let exec = exec.env(keep.state.variables()).stdin(keep.content.clone());
        let what = format!("keep release {} in {}", keep.release, keep.state.folder);
        let output = self.run(&what, exec).await?;
        // Nothing that serves or could serve was touched.
        Ok(Done { detail: notes(&output), ..Done::default() })
    }
}
