//! Blue/green deployments over SSH: arguments in, exit code out.

use std::process::ExitCode;

use bgctl::cli::{Cli, Environment};
use bgctl::cmd::{self, Session};

fn main() -> ExitCode {
    keep_memory_private();
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

/// Sees to it that a crash leaves nothing of this process on a disk: passwords and keys are in its memory. Nor can other
/// processes of the user look into it.
fn keep_memory_private() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // Less is always allowed.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // The limit does not hold where the kernel gives cores to a program, as systemd has it.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
