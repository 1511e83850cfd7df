//! What every command has at hand: arguments, environment, screen, the run's id.

use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;

use jiff::Timestamp;

use crate::cli::{Cli, Environment, Format};
use crate::model::{AppName, RunId};
use crate::ui::Ui;

use super::failure::{Failure, FailureKind};

/// One call of `bgctl`.
pub struct Session {
    /// The arguments.
    pub cli: Cli,
    /// The environment.
    pub environment: Environment,
    /// The screen.
    pub ui: Ui,
    /// The id of the run, should there be one.
    pub run: RunId,
}

impl Session {
    /// A session for these arguments.
    #[must_use]
    pub fn new(cli: Cli, environment: Environment) -> Self {
        let ui = Ui::new(|terminal| environment.wants_color(cli.globals.color, terminal));
        // Seeded by the system for every process: ids of runs that begin in one second differ.
        let tail = std::collections::hash_map::RandomState::new().build_hasher().finish();
        let run = RunId::new(now(), u32::try_from(tail & 0xffff_ffff).unwrap_or_default());
        Self { cli, environment, ui, run }
    }

    /// Whether results are for programs.
    #[must_use]
    pub fn json(&self) -> bool {
        self.cli.globals.output == Format::Json
    }

    /// Who runs this: `user@machine`.
    #[must_use]
    pub fn by(&self) -> String {
        format!("{}@{}", self.environment.user, self.environment.hostname)
    }

    /// Where an app's journals are kept on this machine.
    pub(super) fn journals(&self, app: &AppName) -> Result<PathBuf, Failure> {
        let home = self.environment.state_home.as_ref();
        let home = home.ok_or_else(|| {
            let failure =
                Failure::new(FailureKind::Usage, "there is no place for the journal: HOME is not set");
            failure.hint("set HOME, or XDG_STATE_HOME to an absolute path")
        })?;
        Ok(home.join("bgctl").join(app.as_str()))
    }

    /// Writes a result for people to stdout.
    pub(super) fn result(&self, text: &str) -> Result<(), Failure> {
        written(self.ui.result(text))
    }

    /// Writes a result for programs to stdout.
    pub(super) fn document(&self, text: &str) -> Result<(), Failure> {
        written(self.ui.document(text))
    }

    /// Says what failed, and returns the exit code.
    pub(super) fn fail(&self, failure: &Failure) -> u8 {
        self.ui.say(&failure.render(self.ui.err_paint()));
        super::exit_code(&self.cli, failure)
    }
}

pub(super) fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| {
        Failure::new(FailureKind::Failed, "the result cannot be written to stdout").because(Some(&error))
    })
}

/// The time now, in UTC.
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// A time for a reader: to the second.
pub(super) fn clock(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
