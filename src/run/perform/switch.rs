//! What is asked of a load balancer around the switch.

use std::time::Duration;

use crate::event::StepError;
use crate::model::{Confirm, NginxSetup, Pointer, Swap};
use crate::remote::Exec;
use crate::scripts::{
    CONFIRM, DEAD_MAN_COMMAND, DEAD_MAN_FILE, DEAD_MAN_LINK, SWAP_COMMAND, SWAP_FILE, SWAP_LINK, TEST_COPY,
    TEST_SITE,
};

use super::{Done, Performance, notes, number_after, said};

/// How long new nginx workers may take to appear.
const RELOAD_SECONDS: u64 = 10;
/// Two reloads at the most, each with its tests: the way there and the way back.
const SWAPPING: Duration = Duration::from_secs(4 * RELOAD_SECONDS);
/// How long a swap waits for one of another app, and then for one of its own app, or for the dead-man, on the same host.
const TURN: Duration = Duration::from_secs(30);

impl Performance<'_> {
    pub(super) async fn test_site(
        &self,
        path: &str,
        content: &str,
        nginx: &NginxSetup,
    ) -> Result<Done, StepError> {
        let args = [path.to_owned(), content.len().to_string(), TEST_COPY.to_owned()];
        let exec = Exec::reads(TEST_SITE).args(args).env(nginx.variables()).stdin(content);
        let output = self.exec("test the site with nginx", exec).await?;
        if output.success() {
            return Ok(Done::default());
        }
        Err(StepError {
            message: "nginx refuses its configuration with the new site in place".into(),
            stderr: said(&output),
            hint: Some(
                "nothing on the load balancer was changed; mend what it names (for this site: its template), then run it again".into(),
            ),
        })
    }

    pub(super) async fn swap(&self, swap: &Swap) -> Result<Done, StepError> {
        let text = |path: &Option<String>| path.clone().unwrap_or_default();
        let (script, program) = match &swap.pointer {
            Pointer::Link { .. } => (SWAP_LINK, DEAD_MAN_LINK),
            Pointer::File { .. } => (SWAP_FILE, DEAD_MAN_FILE),
            Pointer::Commands(_) => (SWAP_COMMAND, DEAD_MAN_COMMAND),
        };
        let timeout = swap.guard.confirm_timeout.map(|time| time.as_millis().to_string());
        let args = [
            swap.pointer.path().to_owned(),
            text(&swap.from),
            text(&swap.to),
            RELOAD_SECONDS.to_string(),
            swap.guard.state.folder.clone(),
            swap.guard.run.clone(),
            timeout.unwrap_or_default(),
            program.to_owned(),
        ];
        let mut env = swap.pointer.variables();
        env.extend(swap.guard.state.variables());
        let exec = Exec::changes(script).args(args).env(env).timeout(2 * TURN + SWAPPING);
        let output = self.exec("switch", exec).await.map_err(|error| unheard(error, swap))?;
        if output.success() {
            let took = number_after(&output.text(), "took ");
            return Ok(Done { changed: true, switched_ms: took, detail: notes(&output), ..Done::default() });
        }
        Err(StepError {
            message: format!("the switch of {} did not take effect", swap.pointer.name()),
            stderr: said(&output),
            hint: Some(match &swap.pointer {
                Pointer::Commands(_) => "mend what the commands of the switch say, then apply again".into(),
                _ => "mend what nginx's error log names, then apply again".into(),
            }),
        })
    }

    pub(super) async fn confirm(&self, confirm: &Confirm) -> Result<Done, StepError> {
        // Only a connection made now proves that the load balancer can still be reached.
        let exec = Exec::changes(CONFIRM).args([&confirm.state.folder, &confirm.run]);
        let exec = exec.env(confirm.state.variables()).fresh();
        let output = self.exec("confirm the switch", exec).await?;
        if output.success() {
            return Ok(Done { detail: notes(&output), ..Done::default() });
        }
        Err(StepError {
            message: "the switch could not be confirmed".into(),
            stderr: said(&output),
            hint: Some(format!(
                "look at `bgctl status`, then apply again; it waits for `confirm_timeout`, which is {} s",
                confirm.confirm_timeout.as_secs()
            )),
        })
    }
}

/// A swap whose answer never came: what the load balancer does about it by itself.
fn unheard(error: StepError, swap: &Swap) -> StepError {
    let Some(time) = swap.guard.confirm_timeout.filter(|_| error.hint.is_none()) else { return error };
    let hint = format!(
        "if it was swapped, the load balancer swaps back by itself {} s after that, as nobody confirms it",
        time.as_secs()
    );
    StepError { hint: Some(hint), ..error }
}
