//! From the command line to a [`Model`]: which files, read and parsed, every problem at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;

use crate::cli::{Cli, Environment};
use crate::model::{
    BadVariable, ConnectionFlags, Endpoint, Files, HostName, Inventory, LocalDefaults, Pattern, Playbook,
    Problem, Problems, Secret, Source, Vars, expand_known, parse_extra,
};
use crate::plan::{self, Model};
use crate::shapes;

use super::failure::{Failure, FailureKind};
use super::session::Session;
use super::{archive, beside, own_variables};

/// What a command works on.
pub(super) struct Loaded {
    pub(super) model: Model,
    pub(super) endpoints: BTreeMap<HostName, Endpoint>,
    pub(super) passwords: BTreeMap<HostName, Secret>,
    /// Where the playbook is; `None` for the shipped one.
    folder: Option<PathBuf>,
    /// What selects the same app in commands that are offered: `-i prod.yml`.
    pub(super) selection: String,
}

/// An inventory and how its hosts are reached.
pub(super) struct Hosts {
    pub(super) inventory: Inventory,
    pub(super) extra: Vars,
    pub(super) limit: Option<Pattern>,
    pub(super) endpoints: BTreeMap<HostName, Endpoint>,
}

/// Reads inventory, playbook and templates. Nothing is contacted.
pub(super) fn load(session: &Session) -> Result<Loaded, Failure> {
    let (cli, environment, run) = (&session.cli, &session.environment, &session.run);
    let Hosts { inventory, extra, limit, endpoints } = hosts(cli, environment)?;
    let (playbook, folder) = playbook(cli, &inventory)?;
    let escalations = endpoints.iter().map(|(host, endpoint)| {
        let user = endpoint.escalate.as_ref().map(|escalation| escalation.user.clone());
        (host.clone(), user)
    });
    let escalations = escalations.collect();
    let passwords = endpoints
        .iter()
        .filter_map(|(host, endpoint)| Some((host.clone(), endpoint.escalate.as_ref()?.password.clone()?)))
        .collect();
    let (run, archives) = (run.to_string(), BTreeMap::new());
    let model = Model { inventory, playbook, extra, limit, escalations, run, archives };
    plan::check_hosts(&model).map_err(wrong)?;
    Ok(Loaded { model, endpoints, passwords, folder, selection: cli.selection() })
}

/// As [`load`], for commands that render: everything must be renderable before a host is contacted.
pub(super) fn load_checked(session: &Session) -> Result<Loaded, Failure> {
    let mut loaded = load(session)?;
    check(&mut loaded)?;
    Ok(loaded)
}

/// Whether everything that a deploy renders can be rendered, and every archive that it loads be read.
pub(super) fn check(loaded: &mut Loaded) -> Result<(), Failure> {
    read_archives(loaded)?;
    plan::check(&loaded.model).map_err(wrong)
}

/// Reads what archives of images hold: from beside the playbook, as far as their paths are not absolute. One that
/// cannot be read is told where a task needs it.
pub(super) fn read_archives(loaded: &mut Loaded) -> Result<(), Failure> {
    let base = loaded.folder.clone().unwrap_or_default();
    let named = plan::archives(&loaded.model).map_err(wrong)?;
    let read = named.into_iter().map(|name| {
        let archive = archive::read(&base.join(&name));
        (name, archive)
    });
    loaded.model.archives = read.collect();
    Ok(())
}

/// Reads the inventory alone.
pub(super) fn hosts(cli: &Cli, environment: &Environment) -> Result<Hosts, Failure> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| error.to_string());
    let extra = parse_extra(&cli.globals.extra_vars, &read).map_err(wrong)?;
    let sources =
        cli.globals.inventory.iter().map(|name| inventory_source(name)).collect::<Result<Vec<_>, _>>()?;
    let base = std::env::current_dir().map_err(|error| Failure::of(FailureKind::Usage, &error))?;
    let variables = &environment.variables;
    let variables = variables.iter().map(|(name, value)| (name.clone(), value.expose().into())).collect();
    let inventory = Inventory::parse(&sources, &base, &extra).map_err(wrong)?.with_environment(variables);
    let limit = cli.globals.limit.as_deref().map(Pattern::parse).transpose();
    let limit = limit.map_err(|error| Failure::new(FailureKind::Usage, format!("--limit: {error}")))?;
    if let Some(limit) = &limit {
        refuse_unmatched(&inventory, limit)?;
    }
    let endpoints = endpoints(cli, environment, &inventory)?;
    Ok(Hosts { inventory, extra, limit, endpoints })
}

