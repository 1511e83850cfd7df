//! A task on a host with every value filled in, before it is compared with what is there.

mod image;

use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Ask, Asker, BuildImage, Check, Compose, ComposeRun, ComposeTask, ComposeUp, Content, Context, Health,
    HealthCheck, HostName, HttpAsk, HttpCheck, LoadImage, Login, Module, Old, Place, Play, Problem, Problems,
    Project, PutFile, Recreate, Run, Task, Text, Tls, Words,
};

use crate::model::playbook::Command;

use super::scope::{Scope, Side, escalate};
use super::{address, one_off};

/// What a task wants on a host.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    File(PutFile),
    Login(Login),
    Pull(String),
    Load(LoadImage),
    Build(BuildImage),
    Compose(ComposeUp),
    Run {
        run: Run,
        creates: Option<String>,
        undo: Option<Run>,
    },
    /// A command in a one-off container, with what takes it back.
    RunInside {
        run: Box<ComposeRun>,
        undo: Option<Box<ComposeRun>>,
    },
    Check(Check),
    /// The same, asked from every load balancer.
    Seen(Check),
    Wait(Duration),
    Retire {
        old: Old,
        after: Option<Duration>,
    },
    /// `when` says no, or another host does it.
    Nothing(String),
}

/// A wish with the keywords around it.
#[derive(Debug, Clone)]
pub(super) struct Deed {
    pub(super) name: String,
    pub(super) wish: Wish,
    pub(super) escalate: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) ignore_errors: bool,
    pub(super) no_log: bool,
}

pub(super) use image::archives;

/// Which tasks are wanted; the others' values are not even looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    /// Only where things are: paths on the host, whatever `when` says. Contents are left empty.
    Places,
    /// Only where compose projects are: their folders.
    Projects,
    /// Only what gets images.
    Images,
    /// Only how a color answers for itself.
    Checks,
}

impl Wanted {
    fn includes(self, module: &Module) -> bool {
        match self {
            Self::All => true,
            Self::Places => !matches!(module, Module::Health(_)),
            Self::Projects => matches!(module, Module::Compose(_)),
            Self::Images => matches!(module, Module::Compose(_) | Module::Image(_)),
            Self::Checks => matches!(module, Module::Health(_)),
        }
    }
}

