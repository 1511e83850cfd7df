//! A playbook after validation: how an app is staged, switched and settled.

mod image;
mod parse;
mod preview;
mod switch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::source::Location;
use super::{AppName, Color, Condition, Pattern, Pull, Template, Text, Vars};

pub use image::{ImageTask, LoginTask};
pub use parse::Files;
pub use preview::Preview;
pub use switch::{CommandDriver, Driver, Nginx, NginxSite, Switch, WatchWords};

/// All of a playbook. Every template and file that it names has been read and parsed.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// `name:`; it names the lock, the journal and the compose projects.
    pub name: AppName,
    /// What differs between the colors, in the order of the file: a first deploy takes the first.
    pub colors: [(Color, Vars); 2],
    /// The playbook's own variables, in order; their strings are still unexpanded.
    pub vars: Vars,
    /// Where the value of each of these is written.
    pub var_places: BTreeMap<String, Location>,
    /// Touches the idle color only; undone when anything fails.
    pub stage: Vec<Play>,
    /// The one moment traffic moves.
    pub switch: Switch,
    /// After the switch; a failure here is reported and never moves traffic.
    pub settle: Vec<Play>,
    /// How many releases hosts keep for `rollback --to`.
    pub keep_releases: u32,
}

impl Playbook {
    /// What a color's templates see beside everything else.
    #[must_use]
    pub fn color_vars(&self, color: Color) -> &Vars {
        let [first, second] = &self.colors;
        if first.0 == color { &first.1 } else { &second.1 }
    }

    /// Whether the old color is brought to the new release.
    #[must_use]
    pub fn refreshes(&self) -> bool {
        let refreshes =
            |task: &Task| matches!(&task.module, Module::Retire(retire) if retire.old == Old::Refresh);
        self.settle.iter().flat_map(|play| &play.tasks).any(refreshes)
    }

    /// The color that a first deploy takes.
    #[must_use]
    pub fn first_color(&self) -> Color {
        self.colors[0].0
    }
}

/// Tasks for some hosts.
#[derive(Debug, Clone)]
pub struct Play {
    /// `name:`, else its hosts pattern.
    pub name: String,
    /// The hosts it is for.
    pub hosts: Pattern,
    /// Where that is written.
    pub hosts_at: Location,
    /// Batch sizes; the last repeats. Empty: all hosts at once.
    pub serial: Vec<Batch>,
    /// The play stops when more than this share of a batch has failed.
    pub max_fail_percentage: f64,
    /// Whom its tasks become, unless they say otherwise.
    pub escalation: EscalationWords,
    /// Variables for its tasks.
    pub vars: Vars,
    /// Decides for all its tasks.
    pub when: Vec<Condition>,
    /// In order.
    pub tasks: Vec<Task>,
}

/// One entry of `serial:`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Batch {
    /// So many hosts, at least 1.
    Hosts(usize),
    /// A share of the play's hosts, in percent; at least one host.
    Percent(f64),
}

/// `become:` and `become_user:` where they stand; `None` falls through to the play, then to the host.
#[derive(Debug, Clone, Default)]
pub struct EscalationWords {
    /// `become:`.
    pub escalate: Option<bool>,
    /// `become_user:`.
    pub user: Option<Text>,
}

impl Play {
    /// Whether it has a command that one host runs for all of them.
    #[must_use]
    pub fn runs_once(&self) -> bool {
        self.tasks.iter().any(Task::runs_once)
    }
}

/// One module and its keywords.
#[derive(Debug, Clone)]
pub struct Task {
    /// `name:`, else the module's.
    pub name: Text,
    /// What it does.
    pub module: Module,
    /// All must hold; decided while planning.
    pub when: Vec<Condition>,
    /// The deadline of each remote operation it makes; the module's default otherwise.
    pub timeout: Option<Duration>,
    /// Whom it becomes.
    pub escalation: EscalationWords,
    /// Variables of the environment for commands and compose, in order.
    pub environment: Vec<(String, Text)>,
    /// Its content and output are never shown.
    pub no_log: bool,
    /// Its failure is reported and does not count.
    pub ignore_errors: bool,
    /// On the first host of the play only.
    pub run_once: bool,
    /// For `-t` and `--skip-tags`.
    pub tags: Vec<String>,
}

impl Task {
    /// Whether it is a command that one host runs for all of its play: the others wait for it.
    #[must_use]
    pub const fn runs_once(&self) -> bool {
        self.run_once && matches!(self.module, Module::Command(_))
    }
}

/// What a task does.
#[derive(Debug, Clone)]
pub enum Module {
    /// Renders a file.
    Template {
        /// The parsed template.
        src: Arc<Template>,
        /// Where it lands.
        place: Place,
    },
    /// Copies a file as it is.
    Copy {
        /// What lands there.
        content: Content,
        /// Where it lands.
        place: Place,
    },
    /// Runs a program or a shell text on the host, or in a one-off container.
    Command(Command),
    /// Proves to a registry who is asking, for the tasks after it.
    RegistryLogin(LoginTask),
    /// Gets an image.
    Image(ImageTask),
    /// Brings up the target's compose project.
    Compose(ComposeTask),
    /// Waits until the target answers for itself.
    Health(Health),
    /// Waits for a time.
    Pause(Duration),
    /// Settles the old color.
    Retire(Retire),
}

