//! A step in words: what is done, and how it is taken back.

use std::time::Duration;

use super::{Step, Undo};
use crate::model::{
    Action, Ask, Check, ComposeRun, ComposeUp, Draining, Fingerprint, HttpAsk, Pointer, Project, Pull,
    PutFile, Run, Swap, short_saying,
};
use crate::paint::{Paint, size};

/// What kind of change a line of the plan is, and its sign in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Create,
    Change,
    Remove,
    Recreate,
    Switch,
    Command,
    Look,
}

impl Sign {
    pub(super) fn of(step: &Step) -> Self {
        match &step.action {
            Action::PutFile(_) if replaces(step) => Self::Change,
            Action::RestoreFile { .. } => Self::Change,
            Action::PutFile(_)
            | Action::PullImage { .. }
            | Action::LoadImage(_)
            | Action::BuildImage(_)
            | Action::ComposeStart(_)
            | Action::Keep(_) => Self::Create,
            Action::RemoveFile { .. } | Action::ComposeDown(_) | Action::ComposeStop(_) => Self::Remove,
            Action::ComposeUp(_) => Self::Recreate,
            Action::Swap(_) => Self::Switch,
            Action::Run(_) | Action::ComposeRun(_) => Self::Command,
            Action::Confirm(_)
            | Action::Login(_)
            | Action::Check(_)
            | Action::Watch(_)
            | Action::Fingerprint(_)
            | Action::TestSite { .. }
            | Action::Drain { .. }
            | Action::ComposeClear(_)
            | Action::Wait { .. } => Self::Look,
        }
    }

    /// Three columns wide, in ASCII.
    pub(super) fn paint(self, paint: Paint) -> String {
        match self {
            Self::Create => paint.green("  +"),
            Self::Change => paint.yellow("  ~"),
            Self::Remove => paint.red("  -"),
            Self::Recreate => paint.yellow("-/+"),
            Self::Switch => paint.bold(" =>"),
            Self::Command => paint.yellow("  $"),
            Self::Look => paint.dim("  *"),
        }
    }
}

/// What a step does, without its task's name.
pub(super) fn deed(step: &Step) -> String {
    match &step.action {
        Action::PutFile(file) => put_file(file, step),
        Action::RestoreFile { path, .. } => format!("put {path} back"),
        Action::RemoveFile { path, .. } => format!("remove {path}"),
        Action::Run(run) => command(run, step.no_log),
        Action::Login(login) if step.no_log => format!("log in to {}", login.place()),
        Action::Login(login) => format!("log in to {} as {}", login.place(), login.username),
        Action::PullImage { name } => format!("pull {name}"),
        Action::LoadImage(load) => format!("load {} from {} ({})", load.name, load.file, size(load.size)),
        Action::BuildImage(build) => format!("build {} in {}", build.name, build.dir),
        Action::ComposeUp(up) => compose_up(up),
        Action::ComposeDown(project) => format!("take down {} (volumes stay)", project.name),
        Action::ComposeStop(project) => format!("stop {}", project.name),
        Action::ComposeRun(run) => inside(run, step.no_log),
        Action::ComposeClear(project) => clear(project),
        Action::ComposeStart(project) => format!("start {}", project.name),
        Action::Check(check) => ask(check, step.no_log),
        Action::Fingerprint(wanted) => fingerprint(wanted),
        Action::TestSite { .. } => "nginx -t with the new site in place".to_owned(),
        Action::Swap(swap) => self::swap(swap, step.no_log),
        Action::Confirm(confirm) => {
            format!(
                "over a new connection; it goes back by itself {} after the swap",
                span(confirm.confirm_timeout)
            )
        }
        Action::Watch(watch) => format!(
            "for {}; it goes back when errors rise by more than {}.{:02} %",
            span(watch.window),
            watch.limit / 100,
            watch.limit % 100
        ),
        Action::Drain { timeout, of: Draining::Nginx(_) } => {
            format!("wait for old nginx workers, {} at most", span(*timeout))
        }
        Action::Drain { timeout, of: Draining::Command(run) } => {
            format!("wait until this exits 0, {} at most: {}", span(*timeout), command(run, step.no_log))
        }
        Action::Keep(keep) => format!("in {}, the newest {} stay", keep.state.folder, keep.most),
        Action::Wait { duration, .. } => format!("wait {}", span(*duration)),
    }
}

/// How a step is taken back; `None` where it leaves nothing.
pub(super) fn way_back(step: &Step) -> Option<String> {
    let action = match &step.undo {
        Undo::NotNeeded => return None,
        Undo::Impossible(why) => return Some(format!("cannot be undone: {why}")),
        Undo::Reverse(action) => action,
    };
    let own = match &step.action {
        Action::ComposeUp(up) => Some(&up.project.name),
        Action::ComposeDown(project) | Action::ComposeStop(project) | Action::ComposeStart(project) => {
            Some(&project.name)
        }
        _ => None,
    };
    let same = |project: &'_ Project| {
        if own == Some(&project.name) { "it".to_owned() } else { project.name.clone() }
    };
    let words = match action {
        Action::PutFile(_) | Action::RestoreFile { .. } => "put the old content back".to_owned(),
        Action::RemoveFile { .. } => "remove it".to_owned(),
        Action::Run(run) => command(run, step.no_log),
        Action::ComposeUp(up) => compose_up(up),
        Action::ComposeDown(project) => format!("take {} down", same(project)),
        Action::ComposeRun(run) => inside(run, step.no_log),
        Action::ComposeStop(project) => format!("stop {}", same(project)),
        Action::ComposeStart(project) => format!("start {}", same(project)),
        Action::Swap(swap) => match &swap.pointer {
            Pointer::Link { .. } => "point it back".to_owned(),
            Pointer::File { .. } => "put the old content back".to_owned(),
            Pointer::Commands(_) => match &swap.to {
                Some(color) => format!("set {color}"),
                None => return None,
            },
        },
        Action::Confirm(_)
        | Action::Login(_)
        | Action::PullImage { .. }
        | Action::LoadImage(_)
        | Action::BuildImage(_)
        | Action::Check(_)
        | Action::Watch(_)
        | Action::Fingerprint(_)
        | Action::TestSite { .. }
        | Action::Drain { .. }
        | Action::ComposeClear(_)
        | Action::Keep(_)
        | Action::Wait { .. } => return None,
    };
    Some(format!("undo: {words}"))
}

