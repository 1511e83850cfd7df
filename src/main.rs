//! Blue/green deployments over SSH: arguments in, exit code out.

use std::process::ExitCode;

use bgctl::cli::{Cli, Environment};
use bgctl::cmd::{self, Session};

fn main() -> ExitCode {
    let environment = Environment::read();
    let cli = match Cli::parse_args(std::env::args_os()) {
        Ok(cli) => cli,
        Err(message) => message.exit(),
    };
    bgctl::ui::tell_faults();
    bgctl::ui::trace(cli.globals.verbose);
    let session = Session::new(cli, environment);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => ExitCode::from(runtime.block_on(cmd::run(&session))),
        Err(_) => ExitCode::FAILURE,
    }
}