fn refuse_unmatched(inventory: &Inventory, limit: &Pattern) -> Result<(), Failure> {
    let usage = |text: String| Failure::new(FailureKind::Usage, text);
    let selection = inventory.select(limit).map_err(|error| usage(format!("--limit: {error}")))?;
    if let Some(unmatched) = selection.unmatched.first() {
        let failure = usage(format!("--limit: no host or group matches {unmatched:?}"));
        return Err(
            failure.hint("it takes names of hosts and groups of the inventory, and globs such as 'app*'")
        );
    }
    if selection.hosts.is_empty() {
        return Err(usage("--limit leaves no host".to_owned()));
    }
    Ok(())
}

fn endpoints(
    cli: &Cli,
    environment: &Environment,
    inventory: &Inventory,
) -> Result<BTreeMap<HostName, Endpoint>, Failure> {
    let flags = ConnectionFlags {
        user: cli.globals.user.clone(),
        private_key: cli.globals.private_key.clone(),
        timeout: cli.globals.timeout,
        escalate: cli.globals.r#become,
        become_user: cli.globals.become_user.clone(),
        become_password: None,
    };
    let mut local = LocalDefaults {
        user: environment.user.clone(),
        home: environment.home.clone(),
        key_files: Vec::new(),
    };
    local.key_files = local.usual_key_files().into_iter().filter(|path| path.is_file()).collect();
    let (mut endpoints, mut problems) = (BTreeMap::new(), Vec::new());
    for host in inventory.hosts() {
        let vars = connection_vars(inventory, host)?;
        match Endpoint::resolve(host, &vars, &flags, &local) {
            Ok(endpoint) => {
                endpoints.insert(host.clone(), endpoint);
            }
            Err(bad) => problems.extend(bad.into_iter().map(|bad| located(inventory, host, &bad))),
        }
        problems.extend(own_variables::check(&vars).iter().map(|bad| located(inventory, host, bad)));
    }
    Problems(problems).distinct().or(endpoints).map_err(wrong)
}

/// A host's variables; a connection variable that cannot be expanded is a problem, others may never be asked for.
fn connection_vars(inventory: &Inventory, host: &HostName) -> Result<Vars, Failure> {
    let locate = |name: &str| inventory.locate(host, name);
    let context = expand_known(&inventory.vars(host), Vars::new(), &inventory.shared(), &locate);
    let broken = context
        .broken
        .into_iter()
        .filter(|(name, _)| name.starts_with("ansible_"))
        .map(|(_, problem)| problem);
    Problems(broken.collect()).or(context.vars).map_err(wrong)
}

fn located(inventory: &Inventory, host: &HostName, bad: &BadVariable) -> Problem {
    let message = format!("{}: {}", bad.variable, bad.problem);
    match inventory.locate(host, &bad.variable) {
        Some(location) => Problem::at(&location, message),
        None => Problem::anywhere(format!("{host}: {message}")),
    }
}

/// `-i prod.yml`: a path, else a name in `inventories/`.
fn inventory_source(name: &str) -> Result<Arc<Source>, Failure> {
    let beside = Path::new("inventories").join(name);
    let path = [Path::new(name), beside.as_path()].into_iter().find(|path| path.is_file());
    let Some(path) = path else {
        let kind = FailureKind::Usage;
        if Path::new(name).is_dir() || name.contains(',') {
            let what = format!("inventory {name}: only YAML files are read in this version");
            return Err(Failure::new(kind, what).hint("write the hosts into a YAML file and give that"));
        }
        let error = format!("no inventory {name}, and no {}", beside.display());
        return Err(Failure::new(kind, error).hint("give the path of an inventory file with -i"));
    };
    beside::refuse_variables(path)?;
    source(path)
}

