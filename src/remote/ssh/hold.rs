//! A script that stays: its lines out, lines in, and its end when nobody holds it any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::exec::{End, Script, feed_open};
use super::link::{Link, Session};
use super::output::STDOUT_CAP;
use super::payload::Payload;
use crate::remote::hold::{Feed, lines};
use crate::remote::{Exec, Hold, RemoteError};

/// Lines that may wait to be read. A reader that falls further behind loses its hold: waiting for it would
/// stall everything else on the connection. Together they are no longer than what a script that ends may say.
const LINES: usize = 4096;
/// A line longer than this is none.
const LONGEST: usize = 1 << 20;
/// How long a script may take to end by itself once its stdin has ended.
const FAREWELL: Duration = Duration::from_secs(2);

/// Starts a script that stays; `exec.timeout` is for its start alone.
pub(super) async fn hold(link: Arc<Link>, exec: Arc<Exec>) -> Result<Hold, RemoteError> {
    let payload = Payload::new(&exec)?;
    let (feed, lines) = lines(LINES, STDOUT_CAP);
    let (input, input_out) = mpsc::channel(16);
    let (begun, result) = oneshot::channel();
    let on = Arc::clone(&link);
    link.tasks.spawn(async move {
        let permit = on.permit().await;
        match on.session(permit, Instant::now() + exec.timeout).await {
            Ok(session) => {
                let script = Script::new(&payload.marker, exec.escalate.is_some());
                let pump =
                    Pump { link: on, session, script, lines: feed, begun: Some(begun), rest: Vec::new() };
                pump.run(payload, &exec, input_out).await;
            }
            // Nobody listens where the future was dropped.
            Err(error) => drop(begun.send(Err(error))),
        }
    });
    match result.await {
        Ok(begun) => begun.map(|()| Hold { lines, input }),
        Err(_) => Err(link.lost()),
    }
}

struct Pump {
    link: Arc<Link>,
    session: Session,
    script: Script,
    lines: Feed,
    begun: Option<oneshot::Sender<Result<(), RemoteError>>>,
    rest: Vec<u8>,
}

impl Pump {
    async fn run(mut self, payload: Payload, exec: &Exec, input: mpsc::Receiver<String>) {
        let writer = Arc::clone(&self.session.writer);
        let started = Arc::clone(&self.script.started);
        let feeding = async {
            let mut input = input;
            feed_open(&writer, payload, started).await?;
            while let Some(line) = input.recv().await {
                writer.data_bytes(format!("{line}\n").into_bytes()).await?;
            }
            writer.eof().await
        };
        tokio::pin!(feeding);
        let mut deadline = Some(Instant::now() + exec.timeout);
        let mut fed = false;
        let end = loop {
            tokio::select! {
                message = self.session.reader.wait() => {
                    if let Some(end) = self.script.take(&mut self.session, message) {
                        break end;
                    }
                    if self.script.stdout.group().is_some() && self.begun.is_some() {
                        deadline = None;
                        self.begin(Ok(()));
                    }
                    if !self.pass_on() {
                        break End::Abandoned;
                    }
                }
                _ = &mut feeding, if !fed => {
                    fed = true;
                    deadline = Some(Instant::now() + FAREWELL);
                }
                () = self.lines.closed() => break End::Abandoned,
                () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    break End::TimedOut;
                }
            }
        };
        self.finish(end, exec).await;
    }

    async fn finish(mut self, end: End, exec: &Exec) {
        let error = match &end {
            End::Exited => {
                RemoteError::Refused(self.script.why_not_begun(self.script.status().unwrap_or_default()))
            }
            End::Refused(why) => RemoteError::Refused(why.clone()),
            End::TimedOut | End::Abandoned | End::TooLong => RemoteError::TimedOut(exec.timeout),
            End::Lost => self.link.lost(),
        };
        self.begin(Err(error));
        if matches!(end, End::TimedOut | End::Abandoned | End::Refused(_)) {
            self.script.end(&self.link, &mut self.session, exec.escalate.clone()).await;
        }
    }

    /// Tells the caller, once, how the start went.
    fn begin(&mut self, outcome: Result<(), RemoteError>) {
        if let Some(begun) = self.begun.take() {
            // Nobody listens where the future was dropped; `lines` says so next.
            let _ = begun.send(outcome);
        }
    }

    /// Passes whole lines on; `false` when nobody takes them, or one has no end.
    fn pass_on(&mut self) -> bool {
        self.rest.extend(self.script.stdout.take());
        while let Some(end) = self.rest.iter().take(LONGEST).position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
            if !self.lines.pass(line) {
                return false;
            }
        }
        let ends = self.rest.len() < LONGEST;
        ends || self.lines.give_up(format!("a line of it is longer than {} MiB", LONGEST >> 20))
    }
}
