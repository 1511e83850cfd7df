//! Commands in containers.

use crate::event::StepError;
use crate::model::{ComposeRun, Project};
use crate::remote::Output;
use crate::scripts::{COMPOSE_CLEAR, COMPOSE_RUN};

use super::variables::{environment, options};
use super::{COMPOSE_TIMEOUT, Done, Performance, project_exec, pull_word, shown, yes};

/// Of what a command said, as much is shown when it failed.
const LAST_LINES: usize = 60;

impl Performance<'_> {
    pub(super) async fn compose_run(&self, inside: &ComposeRun) -> Result<Done, StepError> {
        let ComposeRun { project, service, run, .. } = inside;
        let what = format!("run `{}` in {service} of {}", shown(&run.argv), project.name);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let mut options = options("-e", &run.env);
        if let Some(folder) = &run.chdir {
            options.extend(["-w".to_owned(), folder.clone()]);
        }
        let exec = project_exec(COMPOSE_RUN, project)
            .env(environment(&project.env, &run.env))
            .args([yes(inside.takes_back), pull_word(inside.pull), yes(inside.build)])
            .args([text(&inside.env_file), service.clone(), text(&inside.mark)])
            .args(options)
            .args([service])
            .args(&run.argv)
            .stdin(text(&run.stdin))
            .timeout(COMPOSE_TIMEOUT);
        let output = self.exec(&what, self.with_logins(exec)).await?;
        if !output.success() {
            let message = format!("could not {what}: exit status {}", output.status);
            return Err(StepError { message, stderr: both(&output), hint: None });
        }
        let last = output.text().lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned);
        Ok(Done { changed: true, detail: last, ..Done::default() })
    }

    pub(super) async fn compose_clear(&self, project: &Project) -> Result<Done, StepError> {
        let exec = project_exec(COMPOSE_CLEAR, project).timeout(COMPOSE_TIMEOUT);
        let output = self.run(&format!("make room for a command in {}", project.name), exec).await?;
        Ok(Done { detail: output.text().lines().next().map(str::to_owned), ..Done::default() })
    }
}

/// The last of what a command said on stdout and on stderr, where compose speaks, too.
fn both(output: &Output) -> Option<String> {
    let (said, errors) = (output.text(), output.errors());
    let lines: Vec<&str> = said.trim_end().lines().chain(errors.lines()).collect();
    let last = lines.len().saturating_sub(LAST_LINES);
    let text = lines.get(last..).unwrap_or_default().join("\n");
    (!text.trim().is_empty()).then_some(text)
}