/// Where a file lands, and as whose.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its absolute path.
    pub dest: Text,
    /// Octal digits (`"0640"`); `None` keeps an existing file's mode, else 0644.
    pub mode: Option<String>,
    /// User name or id.
    pub owner: Option<Text>,
    /// Group name or id.
    pub group: Option<Text>,
    /// A shell text that must exit 0 on the temporary file (`%s`) before the rename.
    pub validate: Option<Text>,
}

/// What `copy` copies.
#[derive(Debug, Clone)]
pub enum Content {
    /// `content:`.
    Inline(Text),
    /// `src:`, read beside the playbook.
    File(Arc<[u8]>),
}

/// A `command` task.
#[derive(Debug, Clone)]
pub struct Command {
    /// What runs.
    pub run: Words,
    /// The working directory.
    pub chdir: Option<Text>,
    /// Skipped when this path exists on the host while planning.
    pub creates: Option<Text>,
    /// What it reads on stdin.
    pub stdin: Option<Text>,
    /// What takes it back, in the same place.
    pub undo: Option<Words>,
    /// `in: container`, with its service; `None`: on the host.
    pub service: Option<Text>,
}

/// A program with its arguments, or shell text.
#[derive(Debug, Clone)]
pub enum Words {
    /// `argv:`: no shell sees it.
    Argv(Vec<Text>),
    /// A string: run by `sh -c`, the only value that is ever run as shell.
    Shell(Text),
}

impl Words {
    /// What it is made of.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        match self {
            Self::Argv(words) => words.iter(),
            Self::Shell(text) => std::slice::from_ref(text).iter(),
        }
    }
}

/// A `compose` task.
#[derive(Debug, Clone)]
pub struct ComposeTask {
    /// The project's folder on the host.
    pub dir: Text,
    /// Only these services; empty: all.
    pub services: Vec<Text>,
    /// Whether containers that match already are made anew.
    pub recreate: Recreate,
    /// When images are pulled.
    pub pull: Pull,
    /// Build images before starting.
    pub build: bool,
    /// `--env-file`.
    pub env_file: Option<Text>,
}

/// `recreate:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recreate {
    /// Always new containers (the default).
    Always,
    /// Only where the configuration or image differs.
    Changed,
}

/// A `health` task, and `verify:`.
#[derive(Debug, Clone)]
pub struct Health {
    /// What is asked.
    pub check: HealthCheck,
    /// Attempts after the first.
    pub retries: u32,
    /// Between attempts.
    pub delay: Duration,
    /// For one attempt.
    pub timeout: Duration,
    /// Good answers in a row that are needed, at least 1.
    pub successes: u32,
    /// Who asks.
    pub from: Asker,
}

/// `from:`: who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asker {
    /// The host itself.
    #[default]
    Itself,
    /// Every load balancer, over the address from which traffic will come.
    LoadBalancers,
}

/// What a health check asks.
#[derive(Debug, Clone)]
pub enum HealthCheck {
    /// An HTTP `GET`, spoken through the connection's own forwarding.
    Http(HttpCheck),
    /// A TCP connection to `host:port`.
    Tcp(Text),
    /// A command that must exit 0.
    Command(Words),
    /// Docker's own HEALTHCHECK of these services of the target's project; empty: all that have one.
    Container(Vec<Text>),
}

/// What an HTTP answer must be like.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// `http://host:port/path` or `https://…`, as the probing host sees it.
    pub url: Text,
    /// Accepted status codes; empty: 200 to 299.
    pub status: Vec<u16>,
    /// Text that the body must contain.
    pub body: Option<Text>,
    /// Header fields of the answer that must equal these values.
    pub headers: Vec<(String, Text)>,
    /// The request's `Host`, where it differs from the URL's; over `https` the name that the server is asked for, too.
    pub host: Option<Text>,
    /// Of `https`: certificates of the CAs that may have signed the server's, in PEM.
    pub ca: Option<Arc<str>>,
    /// Of `https`: whether the server's certificate is checked, where the file says so.
    pub validate_certs: Option<bool>,
}

/// A `retire` task.
#[derive(Debug, Clone)]
pub struct Retire {
    /// What becomes of the old color.
    pub old: Old,
    /// Waited before that.
    pub after: Option<Duration>,
}

/// `old:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Old {
    /// Keeps running, for an instant rollback.
    Keep,
    /// Its containers are stopped; a rollback starts them.
    Stop,
    /// Its containers and networks are removed.
    Remove,
    /// It is brought to the release that is live now, as a backup.
    Refresh,
}
