//! A question that is repeated until the answer is right often enough.

use crate::event::StepError;
use crate::model::{Ask, Check};
use crate::remote::{Answer, Exec, Probe, meets};
use crate::scripts::CONTAINER_HEALTH;

use super::{Done, Performance, command_exec, interrupted, not_done, said, shown};

impl Performance<'_> {
    pub(super) async fn check(&self, check: &Check) -> Result<Done, StepError> {
        let most = check.retries.saturating_add(1);
        let (mut attempt, mut in_a_row) = (0, 0);
        loop {
            let pause = match self.ask(check).await? {
                Ok(()) => {
                    in_a_row += 1;
                    check.rest
                }
                Err(met) => {
                    in_a_row = 0;
                    attempt += 1;
                    if attempt >= most {
                        return Err(gave_up(check, attempt, &met));
                    }
                    (self.waiting)(attempt, most, met);
                    check.delay
                }
            };
            if in_a_row >= check.successes.max(1) {
                return Ok(Done::default());
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return Err(interrupted()),
            }
        }
    }

    /// One attempt: `Err` inside when the answer was wrong, outside when the host could not even be asked.
    pub(super) async fn ask(&self, check: &Check) -> Result<Result<(), String>, StepError> {
        match &check.ask {
            Ask::Http(ask) => {
                let answer = self.probe(Probe::asking(ask, check.timeout)).await?;
                Ok(meets(ask, &answer))
            }
            Ask::Tcp { host, port } => {
                let probe = Probe { host: host.clone(), port: *port, http: None, timeout: check.timeout };
                Ok(match self.probe(probe).await? {
                    Answer::Failed(why) => Err(why),
                    Answer::Connected | Answer::Http(_) => Ok(()),
                })
            }
            Ask::Command(run) => self.succeeds(command_exec(run), check).await,
            Ask::Container { project, services } => {
                let exec = Exec::reads(CONTAINER_HEALTH).args(["-", project, "-"]).args(services);
                self.succeeds(exec, check).await
            }
        }
    }

    async fn probe(&self, probe: Probe) -> Result<Answer, StepError> {
        let what = format!("probe {}:{}", probe.host, probe.port);
        self.remote.probe(self.host, probe).await.map_err(|error| not_done(&what, &error))
    }

    async fn succeeds(&self, exec: Exec, check: &Check) -> Result<Result<(), String>, StepError> {
        let output = self.exec("check", exec.timeout(check.timeout)).await?;
        if output.success() {
            return Ok(Ok(()));
        }
        let words = said(&output).unwrap_or_else(|| format!("exit status {}", output.status));
        Ok(Err(words.lines().collect::<Vec<_>>().join("; ")))
    }
}

fn gave_up(check: &Check, attempts: u32, met: &str) -> StepError {
    let what = match &check.ask {
        Ask::Http(ask) => ask.url.clone(),
        Ask::Tcp { host, port } => format!("{host}:{port}"),
        Ask::Command(run) => format!("`{}`", shown(&run.argv)),
        Ask::Container { project, .. } => format!("containers of {project}"),
    };
    let times = if attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
    StepError { message: format!("{what} not as expected after {times}: {met}"), stderr: None, hint: None }
}
