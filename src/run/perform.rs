//! Each action, as what is asked of [`Remote`].

use std::time::Duration;

use crate::event::StepError;
use crate::model::{
    Action, Compose, ComposeUp, Escalation, HostName, Images, Login, Project, Pull, PutFile, Run,
};
use crate::remote::{Exec, Output, Remote, RemoteError};
use crate::scripts::{COMPOSE_DOWN, COMPOSE_STATE, COMPOSE_UP, PUT, REMOVE, RESTORE, RUN};

mod check;
mod drain;
mod fingerprint;
mod keep;
mod one_off;
mod registry;
mod switch;
mod told;
mod variables;
mod watch;

pub use keep::kept;

/// Images may have to come over a slow line.
const COMPOSE_TIMEOUT: Duration = Duration::from_mins(15);
const COMMAND_TIMEOUT: Duration = Duration::from_mins(10);
/// Of what a script noticed, as much is told.
const LONGEST_NOTE: usize = 1000;

/// One action on one host, with what surrounds it.
pub(super) struct Performance<'a> {
    pub(super) remote: &'a dyn Remote,
    pub(super) host: &'a HostName,
    pub(super) escalate: Option<Escalation>,
    /// The task's own deadline for each remote operation.
    pub(super) timeout: Option<Duration>,
    /// Ends waiting early when the run is to stop.
    pub(super) stop: &'a tokio_util::sync::CancellationToken,
    /// Told of each attempt that did not succeed: attempts so far, attempts at most, what was met.
    pub(super) waiting: &'a (dyn Fn(u32, u32, String) + Sync),
    /// Told of a file on its way: bytes that have gone, bytes in all.
    pub(super) sending: &'a (dyn Fn(u64, u64) + Sync),
    /// Those that the steps before it on its host have made.
    pub(super) logins: Vec<&'a Login>,
}

/// What came of an action that succeeded.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) changed: bool,
    pub(super) detail: Option<String>,
    /// Logs of containers that were taken down.
    pub(super) logs: Option<String>,
    /// What runs on the host, where that was asked for.
    pub(super) images: Option<Images>,
    /// For a swap: from the link's swap until new workers ran, in ms.
    pub(super) switched_ms: Option<u64>,
    /// Something that the reader of the result should know.
    pub(super) notice: Option<String>,
}

impl Done {
    fn changed() -> Self {
        Self { changed: true, ..Self::default() }
    }
}

impl Performance<'_> {
    pub(super) async fn perform(&self, action: &Action) -> Result<Done, StepError> {
        match action {
            Action::PutFile(file) => self.put(file).await,
            Action::RestoreFile { path, kept } => {
                let exec = Exec::changes(RESTORE).args([path, kept]);
                self.run(&format!("put {path} back"), exec).await.map(|_| Done::changed())
            }
            Action::RemoveFile { path, folders } => {
                let args = std::iter::once(path).chain(folders);
                self.run(&format!("remove {path}"), Exec::changes(REMOVE).args(args))
                    .await
                    .map(|_| Done::changed())
            }
            Action::Run(run) => self.command(run).await,
            Action::Login(login) => self.log_in(login).await,
            Action::PullImage { name } => self.pull(name).await,
            Action::LoadImage(load) => self.load(load).await,
            Action::BuildImage(build) => self.build(build).await,
            Action::ComposeUp(up) => self.compose_up(up).await,
            Action::ComposeDown(project) => self.compose_down(project).await,
            Action::ComposeStop(project) => self.compose_state(project, "stop").await,
            Action::ComposeStart(project) => self.compose_state(project, "start").await,
            Action::ComposeRun(run) => self.compose_run(run).await,
            Action::ComposeClear(project) => self.compose_clear(project).await,
            Action::Check(check) => self.check(check).await,
            Action::Fingerprint(wanted) => self.fingerprint(wanted).await,
            Action::TestSite { path, content, nginx } => self.test_site(path, content, nginx).await,
            Action::Swap(swap) => self.swap(swap).await,
            Action::Confirm(confirm) => self.confirm(confirm).await,
            Action::Watch(watch) => self.watch(watch).await,
            Action::Drain { timeout, of } => self.drain(*timeout, of).await,
            Action::Keep(keep) => self.keep(keep).await,
            Action::Wait { duration, .. } => {
                tokio::select! {
                    () = tokio::time::sleep(*duration) => Ok(Done::default()),
                    () = self.stop.cancelled() => Err(interrupted()),
                }
            }
        }
    }

    async fn put(&self, file: &PutFile) -> Result<Done, StepError> {
        let optional = [&file.mode, &file.owner, &file.group, &file.validate]
            .map(|value| value.clone().unwrap_or_default());
        let exec = Exec::changes(PUT)
            .args([file.path.clone(), file.content.len().to_string()])
            .args(optional)
            .args([file.keep.clone().unwrap_or_default()])
            .stdin(file.content.clone());
        let what = format!("write {}", file.path);
        let output = self.exec(&what, exec).await?;
        match (output.status, &file.validate) {
            (0, _) => Ok(Done::changed()),
            (65, Some(validate)) => Err(StepError {
                message: format!("`{validate}` refused the new {}", file.path),
                stderr: said(&output),
                hint: Some(
                    "the file on the host is as it was; mend the template or the validate command".into(),
                ),
            }),
            _ => Err(failed(&what, &output)),
        }
    }

    async fn command(&self, run: &Run) -> Result<Done, StepError> {
        let what = format!("run `{}`", shown(&run.argv));
        let output = self.run(&what, command_exec(run).timeout(COMMAND_TIMEOUT)).await?;
        let first = output.text().lines().next().map(str::to_owned).filter(|line| !line.trim().is_empty());
        Ok(Done { changed: true, detail: first, ..Done::default() })
    }

    async fn compose_up(&self, up: &ComposeUp) -> Result<Done, StepError> {
        let exec = project_exec(COMPOSE_UP, &up.project)
            .args([
                yes(up.recreate),
                pull_word(up.pull),
                yes(up.build),
                up.env_file.as_deref().unwrap_or_default(),
            ])
            .args(&up.services)
            .timeout(COMPOSE_TIMEOUT);
        let what = format!("bring up {} in {}", up.project.name, up.project.dir);
        let output = self.exec(&what, self.with_logins(exec)).await?;
        if output.success() {
            return Ok(Done::changed());
        }
        Err(StepError { hint: registry::advice(&output.errors()), ..failed(&what, &output) })
    }

    async fn compose_down(&self, project: &Project) -> Result<Done, StepError> {
        let exec = project_exec(COMPOSE_DOWN, project).timeout(COMPOSE_TIMEOUT);
        let output = self.run(&format!("take down {}", project.name), exec).await?;
        let logs = Some(output.text()).filter(|text| !text.trim().is_empty());
        Ok(Done { changed: true, logs, ..Done::default() })
    }

    async fn compose_state(&self, project: &Project, verb: &str) -> Result<Done, StepError> {
        let exec = project_exec(COMPOSE_STATE, project).args([verb]).timeout(COMPOSE_TIMEOUT);
        self.run(&format!("{verb} {}", project.name), exec).await.map(|_| Done::changed())
    }

    /// Runs a script that must succeed.
    async fn run(&self, what: &str, exec: Exec) -> Result<Output, StepError> {
        let output = self.exec(what, exec).await?;
        if output.success() { Ok(output) } else { Err(failed(what, &output)) }
    }

    async fn exec(&self, what: &str, mut exec: Exec) -> Result<Output, StepError> {
        exec.escalate.clone_from(&self.escalate);
        if let Some(timeout) = self.timeout {
            exec.timeout = timeout;
        }
        self.remote.exec(self.host, exec).await.map_err(|error| not_done(what, &error))
    }
}

