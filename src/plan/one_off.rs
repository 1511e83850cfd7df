//! A command in a container: a one-off container of the project that the host's `compose` task brings up.

use sha2::{Digest, Sha256};

use crate::model::{ComposeRun, HostName, Problem, Problems, Pull, Run, Text};

use super::deed::at;
use super::project;
use super::scope::{Scope, Side};
use super::site;

/// The command with its project, as the stage brings that up on a host. A service is given as it was written and
/// as it reads.
pub(super) fn run(
    scope: &Scope<'_>,
    host: &HostName,
    side: &Side,
    (written, service): (&Text, String),
    run: Run,
) -> Result<ComposeRun, Problem> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if service.is_empty() || service.starts_with('-') || !service.chars().all(plain) {
        return Err(at(written, format!("{service:?} is no service of a compose file"))
            .help("a service's name has letters, digits, `.`, `_` and `-`"));
    }
    let up = match project::on(scope, host, side) {
        Ok(up) => up,
        // What is wrong with the compose task itself: told once, there.
        Err(Problems(problems)) => match problems.into_iter().next() {
            Some(problem) => return Err(problem),
            None => None,
        },
    };
    let up = up.ok_or_else(|| {
        at(written, format!("no `compose` task of the stage is for {host}, so {service} is not known there"))
            .help("a command in a container runs in the project of the host's `compose` task: name hosts that have one")
    })?;
    let (project, env_file) = (up.project, up.env_file);
    let (pull, build) = (up.pull, up.build);
    Ok(ComposeRun { project, service, run, pull, build, env_file, mark: None, takes_back: false })
}

/// The app's folder on a host. What is wrong with it is told where the host is asked about it, too.
pub(super) fn state_folder(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<String, Problem> {
    site::state(scope, host, side).map(|state| state.folder).map_err(|Problems(problems)| {
        let first = problems.into_iter().next();
        first.unwrap_or_else(|| Problem::anywhere("bgctl_state_dir makes no sense".to_owned()))
    })
}

/// Has a command and what takes it back know of each other, by a file in the app's folder that bears the run's name.
pub(super) fn marked(
    inside: ComposeRun,
    undo: Run,
    (state_dir, run): (&str, &str),
) -> (ComposeRun, ComposeRun) {
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(format!("{:?}", inside.run.argv)));
    let tail: String = digest.chars().take(8).collect();
    let dir = inside.project.dir.trim_end_matches('/');
    let mark = Some(site::kept_at(state_dir, &format!("{dir}/{}-{tail}", inside.service), run));
    // No login is at hand then, and the image that ran is what knows how to take it back.
    let (pull, build) = (Pull::Missing, false);
    let back = ComposeRun { run: undo, mark: mark.clone(), takes_back: true, pull, build, ..inside.clone() };
    (ComposeRun { mark, ..inside }, back)
}
