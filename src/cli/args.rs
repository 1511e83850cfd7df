//! What each command takes.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::model::Color;

/// What `plan` takes.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The playbook [default: what the inventory names, else playbooks/blue-green.yml, else the built-in one]
    pub playbook: Option<PathBuf>,
    /// Show the differences of files
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Plan a deployment even where the live release matches
    #[arg(long)]
    pub force: bool,
    /// Exit with 2 where there are changes, and with 1 on every error
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// What `apply` takes.
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    /// As the other commands that move traffic.
    #[command(flatten)]
    pub shared: MoveArgs,
    /// Stop before the switch; promote goes on from there
    #[arg(long)]
    pub stage_only: bool,
    /// Deploy even where the live release matches
    #[arg(long)]
    pub force: bool,
}

/// What `rollback` takes.
#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
    /// As the other commands that move traffic.
    #[command(flatten)]
    pub shared: MoveArgs,
    /// A kept release, by its id or the beginning of it
    #[arg(long, value_name = "RELEASE")]
    pub to: Option<String>,
}

/// What every command takes that shows a plan, asks and carries it out.
#[derive(Debug, Clone, Args)]
pub struct MoveArgs {
    /// The playbook [default: what the inventory names, else playbooks/blue-green.yml, else the built-in one]
    pub playbook: Option<PathBuf>,
    /// Show the plan and stop; nothing is changed
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Show the differences of files
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Do not ask
    #[arg(short = 'y', long, alias = "auto-approve")]
    pub yes: bool,
}

/// What `switch` takes.
#[derive(Debug, Clone, Args)]
pub struct SwitchArgs {
    /// As the other commands that move traffic.
    #[command(flatten)]
    pub shared: MoveArgs,
    /// The color that shall be served: blue or green
    #[arg(long, value_name = "COLOR")]
    pub to: Color,
}

/// What `resume` and `abort` take.
#[derive(Debug, Clone, Args)]
pub struct TakeoverArgs {
    /// The playbook [default: what the inventory names, else playbooks/blue-green.yml, else the built-in one]
    pub playbook: Option<PathBuf>,
    /// Show what was left and what would be done, and stop
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Do not ask
    #[arg(short = 'y', long, alias = "auto-approve")]
    pub yes: bool,
}

/// What `history` takes.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// The playbook [default: what the inventory names, else playbooks/blue-green.yml, else the built-in one]
    pub playbook: Option<PathBuf>,
    /// How many runs, the latest
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub lines: usize,
}

/// What `status` takes.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// The playbook [default: what the inventory names, else playbooks/blue-green.yml, else the built-in one]
    pub playbook: Option<PathBuf>,
}

/// What `exec` takes.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("what").args(["shell", "argv"]).required(true)))]
pub struct ExecArgs {
    /// The hosts: a pattern as in Ansible
    pub pattern: String,
    /// Shell text, run by sh on each host
    #[arg(long, value_name = "TEXT")]
    pub shell: Option<String>,
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub argv: Vec<String>,
}
