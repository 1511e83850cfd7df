//! The commands: each resolves what it was given, calls the layers beneath and says what came of it.

pub mod archive;
mod beside;
mod conduct;
mod deploy;
mod exec;
pub mod failure;
mod history;
mod init;
mod kept;
mod load;
mod observe;
mod own_variables;
mod plan;
mod readiness;
mod rehearsal;
mod session;
mod status;
pub mod status_view;
mod takeover;
mod unfinished;

use crate::cli::{Cli, Command};
use crate::plan::Goal;

pub use session::Session;

use deploy::Wanted;
use failure::Failure;
use takeover::Verb;

/// Runs the command, and returns the exit code.
pub async fn run(session: &Session) -> u8 {
    let result = match &session.cli.command {
        Command::Init(args) => init::run(session, args),
        Command::Plan(args) => plan::run(session, args).await,
        Command::Apply(args) => {
            let goal = if args.stage_only { Goal::Stage } else { Goal::Apply };
            deploy::run(session, goal, &args.shared, Wanted { force: args.force, to: None }).await
        }
        Command::Promote(args) => deploy::run(session, Goal::Promote, args, Wanted::default()).await,
        Command::Rollback(args) => {
            let goal = if args.to.is_some() { Goal::Restage } else { Goal::Rollback };
            deploy::run(session, goal, &args.shared, Wanted { force: false, to: args.to.as_deref() }).await
        }
        Command::Retire(args) => deploy::run(session, Goal::Retire, args, Wanted::default()).await,
        Command::Switch(args) => {
            deploy::run(session, Goal::Switch(args.to), &args.shared, Wanted::default()).await
        }
        Command::Resume(args) => takeover::run(session, Verb::Resume, args).await,
        Command::Abort(args) => takeover::run(session, Verb::Abort, args).await,
        Command::History(args) => history::run(session, args).await,
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
