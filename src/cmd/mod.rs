//! The commands: each resolves what it was given, calls the layers beneath and says what came of it.

mod deploy;
mod exec;
pub mod failure;
mod load;
mod observe;
mod plan;
mod session;
mod status;
pub mod status_view;

use crate::cli::{Cli, Command};
use crate::plan::Goal;

pub use session::Session;

use failure::Failure;

/// Runs the command, and returns the exit code.
pub async fn run(session: &Session) -> u8 {
    let result = match &session.cli.command {
        Command::Plan(args) => plan::run(session, args).await,
        Command::Apply(args) => {
            let goal = if args.stage_only { Goal::Stage } else { Goal::Apply };
            deploy::run(session, goal, &args.shared, args.force).await
        }
        Command::Promote(args) => deploy::run(session, Goal::Promote, args, false).await,
        Command::Rollback(args) => deploy::run(session, Goal::Rollback, args, false).await,
        Command::Retire(args) => deploy::run(session, Goal::Retire, args, false).await,
        Command::Status(_) => status::run(session).await,
        Command::Exec(args) => exec::run(session, args).await,
    };
    result.unwrap_or_else(|failure| session.fail(&failure))
}

/// With `plan --detailed-exitcode` 2 means changes, so that every error is 1.
fn exit_code(cli: &Cli, failure: &Failure) -> u8 {
    match &cli.command {
        Command::Plan(args) if args.detailed_exitcode => 1,
        _ => failure.kind.exit_code(),
    }
}