/// A play's deeds on one host, for one color. Every problem is collected.
pub(super) fn deeds(
    scope: &Scope<'_>,
    play: &Play,
    host: &HostName,
    first: &HostName,
    side: &Side,
    wanted: Wanted,
) -> Result<Vec<Deed>, Problems> {
    let context = scope.context(host, side, Some(play));
    let own = Filler { scope, context: &context, asked: &context, host, side, wanted };
    let mut deeds = Vec::new();
    let mut problems = Vec::new();
    let tasks = || play.tasks.iter().filter(|task| wanted.includes(&task.module));
    let others = tasks().any(is_seen).then(|| scope.context_for_others(host, side, Some(play)));
    for task in tasks() {
        let filler = Filler { asked: others.as_ref().filter(|_| is_seen(task)).unwrap_or(&context), ..own };
        match filler.deed(play, task, host == first) {
            Ok(deed) => deeds.push(deed),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(deeds) } else { Err(Problems(problems)) }
}

/// Whether load balancers ask it of a host.
fn is_seen(task: &Task) -> bool {
    matches!(&task.module, Module::Health(health) if health.from == Asker::LoadBalancers)
}

/// The verify probe as a check, on a load balancer.
pub(super) fn verify(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Check, Problems> {
    let context = scope.context(host, side, None);
    let filler = Filler { scope, context: &context, asked: &context, host, side, wanted: Wanted::Checks };
    let check =
        filler.health(&scope.model.playbook.switch.verify).map_err(|problem| Problems(vec![problem]))?;
    // It proves that all workers serve the color, each time over a new connection: waiting in between proves no more.
    Ok(Check { rest: Duration::ZERO, ..check })
}

type Filled<T> = Result<T, Problem>;

/// Fills in the values of one host and color.
#[derive(Clone, Copy)]
struct Filler<'a> {
    scope: &'a Scope<'a>,
    /// What conditions see.
    context: &'a Context,
    /// What values see: less, where others are asked.
    asked: &'a Context,
    host: &'a HostName,
    side: &'a Side,
    wanted: Wanted,
}

impl Filler<'_> {
    fn deed(&self, play: &Play, task: &Task, is_first: bool) -> Filled<Deed> {
        let words = [&task.escalation, &play.escalation];
        Ok(Deed {
            name: if self.wanted == Wanted::All {
                self.text(&task.name)?
            } else {
                task.name.raw().to_owned()
            },
            wish: self.wish(play, task, is_first)?,
            escalate: escalate(self.scope.model, self.host, words, |text| self.text(text))?,
            timeout: task.timeout,
            ignore_errors: task.ignore_errors,
            no_log: task.no_log,
        })
    }

    fn wish(&self, play: &Play, task: &Task, is_first: bool) -> Filled<Wish> {
        if self.wanted == Wanted::Places {
            return self.place(&task.module);
        }
        if task.run_once && !is_first {
            return Ok(Wish::Nothing("run once, on another host".to_owned()));
        }
        for condition in play.when.iter().chain(&task.when) {
            if !condition.holds(self.context)? {
                return Ok(Wish::Nothing(format!("when {} does not hold", condition.raw())));
            }
        }
        let env = self.pairs(&task.environment)?;
        Ok(match &task.module {
            Module::Template { src, place } => {
                let content = src.render(self.asked)?.into_bytes();
                Wish::File(self.file(place, content)?)
            }
            Module::Copy { content: Content::Inline(text), place } => {
                let content = self.text(text)?.into_bytes();
                Wish::File(self.file(place, content)?)
            }
            Module::Copy { content: Content::File(bytes), place } => {
                Wish::File(self.file(place, Arc::as_ref(bytes).to_vec())?)
            }
            Module::Command(command) => self.command(command, &env)?,
            Module::RegistryLogin(login) => Wish::Login(self.login(login)?),
            Module::Image(image) => self.image(image)?,
            Module::Compose(compose) => Wish::Compose(self.compose(compose, env)?),
            Module::Health(health) if health.from == Asker::LoadBalancers => {
                let check = self.health(health)?;
                self.refuse_loopback(health, &check)?;
                Wish::Seen(check)
            }
            Module::Health(health) => Wish::Check(self.health(health)?),
            Module::Pause(duration) => Wish::Wait(*duration),
            Module::Retire(retire) => Wish::Retire { old: retire.old, after: retire.after },
        })
    }

    /// Where a task's things are, as far as the host must be asked about them.
    fn place(&self, module: &Module) -> Filled<Wish> {
        Ok(match module {
            Module::Template { place, .. } | Module::Copy { place, .. } => Wish::File(PutFile {
                path: self.path(&place.dest)?,
                content: Vec::new(),
                mode: place.mode.as_ref().map(|mode| format!("{mode:0>4}")),
                owner: self.known(place.owner.as_ref()),
                group: self.known(place.group.as_ref()),
                validate: self.known(place.validate.as_ref()),
                keep: None,
            }),
            Module::Command(Command { creates: Some(creates), .. }) => {
                let nothing = Run { argv: Vec::new(), chdir: None, stdin: None, env: Vec::new() };
                Wish::Run { run: nothing, creates: Some(self.text(creates)?), undo: None }
            }
            // What names an image may be known to a deploy alone: who renders nothing need not ask about it.
            Module::Image(image) => self.image(image).unwrap_or_else(|_| Wish::Nothing(String::new())),
            _ => Wish::Nothing(String::new()),
        })
    }

    fn command(&self, command: &Command, env: &[(String, String)]) -> Filled<Wish> {
        let run = |words: &Words, stdin: Option<&Text>| {
            Ok(Run {
                argv: self.argv(words)?,
                chdir: self.optional(command.chdir.as_ref())?,
                stdin: self.optional(stdin)?,
                env: env.to_vec(),
            })
        };
        let undo = command.undo.as_ref().map(|words| run(words, None)).transpose()?;
        let run = run(&command.run, command.stdin.as_ref())?;
        let Some(service) = &command.service else {
            return Ok(Wish::Run { run, creates: self.optional(command.creates.as_ref())?, undo });
        };
        let inside = one_off::run(self.scope, self.host, self.side, (service, self.text(service)?), run)?;
        let Some(undo) = undo else { return Ok(Wish::RunInside { run: Box::new(inside), undo: None }) };
        let folder = one_off::state_folder(self.scope, self.host, self.side)?;
        let (run, undo) = one_off::marked(inside, undo, (&folder, &self.scope.model.run));
        Ok(Wish::RunInside { run: Box::new(run), undo: Some(Box::new(undo)) })
    }

    fn file(&self, place: &Place, content: Vec<u8>) -> Filled<PutFile> {
        Ok(PutFile {
            path: self.path(&place.dest)?,
            content,
            mode: place.mode.as_ref().map(|mode| format!("{mode:0>4}")),
            owner: self.optional(place.owner.as_ref())?,
            group: self.optional(place.group.as_ref())?,
            validate: self.optional(place.validate.as_ref())?,
            keep: None,
        })
    }

    fn compose(&self, compose: &ComposeTask, env: Vec<(String, String)>) -> Filled<ComposeUp> {
        let facts = self.scope.observed.hosts.get(self.host);
        let project = Project {
            name: format!("{}-{}", self.scope.model.playbook.name, self.side.color),
            dir: self.path(&compose.dir)?,
            // Without facts nothing is carried out; with them a host without compose is refused before.
            compose: facts.and_then(|facts| facts.compose).unwrap_or(Compose::V2),
            env,
        };
        Ok(ComposeUp {
            project,
            services: compose.services.iter().map(|service| self.text(service)).collect::<Filled<_>>()?,
            recreate: compose.recreate == Recreate::Always,
            pull: compose.pull,
            build: compose.build,
            env_file: self.optional(compose.env_file.as_ref())?,
        })
    }

    fn health(&self, health: &Health) -> Filled<Check> {
        Ok(Check {
            ask: self.ask(&health.check)?,
            retries: health.retries,
            delay: health.delay,
            timeout: health.timeout,
            successes: health.successes,
            rest: health.delay,
            of: None,
        })
    }

    /// A load balancer that asks itself learns nothing of an app server.
    fn refuse_loopback(&self, health: &Health, check: &Check) -> Filled<()> {
        let (text, host, instead) = match (&health.check, &check.ask) {
            (HealthCheck::Http(http), Ask::Http(ask)) => {
                (&http.url, &ask.host, "http://{{ address }}:{{ port }}/...")
            }
            (HealthCheck::Tcp(text), Ask::Tcp { host, .. }) => (text, host, "{{ address }}:{{ port }}"),
            _ => return Ok(()),
        };
        let meant = self.asked.vars.get("bgctl_address").is_some_and(|address| address == host);
        if meant || !address::is_loopback(host) {
            return Ok(());
        }
        let message = format!("a load balancer that asks {host} asks itself, not {}", self.host);
        let help = if text.references().any(|name| name == "address") {
            format!("give {} the variable bgctl_address: where load balancers reach it", self.host)
        } else {
            format!("write {instead} (address: bgctl_address, else ansible_host, else the host's name)")
        };
        Err(at(text, message).help(help))
    }

    fn ask(&self, check: &HealthCheck) -> Filled<Ask> {
        Ok(match check {
            HealthCheck::Http(http) => Ask::Http(self.http(http)?),
            HealthCheck::Tcp(text) => {
                let (host, port) = address::host_port(&self.text(text)?).map_err(|why| at(text, why))?;
                Ask::Tcp { host, port }
            }
            HealthCheck::Command(words) => {
                Ask::Command(Run { argv: self.argv(words)?, chdir: None, stdin: None, env: Vec::new() })
            }
            HealthCheck::Container(services) => Ask::Container {
                project: format!("{}-{}", self.scope.model.playbook.name, self.side.color),
                services: services.iter().map(|service| self.text(service)).collect::<Filled<_>>()?,
            },
        })
    }

    fn http(&self, http: &HttpCheck) -> Filled<HttpAsk> {
        let url = self.text(&http.url)?;
        let parts = address::url(&url).map_err(|why| at(&http.url, why))?;
        let host_header = self.optional(http.host.as_ref())?;
        let tls = parts.secure.then(|| Tls {
            name: address::name(host_header.as_deref().unwrap_or(&parts.host)).to_owned(),
            ca: http.ca.as_deref().map(str::to_owned),
            validate_certs: http.validate_certs.unwrap_or(true),
        });
        if tls.is_none() && (http.ca.is_some() || http.validate_certs.is_some()) {
            let message = format!("{url} is plain http, to which `ca` and `validate_certs` mean nothing");
            return Err(at(&http.url, message).help("ask https://…, or remove them"));
        }
        Ok(HttpAsk {
            url,
            host: parts.host,
            port: parts.port,
            path: parts.path,
            host_header,
            tls,
            status: http.status.clone(),
            body: self.optional(http.body.as_ref())?,
            headers: self.pairs(&http.headers)?,
        })
    }

    fn argv(&self, words: &Words) -> Filled<Vec<String>> {
        match words {
            Words::Argv(words) => words.iter().map(|word| self.text(word)).collect(),
            Words::Shell(text) => Ok(vec!["sh".to_owned(), "-c".to_owned(), self.text(text)?]),
        }
    }

    fn pairs(&self, pairs: &[(String, Text)]) -> Filled<Vec<(String, String)>> {
        pairs.iter().map(|(key, value)| Ok((key.clone(), self.text(value)?))).collect()
    }

    fn path(&self, text: &Text) -> Filled<String> {
        path_of(text, self.text(text)?)
    }

    fn optional(&self, text: Option<&Text>) -> Filled<Option<String>> {
        text.map(|text| self.text(text)).transpose()
    }

    /// What is known of it without a deploy's own variables.
    fn known(&self, text: Option<&Text>) -> Option<String> {
        self.optional(text).ok().flatten()
    }

    fn text(&self, text: &Text) -> Filled<String> {
        text.render(self.asked)
    }
}

/// A rendered path, if it is absolute and can be one.
pub(super) fn path_of(text: &Text, path: String) -> Filled<String> {
    if !path.starts_with('/') {
        return Err(at(text, format!("{path:?} is not absolute: a path on a host begins with /")));
    }
    if path.contains('\0') {
        return Err(at(text, "a path holds no NUL".to_owned()));
    }
    Ok(path)
}

pub(super) fn at(text: &Text, message: String) -> Problem {
    Problem::at(text.location(), message)
}