/// Whether a file was there before; what it was like may be secret, its undo still tells.
fn replaces(step: &Step) -> bool {
    step.before.is_some() || matches!(step.undo, Undo::Reverse(Action::RestoreFile { .. }))
}

fn put_file(file: &PutFile, step: &Step) -> String {
    let mut words = vec![format!("write {}", file.path)];
    words.extend(file.mode.as_ref().map(|mode| format!("mode {mode}")));
    words.extend(match (&file.owner, &file.group) {
        (Some(owner), Some(group)) => Some(format!("owner {owner}:{group}")),
        (Some(owner), None) => Some(format!("owner {owner}")),
        (None, Some(group)) => Some(format!("group {group}")),
        (None, None) => None,
    });
    if step.before.as_ref().is_some_and(|before| before.as_bytes() == file.content) {
        words.push("content stays".to_owned());
    }
    words.join(", ")
}

fn swap(swap: &Swap, no_log: bool) -> String {
    let to = swap.to.as_deref().map(short_saying);
    match (&swap.pointer, to) {
        (Pointer::Commands(commands), to) => {
            let color = to.and_then(|color| color.parse().ok());
            let set = color.and_then(|color| commands.set.get(&color));
            set.map_or_else(|| "set nothing".to_owned(), |run| format!("{}, prove", command(run, no_log)))
        }
        (pointer, Some(to)) => format!("{} → {to}, reload, prove", pointer.path()),
        (pointer, None) => format!("remove {}, reload, prove", pointer.path()),
    }
}

fn fingerprint(wanted: &Fingerprint) -> String {
    let files = match wanted.files.len() {
        0 => None,
        1 => Some("1 file as rendered".to_owned()),
        files => Some(format!("{files} files as rendered")),
    };
    let images = wanted.project.as_ref().map(|name| format!("images of {name} as on the others"));
    images.into_iter().chain(files).collect::<Vec<_>>().join(", ")
}

fn compose_up(up: &ComposeUp) -> String {
    let verb = if up.recreate { "recreate" } else { "bring up" };
    let mut words = vec![format!("{verb} {}", up.project.name)];
    if !up.services.is_empty() {
        words.push(format!("only {}", up.services.join(" ")));
    }
    match (up.pull, up.build) {
        (Pull::Always, true) => words.push("pull and build first".to_owned()),
        (Pull::Always, false) => words.push("pull first".to_owned()),
        (Pull::Missing | Pull::Never, true) => words.push("build first".to_owned()),
        (Pull::Missing | Pull::Never, false) => {}
    }
    words.join(", ")
}

fn command(run: &Run, no_log: bool) -> String {
    if no_log {
        return "run a command (not shown)".to_owned();
    }
    let text = match run.argv.as_slice() {
        [sh, c, text] if sh == "sh" && c == "-c" => text.trim().to_owned(),
        argv => shlex::try_join(argv.iter().map(String::as_str)).unwrap_or_else(|_| argv.join(" ")),
    };
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("run {first} …") } else { format!("run {first}") }
}

fn inside(run: &ComposeRun, no_log: bool) -> String {
    format!("{} in {} of {}", command(&run.run, no_log), run.service, run.project.name)
}

fn clear(project: &Project) -> String {
    format!("wait for commands of earlier runs that still run in {}", project.name)
}

fn ask(check: &Check, no_log: bool) -> String {
    let question = match &check.ask {
        // An address may hold a token, and so may what is asked for there.
        Ask::Http(_) if no_log => "an address answers (not shown)".to_owned(),
        Ask::Http(http) => http_ask(http),
        Ask::Tcp { .. } if no_log => "an address accepts connections (not shown)".to_owned(),
        Ask::Tcp { host, port } => format!("{host}:{port} accepts connections"),
        Ask::Command(_) if no_log => "a command exits 0 (not shown)".to_owned(),
        Ask::Command(run) => format!("{} exits 0", command(run, false)),
        Ask::Container { project, services } if services.is_empty() => {
            format!("{project} runs and is healthy")
        }
        Ask::Container { project, services } => format!("{project} is healthy: {}", services.join(", ")),
    };
    let tries = check.retries.saturating_add(1);
    if tries == 1 { question } else { format!("{question} ({tries} tries)") }
}

fn http_ask(http: &HttpAsk) -> String {
    let mut words = format!("{} answers", http.url);
    if let Some(tls) = &http.tls {
        if tls.name != http.host {
            words = words + " as " + &tls.name;
        }
        if !tls.validate_certs {
            words += ", certificate not checked";
        }
    }
    words
}

fn span(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}s", duration.as_secs_f32())
    }
}