/// The playbook: the argument, else `bgctl_playbook`, else `playbooks/blue-green.yml`, else the shipped one.
fn playbook(cli: &Cli, inventory: &Inventory) -> Result<(Playbook, Option<PathBuf>), Failure> {
    let default = Path::new("playbooks/blue-green.yml");
    let path = match cli.playbook() {
        Some(path) => Some(path.clone()),
        None => named_playbook(inventory).or_else(|| default.is_file().then(|| default.to_owned())),
    };
    let (source, folder) = match path {
        Some(path) => {
            let folder = path.parent().map(Path::to_owned).unwrap_or_default();
            beside::refuse_variables(&path)?;
            (source(&path)?, Some(folder))
        }
        None => {
            (shipped("blue-green.yml").ok_or_else(|| Failure::new(FailureKind::Usage, "no playbook"))?, None)
        }
    };
    let playbook = Playbook::parse(&source, &Folder { folder: folder.clone() }).map_err(wrong)?;
    Ok((playbook, folder))
}

fn named_playbook(inventory: &Inventory) -> Option<PathBuf> {
    inventory.hosts().iter().find_map(|host| {
        let vars = connection_vars(inventory, host).ok()?;
        vars.get("bgctl_playbook").and_then(|value| value.as_str()).map(PathBuf::from)
    })
}

fn source(path: &Path) -> Result<Arc<Source>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::of(FailureKind::Usage, &error).hint("is the path right, and the file readable and UTF-8?")
    })?;
    Ok(Source::new(path.display().to_string(), text))
}

fn shipped(name: &str) -> Option<Arc<Source>> {
    Some(Source::new(format!("(built in) {name}"), shapes::built_in(name)?))
}

/// Where a playbook's `src:` is looked up: beside it, in `templates/` beside its folder, among what is shipped.
struct Folder {
    /// `None` for the shipped playbook.
    folder: Option<PathBuf>,
}

impl Folder {
    fn candidates(&self, name: &str) -> Vec<PathBuf> {
        let Some(folder) = &self.folder else { return vec![Path::new("templates").join(name)] };
        let parent = if folder.as_os_str().is_empty() { Path::new("..") } else { &folder.join("..") };
        vec![
            folder.join(name),
            folder.join("templates").join(name),
            plain(&parent.join("templates").join(name)),
        ]
    }

    fn find(&self, name: &str) -> Result<PathBuf, String> {
        let candidates = self.candidates(name);
        let looked =
            || candidates.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        candidates
            .iter()
            .find(|path| path.is_file())
            .cloned()
            .ok_or_else(|| format!("looked for {}", looked()))
    }
}

impl Files for Folder {
    fn template(&self, name: &str) -> Result<Arc<Source>, String> {
        match self.find(name) {
            Ok(path) => {
                let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
                Ok(Source::new(path.display().to_string(), text))
            }
            Err(looked) => shipped(name).ok_or(looked),
        }
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, String> {
        fs::read(self.find(name)?).map_err(|error| error.to_string())
    }
}

/// `playbooks/../templates/x` as people would write it.
fn plain(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir if parts.file_name().is_some_and(|name| name != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

/// What people wrote is wrong, and no host was contacted yet.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
pub(super) fn wrong(problems: Problems) -> Failure {
    told(&problems, "no host was contacted")
}

/// As [`wrong`], where hosts were asked already: some of it is read only then, as what a plan of theirs needs.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
pub(super) fn wrong_once_asked(problems: Problems) -> Failure {
    told(&problems, "nothing was changed")
}

fn told(problems: &Problems, so_far: &str) -> Failure {
    let count = problems.0.len();
    let what = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
    Failure::new(FailureKind::Usage, format!("{what} in what was given; {so_far}"))
        .detail(&problems.to_string())
}
