//! A color's compose project on a host.

use crate::facts::{Facts, File, Observed};
use crate::model::{Color, ComposeUp, HostName, Problems};

use super::deed::{self, Wanted, Wish};
use super::scope::{Model, Scope, Side};

/// The names that Compose looks for in a project's folder.
pub(super) const FILE_NAMES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// How the playbook brings a color up on a host, where it does.
pub(super) fn of(scope: &Scope<'_>, host: &HostName, color: Color) -> Result<Option<ComposeUp>, Problems> {
    on(scope, host, &scope.side(color, Some(color.other()), "")?)
}

/// The same, for one side of a run.
pub(super) fn on(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Option<ComposeUp>, Problems> {
    for play in &scope.model.playbook.stage {
        if !scope.hosts(&play.hosts)?.contains(host) {
            continue;
        }
        for deed in deed::deeds(scope, play, host, host, side, Wanted::Projects)? {
            if let Wish::Compose(up) = deed.wish {
                return Ok(Some(up));
            }
        }
    }
    Ok(None)
}

/// Whether a project's compose file is there. Only files that the playbook writes were asked about.
pub(super) fn has_file(facts: &Facts, up: &ComposeUp) -> bool {
    let dir = up.project.dir.trim_end_matches('/');
    let is_there = |name| matches!(facts.files.get(&format!("{dir}/{name}")), Some(File::Present { .. }));
    FILE_NAMES.into_iter().any(is_there)
}

/// Where a color can be brought up from the files that are there, whether or not it has containers: after a
/// release that failed, the files of the one before it were put back.
pub fn kept(model: &Model, observed: &Observed) -> Result<Vec<(HostName, Color)>, Problems> {
    let scope = Scope::new(model, observed, &[]);
    let mut kept = Vec::new();
    for host in scope.app_servers()? {
        let Some(facts) = observed.hosts.get(&host) else { continue };
        for color in Color::BOTH {
            if of(&scope, &host, color)?.is_some_and(|up| has_file(facts, &up)) {
                kept.push((host.clone(), color));
            }
        }
    }
    Ok(kept)
}
