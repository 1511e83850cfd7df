//! The command line, and the environment that commands run in. Nothing else reads either.
#![expect(clippy::doc_markdown, reason = "clap shows these comments as help")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::ErrorKind;
use clap::{ArgAction, Args, ColorChoice as ClapColor, CommandFactory, Parser, Subcommand, ValueEnum};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::White.on_default().bold())
    .usage(AnsiColor::White.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Green.on_default());

const AFTER_HELP: &str = "\
First steps:
  bgctl status -i prod.yml             which color is live, and what runs where
  bgctl plan -i prod.yml --diff        what apply would do; changes nothing
  bgctl apply -i prod.yml              stage, switch, settle; asks first
  bgctl rollback -i prod.yml           back to the other color

Exit codes:
    0  done, or nothing to do
    1  failed; traffic is on the release it was on before
    2  wrong usage, or an invalid file; no host was contacted
    3  a person is needed: the message says which host serves what and what to run
    4  a host could not be reached or trusted; nothing was changed
    5  locked by another run
  130  interrupted; undone as in 1";

/// Blue/green deployments over SSH.
///
/// An inventory names the load balancers and the app servers, a playbook says how the app is staged,
/// switched and settled. Traffic moves only to a color that has proved to be healthy.
#[derive(Debug, Clone, Parser)]
#[command(name = "bgctl", version, styles = STYLES, after_help = AFTER_HELP, max_term_width = 100)]
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
  bgctl rollback -i prod.yml --check       rehearse: show the plan, change nothing")]
    Rollback(MoveArgs),
    /// Settle the old color now, as the playbook says: keep, stop or remove it
    #[command(after_help = "Example:\n  bgctl retire -i prod.yml")]
    Retire(MoveArgs),
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

A command after -- is run as it is, without a shell.")]
    Exec(ExecArgs),
}

/// What `plan` takes.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The playbook [default: the inventory's bgctl_playbook, else playbooks/blue-green.yml, else built in]
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

/// What every command takes that shows a plan, asks and carries it out.
#[derive(Debug, Clone, Args)]
pub struct MoveArgs {
    /// The playbook [default: the inventory's bgctl_playbook, else playbooks/blue-green.yml, else built in]
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

/// What `status` takes.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// The playbook [default: the inventory's bgctl_playbook, else playbooks/blue-green.yml, else built in]
    pub playbook: Option<PathBuf>,
}

/// What `exec` takes.
#[derive(Debug, Clone, Args)]
pub struct ExecArgs {
    /// The hosts: a pattern as in Ansible
    pub pattern: String,
    /// Shell text, run by sh on each host
    #[arg(long, value_name = "TEXT", conflicts_with = "argv", required_unless_present = "argv")]
    pub shell: Option<String>,
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub argv: Vec<String>,
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

    /// Log in as this user
    #[arg(short, long, global = true, value_name = "USER", help_heading = "Connection")]
    pub user: Option<String>,
    /// Become another user on the hosts, with sudo
    #[arg(short, long = "become", global = true, help_heading = "Connection")]
    pub r#become: bool,
    /// Whom to become [default: root]
    #[arg(long, global = true, value_name = "USER", help_heading = "Connection")]
    pub become_user: Option<String>,
    /// Log in with this key
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
    /// For people or for programs
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub output: Format,
    /// When to use color
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
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
        if cli.globals.inventory.is_empty() {
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
            Command::Promote(args) | Command::Rollback(args) | Command::Retire(args) => {
                args.playbook.as_ref()
            }
            Command::Status(args) => args.playbook.as_ref(),
            Command::Exec(_) => None,
        }
    }

    /// What selects the same app on the same hosts, quoted for a shell: what comes after `bgctl rollback`
    /// in a command that is offered as the next one.
    #[must_use]
    pub fn selection(&self) -> String {
        let globals = &self.globals;
        let mut words: Vec<&str> = Vec::new();
        let pairs =
            |flag, values: &'_ [String]| values.iter().map(move |value| (flag, value.clone())).collect();
        let inventory: Vec<(&str, String)> = pairs("-i", &globals.inventory);
        let extra: Vec<(&str, String)> = pairs("-e", &globals.extra_vars);
        for (flag, value) in inventory.iter().chain(&extra) {
            words.extend([*flag, value.as_str()]);
        }
        if let Some(user) = &globals.user {
            words.extend(["-u", user]);
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
        shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
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

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err("a whole number of seconds, at least 1".to_owned()),
    }
}

/// What the process was given by whoever started it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent switches of the environment")]
pub struct Environment {
    /// Who runs this.
    pub user: String,
    /// Their home folder.
    pub home: Option<PathBuf>,
    /// The SSH agent's socket.
    pub ssh_auth_sock: Option<PathBuf>,
    /// Where journals are kept: `XDG_STATE_HOME`, else `.local/state` in the home folder.
    pub state_home: Option<PathBuf>,
    /// This machine's name.
    pub hostname: String,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set, not empty and not `0`.
    pub force_color: bool,
    /// `TERM` is `dumb`.
    pub dumb_terminal: bool,
    /// `GITHUB_ACTIONS` is `true`.
    pub github_actions: bool,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn read() -> Self {
        Self::from_vars(|name| std::env::var_os(name))
    }

    fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let home = set("HOME").map(PathBuf::from);
        let state_home = set("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            user: text("USER").or_else(|| text("LOGNAME")).unwrap_or_else(user_by_id),
            state_home: state_home.or_else(|| Some(home.as_ref()?.join(".local/state"))),
            home,
            ssh_auth_sock: set("SSH_AUTH_SOCK").map(PathBuf::from),
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            no_color: set("NO_COLOR").is_some(),
            force_color: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb_terminal: set("TERM").is_some_and(|value| value == "dumb"),
            github_actions: set("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
        }
    }

    /// Whether to write color to a stream that is, or is not, a terminal. `--color` wins over `NO_COLOR`,
    /// which wins over `CLICOLOR_FORCE`.
    #[must_use]
    pub fn wants_color(&self, choice: ColorChoice, terminal: bool) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if self.no_color => false,
            ColorChoice::Auto if self.force_color => true,
            ColorChoice::Auto => terminal && !self.dumb_terminal,
        }
    }
}

fn user_by_id() -> String {
    let id = rustix::process::getuid();
    if id.is_root() { "root".to_owned() } else { format!("uid-{}", id.as_raw()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::parse_args(shlex::split(&format!("bgctl {line}")).unwrap())
    }

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment::from_vars(|name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_and_after_the_command() {
        let cli = parse("-i a.yml apply -i b.yml -e x=1 -e y=2 -Cyf 7 -T 3 site.yml").unwrap();
        // clap takes the innermost occurrence of a global flag.
        assert_eq!(cli.globals.inventory, ["b.yml"]);
        assert_eq!(cli.globals.extra_vars, ["x=1", "y=2"]);
        assert_eq!((cli.globals.forks, cli.globals.timeout), (7, Some(Duration::from_secs(3))));
        let Command::Apply(args) = &cli.command else { panic!("{cli:?}") };
        assert!(args.shared.check && args.shared.yes && !args.shared.diff && !args.force);
        assert_eq!(cli.playbook(), Some(&PathBuf::from("site.yml")));
        assert!(parse("-i a.yml plan").unwrap().globals.inventory == ["a.yml"]);
        assert!(parse("plan -i a -i b").unwrap().globals.inventory == ["a", "b"]);
    }

    #[test]
    fn the_defaults_are_those_that_are_documented() {
        let globals = parse("plan -i a").unwrap().globals;
        assert_eq!((globals.forks, globals.output, globals.color), (20, Format::Text, ColorChoice::Auto));
        assert!(!globals.quiet && !globals.r#become && globals.timeout.is_none());
    }

    #[test]
    fn auto_approve_is_yes() {
        for line in ["apply -i a -y", "apply -i a --yes", "apply -i a --auto-approve"] {
            let Command::Apply(args) = parse(line).unwrap().command else { panic!("{line}") };
            assert!(args.shared.yes, "{line}");
        }
    }

    #[test]
    fn exec_takes_a_command_or_shell_text() {
        let Command::Exec(args) = parse("exec -i a all -b -- ls -l /").unwrap().command else { panic!() };
        assert_eq!((args.pattern.as_str(), args.argv), ("all", vec!["ls".into(), "-l".into(), "/".into()]));
        let Command::Exec(args) = parse("exec -i a all --shell 'a | b'").unwrap().command else { panic!() };
        assert_eq!(args.shell.as_deref(), Some("a | b"));
        assert!(parse("exec -i a all").is_err());
        assert!(parse("exec -i a all --shell x -- y").is_err());
    }

    #[test]
    fn wrong_usage_exits_with_2_and_says_what_is_missing() {
        for line in ["plan", "apply -y", "plan -i a -f 0", "plan -i a -T 0", "plan -i a -q -v", "deploy -i a"]
        {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        assert!(parse("plan").unwrap_err().to_string().contains("say -i FILE"));
    }

    #[test]
    fn help_names_every_command_and_exit_code() {
        let help = parse("--help").unwrap_err();
        assert_eq!(help.exit_code(), 0);
        insta::assert_snapshot!(help.to_string());
    }

    #[test]
    fn the_selection_can_be_pasted_into_a_shell() {
        let cli = parse("apply -i prod.yml -e 'a=b c' -b -y site.yml").unwrap();
        assert_eq!(cli.selection(), "-i prod.yml -e 'a=b c' -b site.yml");
    }

    #[test]
    fn the_environment_has_fallbacks() {
        let env = environment(&[("HOME", "/home/anna"), ("LOGNAME", "anna"), ("XDG_STATE_HOME", "relative")]);
        assert_eq!((env.user.as_str(), env.state_home), ("anna", Some("/home/anna/.local/state".into())));
        let bare = environment(&[]);
        assert_eq!((bare.home, bare.state_home), (None, None));
        assert!(!bare.user.is_empty() && !bare.hostname.is_empty());
    }

    #[test]
    fn who_decides_about_color() {
        let auto =
            |vars: &[(&str, &str)], terminal| environment(vars).wants_color(ColorChoice::Auto, terminal);
        assert!(auto(&[], true) && !auto(&[], false));
        assert!(!auto(&[("NO_COLOR", "1")], true) && auto(&[("NO_COLOR", "")], true));
        assert!(auto(&[("CLICOLOR_FORCE", "1")], false) && !auto(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!auto(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true));
        assert!(!auto(&[("TERM", "dumb")], true));
        let plain = environment(&[("NO_COLOR", "1")]);
        assert!(plain.wants_color(ColorChoice::Always, false));
        assert!(!environment(&[]).wants_color(ColorChoice::Never, true));
    }
}
