//! The command line, and the environment that commands run in. Nothing else reads either.

mod args;
mod environment;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::ErrorKind;
use clap::{ArgAction, Args, ColorChoice as ClapColor, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::model::without_values;

pub use args::*;
pub use environment::Environment;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::White.on_default().bold())
    .usage(AnsiColor::White.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Green.on_default());

const ABOUT: &str = "\
Blue/green deployments over SSH.

An inventory names the load balancers and the app servers, a playbook says how the app is staged,
switched and settled. Traffic moves only to a color that has proved to be healthy.";

const AFTER_HELP: &str = "\
First steps:
  bgctl init                           an inventory, a playbook and templates to begin with
  bgctl status -i prod.yml             which color is live, and what runs where
  bgctl plan -i prod.yml --diff        what apply would do; changes nothing
  bgctl apply -i prod.yml              stage, switch, settle; asks first
  bgctl rollback -i prod.yml           back to the other color
  bgctl abort -i prod.yml              take back a run that was killed; resume goes on with it

Exit codes:
    0  done, or nothing to do
    1  failed; traffic is on the release it was on before
    2  wrong usage, or an invalid file; nothing was changed
    3  a person is needed: the message says which host serves what and what to run
    4  a host could not be reached or trusted; nothing was changed
    5  locked by another run
  130  interrupted; undone as in 1";

/// A command line.
#[derive(Debug, Clone, Parser)]
#[command(name = "bgctl", version, about = ABOUT, styles = STYLES, after_help = AFTER_HELP, max_term_width = 100)]
#[command(disable_help_subcommand = true, propagate_version = false)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command takes.
    #[command(flatten)]
    pub globals: Globals,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Write an inventory, a playbook and templates for a shape of blue/green
    #[command(after_help = "\
Examples:
  bgctl init                                asks for what it needs
  bgctl init --app shop --load-balancers lb1 --app-servers app1=192.0.2.21,app2=192.0.2.22
  bgctl init --shape single-host --app shop --host web1 --user root

What is written is yours to change. docs/shapes tells for each shape which script it replaces.")]
    Init(InitArgs),
    /// Show what apply would do, without being able to do it
    #[command(after_help = "\
Example:
  bgctl plan -i prod.yml -e version=1.4.0 --diff

With --detailed-exitcode: 0 no changes, 1 any error, 2 changes.")]
    Plan(PlanArgs),
    /// Deploy to the idle color, switch traffic to it, settle the old one
    #[command(after_help = "\
Examples:
  bgctl apply -i prod.yml -e version=1.4.0
  bgctl apply -i prod.yml -y -q            from cron: silent unless something changed or failed
  bgctl apply -i prod.yml --stage-only     traffic stays; bgctl promote moves it later")]
    Apply(ApplyArgs),
    /// Switch traffic to a release that apply --stage-only has staged
    #[command(after_help = "Example:\n  bgctl promote -i prod.yml")]
    Promote(MoveArgs),
    /// Switch traffic back to the other color
    #[command(after_help = "\
Examples:
  bgctl rollback -i prod.yml
  bgctl rollback -i prod.yml --check       rehearse: would it succeed? Changes nothing
  bgctl rollback -i prod.yml --to 3f2a     stage a kept release again, and switch to it

Hosts keep the last releases that went live (keep_releases in the playbook). Images are not kept: they must
still be there, or come from their registry. Commands of the playbook are not run again.")]
    Rollback(RollbackArgs),
    /// Move traffic to a color by hand, on every load balancer, as it runs
    #[command(after_help = "\
Examples:
  bgctl switch -i prod.yml --to green
  bgctl switch -i prod.yml --to green --check    show the plan, change nothing

The color must run and be healthy on every app server. This is the way out where load balancers disagree, or where one
serves something else than its link says: each is brought to this color and has to prove it. Nothing is staged,
rendered or settled.")]
    Switch(SwitchArgs),
    /// Stop the old color now, or remove it where the playbook says so
    #[command(after_help = "\
Example:
  bgctl retire -i prod.yml

What the playbook keeps for an instant rollback is stopped, and can be started again.")]
    Retire(MoveArgs),
    /// Go on with a run whose process was killed or cut off
    #[command(after_help = "\
Example:
  bgctl resume -i prod.yml -e version=1.4.0

From any machine, with the files and -e that the run was started with. The load balancers know the run's
plan and how far it came.")]
    Resume(TakeoverArgs),
    /// Take back a run whose process was killed or cut off
    #[command(after_help = "\
Examples:
  bgctl abort -i prod.yml
  bgctl abort -i prod.yml -l 'all:!app2'    app2 is gone for good: leave it alone

From any machine. Traffic goes back to where it was before the run.")]
    Abort(TakeoverArgs),
    /// Show what earlier runs came to
    #[command(after_help = "Example:\n  bgctl history -i prod.yml")]
    History(HistoryArgs),
    /// Show which color is live, what runs where, and whether a rollback is ready
    #[command(after_help = "\
Examples:
  bgctl status -i prod.yml
  bgctl status -i prod.yml --output json | jq .live")]
    Status(StatusArgs),
    /// Run a command on hosts
    #[command(after_help = "\
Examples:
  bgctl exec -i prod.yml app_servers -- docker ps
  bgctl exec -i prod.yml 'all:!lb1' --shell 'df -h / | tail -1'