fn project_exec(script: &'static str, project: &Project) -> Exec {
    let args = project_args(project.compose, &project.name, &project.dir);
    Exec::changes(script).args(args).env(variables::environment(&project.env, &[]))
}

/// What every script about a compose project begins with.
fn project_args(compose: Compose, name: &str, dir: &str) -> [String; 3] {
    let kind = match compose {
        Compose::V2 => "v2",
        Compose::V1 => "v1",
        Compose::Podman => "podman",
    };
    [kind, name, dir].map(str::to_owned)
}

const fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

const fn pull_word(pull: Pull) -> &'static str {
    match pull {
        Pull::Always => "always",
        Pull::Missing => "missing",
        Pull::Never => "never",
    }
}

fn command_exec(run: &Run) -> Exec {
    let mut exec = Exec::changes(RUN)
        .args([run.chdir.clone().unwrap_or_default()])
        .args(&run.argv)
        .stdin(run.stdin.clone().unwrap_or_default());
    exec.env.clone_from(&run.env);
    exec
}

/// A command as it is, without a shell.
#[must_use]
pub fn command(argv: &[String]) -> Exec {
    Exec::changes(RUN).args([String::new()]).args(argv)
}

/// A command as a person would type it, cut to a line's length.
fn shown(argv: &[String]) -> String {
    let words = match argv {
        [shell, flag, text] if shell == "sh" && flag == "-c" => text.clone(),
        words => shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" ")),
    };
    let one_line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if one_line.chars().count() > 100 { one_line.chars().take(99).chain(['…']).collect() } else { one_line }
}

fn number_after(text: &str, word: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(word)).and_then(|number| number.trim().parse().ok())
}

/// What a script noticed, in one line.
fn notes(output: &Output) -> Option<String> {
    let text = output.text();
    let notes: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("note ")).collect();
    (!notes.is_empty()).then(|| notes.join("; ").chars().take(LONGEST_NOTE).collect())
}

fn said(output: &Output) -> Option<String> {
    let errors = output.errors();
    let text = if errors.is_empty() { output.text().trim().to_owned() } else { errors };
    (!text.is_empty()).then_some(text)
}

fn failed(what: &str, output: &Output) -> StepError {
    StepError {
        message: format!("could not {what}: exit status {}", output.status),
        stderr: said(output),
        hint: None,
    }
}

fn not_done(what: &str, error: &RemoteError) -> StepError {
    StepError {
        message: format!("could not {what}: {error}"),
        stderr: None,
        hint: error.hint().map(str::to_owned),
    }
}

fn interrupted() -> StepError {
    StepError { message: "interrupted".into(), stderr: None, hint: None }
}
