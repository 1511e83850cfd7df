//! What each command takes.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};

use crate::model::{AppName, Color};
use crate::shapes::{Machine, Shape};

/// What `init` takes.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The folder to write into
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub folder: PathBuf,
    /// How blue and green stand today
    #[arg(long, value_name = "SHAPE", value_parser = shapes())]
    pub shape: Option<Shape>,
    /// The app's name: small letters, digits, `-` and `_`
    #[arg(long, value_name = "NAME")]
    pub app: Option<AppName>,
    /// The load balancers, with commas between: NAME, or NAME=ADDRESS
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    pub load_balancers: Vec<Machine>,
    /// The app servers, likewise
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    pub app_servers: Vec<Machine>,
    /// The one host of single-host, likewise
    #[arg(long, value_name = "HOST", conflicts_with_all = ["load_balancers", "app_servers"])]
    pub host: Option<Machine>,
    /// The app's image [default: NAME:{{ version }}, with -e version=… at each deploy]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// The port of blue on the app servers
    #[arg(long, value_name = "PORT", default_value_t = 18080, value_parser = clap::value_parser!(u16).range(1..))]
    pub blue_port: u16,
    /// The port of green on the app servers
    #[arg(long, value_name = "PORT", default_value_t = 18081, value_parser = clap::value_parser!(u16).range(1..))]
    pub green_port: u16,
    /// Overwrite files that are there
    #[arg(long)]
    pub force: bool,
}

/// Reads a shape's name; `--help` tells them all.
fn shapes() -> impl TypedValueParser<Value = Shape> {
    let known = Shape::ALL.map(|shape| PossibleValue::new(shape.name()).help(shape.summary()));
    // Every name that it lets through is known.
    PossibleValuesParser::new(known).map(|name| Shape::named(&name).unwrap_or(Shape::MultiHost))
}

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