A command after -- is run as it is, without a shell. What hosts print passes a pipe as it is; at a terminal it is
indented, without colors, and with control characters shown.")]
    Exec(ExecArgs),
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Inventory file: a path, or a name in inventories/ (repeatable)
    #[arg(short, long, global = true, value_name = "FILE", help_heading = "Hosts")]
    pub inventory: Vec<String>,
    /// Only these hosts: a pattern as in Ansible
    #[arg(short, long, global = true, value_name = "PATTERN", help_heading = "Hosts")]
    pub limit: Option<String>,
    /// Hosts that are worked on at the same time
    #[arg(short, long, global = true, value_name = "N", default_value_t = 20, help_heading = "Hosts")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub forks: u16,
    /// Variables that win over all others: k=v, YAML, JSON or @FILE (repeatable)
    #[arg(short, long, global = true, value_name = "VARS", help_heading = "Hosts")]
    pub extra_vars: Vec<String>,

    /// Log in as this user, where the inventory names none (`ansible_user`)
    #[arg(short, long, global = true, value_name = "USER", help_heading = "Connection")]
    pub user: Option<String>,
    /// Become another user on the hosts, with sudo
    #[arg(short, long = "become", global = true, help_heading = "Connection")]
    pub r#become: bool,
    /// Whom to become [default: root]
    #[arg(long, global = true, value_name = "USER", help_heading = "Connection")]
    pub become_user: Option<String>,
    /// Log in with this key, where the inventory names none (`ansible_ssh_private_key_file`)
    #[arg(long, visible_alias = "key-file", global = true, value_name = "FILE", help_heading = "Connection")]
    pub private_key: Option<PathBuf>,
    /// Seconds for connecting and logging in [default: 10]
    #[arg(short = 'T', long, global = true, value_name = "SECONDS", help_heading = "Connection")]
    #[arg(value_parser = seconds)]
    pub timeout: Option<Duration>,

    /// Say more; -vvv shows the SSH protocol
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Say nothing unless something changed or failed
    #[arg(short, long, global = true, help_heading = "Output", conflicts_with = "verbose")]
    pub quiet: bool,
    /// text for people, json for programs: one document, or one event a line
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    #[arg(hide_possible_values = true)]
    pub output: Format,
    /// When to use color: auto, always, never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    #[arg(hide_possible_values = true)]
    pub color: ColorChoice,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one document, or one event a line.
    Json,
}

/// When color is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// At a terminal, unless the environment says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Cli {
    /// The command line in `args`, the program's name first. `Err` is for clap to print, also for `--help`.
    pub fn parse_args<I: IntoIterator<Item: Into<OsString> + Clone>>(args: I) -> Result<Self, clap::Error> {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let cli = Self::try_parse_from(&args).map_err(|error| error.with_cmd(&painted(&args)))?;
        if cli.globals.inventory.is_empty() && !matches!(cli.command, Command::Init(_)) {
            let message = "which inventory? say -i FILE, as in: bgctl status -i prod.yml";
            return Err(painted(&args).error(ErrorKind::MissingRequiredArgument, message));
        }
        Ok(cli)
    }

    /// The playbook that the command names.
    #[must_use]
    pub fn playbook(&self) -> Option<&PathBuf> {
        match &self.command {
            Command::Plan(args) => args.playbook.as_ref(),
            Command::Apply(args) => args.shared.playbook.as_ref(),
            Command::Promote(args) | Command::Retire(args) => args.playbook.as_ref(),
            Command::Rollback(args) => args.shared.playbook.as_ref(),
            Command::Switch(args) => args.shared.playbook.as_ref(),
            Command::Resume(args) | Command::Abort(args) => args.playbook.as_ref(),
            Command::History(args) => args.playbook.as_ref(),
            Command::Status(args) => args.playbook.as_ref(),
            Command::Init(_) | Command::Exec(_) => None,
        }
    }

    /// What selects the same app on the same hosts, quoted for a shell: what comes after `bgctl rollback`
    /// in a command that is offered as the next one. Of `-e` only the names: logs keep what is offered.
    #[must_use]
    pub fn selection(&self) -> String {
        let globals = &self.globals;
        let mut words: Vec<&str> = Vec::new();
        words.extend(globals.inventory.iter().flat_map(|name| ["-i", name.as_str()]));
        let extra: Vec<String> = globals.extra_vars.iter().map(|arg| without_values(arg)).collect();
        words.extend(extra.iter().flat_map(|names| ["-e", names.as_str()]));
        let named = [("-l", &globals.limit), ("-u", &globals.user), ("--become-user", &globals.become_user)];
        for (flag, value) in named {
            words.extend(value.iter().flat_map(|value| [flag, value.as_str()]));
        }
        if globals.r#become {
            words.push("-b");
        }
        let key = globals.private_key.as_ref().map(|path| path.to_string_lossy());
        if let Some(key) = &key {
            words.extend(["--private-key", key.as_ref()]);
        }
        let playbook = self.playbook().map(|path| path.to_string_lossy());
        words.extend(playbook.as_deref());
        words.into_iter().map(shell_word).collect::<Vec<_>>().join(" ")
    }
}

/// clap's own color choice, from the raw arguments: its errors come before ours is parsed.
fn painted(args: &[OsString]) -> clap::Command {
    let says = |word: &str| {
        args.iter().any(|arg| arg.to_str() == Some(&format!("--color={word}")))
            || args.windows(2).any(|pair| matches!(pair, [a, b] if a == "--color" && b == word))
    };
    let choice = match (says("always"), says("never")) {
        (true, _) => ClapColor::Always,
        (_, true) => ClapColor::Never,
        _ => ClapColor::Auto,
    };
    Cli::command().color(choice)
}

/// A word as a person would type it: in quotes only where the shell would take it for something else.
fn shell_word(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_./:=,@%+-…".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err("a whole number of seconds, at least 1".to_owned()),
    }
}

#[cfg(test)]
mod tests;
