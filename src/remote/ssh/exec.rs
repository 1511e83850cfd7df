//! Running a script to its end, and ending it when it must not go on.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelWriteHalf, Sig};
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::link::{Link, Session};
use super::output::{STDERR_CAP, STDOUT_CAP, Stream};
use super::payload::{PROMPT, Payload};
use crate::model::Escalation;
use crate::remote::{Effect, Exec, Output, RemoteError, Upload};

const KILL: &str = include_str!("kill.sh");

/// How much of a file is in memory at a time, beside what waits in the connection.
const PIECE: usize = 128 << 10;
/// After the exit status, a background child that keeps the output open is waited for no longer than this.
const QUIET: Duration = Duration::from_secs(2);
/// So much is told of what was said in place of a script's own output.
const LONGEST_GREETING: usize = 2000;
/// How long a script that must end may take to report its process group, and its end to be seen.
const GRACE: Duration = Duration::from_secs(10);

/// Runs a script on a host. The work is a task of the connection: when this future is dropped, the task ends
/// the script and gives the channel back.
pub(super) async fn exec(link: Arc<Link>, exec: Arc<Exec>) -> Result<Output, RemoteError> {
    let payload = Payload::new(&exec)?;
    let (mut answer, result) = oneshot::channel();
    let on = Arc::clone(&link);
    link.tasks.spawn(async move {
        let permit = tokio::select! {
            permit = on.permit() => permit,
            () = answer.closed() => None,
        };
        let Some(permit) = permit else { return };
        let deadline = Instant::now() + exec.timeout;
        let outcome = match on.session(Some(permit), deadline).await {
            Ok(session) => run(&on, session, payload, &exec, deadline, answer.closed()).await,
            Err(error) => Err(error),
        };
        // Nobody listens where the future was dropped.
        let _ = answer.send(outcome);
    });
    result.await.unwrap_or_else(|_| Err(link.lost()))
}

async fn run(
    link: &Arc<Link>,
    mut session: Session,
    payload: Payload,
    exec: &Exec,
    deadline: Instant,
    abandoned: impl Future<Output = ()>,
) -> Result<Output, RemoteError> {
    let mut script = Script::new(&payload.marker, exec.escalate.is_some());
    script.whole = exec.effect == Effect::Reads;
    let feeding = feed(Arc::clone(&session.writer), payload, Arc::clone(&script.started));
    let end = tokio::select! {
        end = script.follow(&mut session, feeding) => end,
        () = tokio::time::sleep_until(deadline) => End::TimedOut,
        () = abandoned => End::Abandoned,
    };
    match end {
        End::Exited => script.output(),
        End::Lost => Err(link.lost()),
        End::Refused(why) => Err(RemoteError::Refused(why)),
        End::TimedOut | End::Abandoned => {
            script.end(link, &mut session, exec.escalate.clone()).await;
            Err(RemoteError::TimedOut(exec.timeout))
        }
        End::TooLong => {
            // What follows is of no use, and is read until the end.
            script.whole = false;
            script.end(link, &mut session, exec.escalate.clone()).await;
            Err(RemoteError::TooLong(STDOUT_CAP))
        }
    }
}

/// Sends a script and its stdin. The session is read at the same time: a script that ends without reading
/// would block this for ever.
pub(super) async fn feed(
    writer: Arc<ChannelWriteHalf<Msg>>,
    payload: Payload,
    started: Arc<Notify>,
) -> Result<(), russh::Error> {
    feed_open(&writer, payload, started).await?;
    writer.eof().await
}

/// As [`feed`], with stdin left open.
pub(super) async fn feed_open(
    writer: &ChannelWriteHalf<Msg>,
    payload: Payload,
    started: Arc<Notify>,
) -> Result<(), russh::Error> {
    writer.exec(true, payload.command).await?;
    if let Some(password) = payload.password {
        writer.data_bytes(Bytes::from_owner(password)).await?;
        // Sent at once, the script would be read as the next passwords where the first is wrong.
        started.notified().await;
    }
    writer.data_bytes(Bytes::from_owner(payload.script)).await?;
    writer.data_bytes(Bytes::from_owner(payload.stdin)).await?;
    match payload.upload {
        Some(upload) => feed_file(writer, &upload).await,
        None => Ok(()),
    }
}

/// Sends a file piece by piece, each when the server has room for it. A file that cannot be read ends stdin early:
/// the script ends by itself, and the upload tells why.
async fn feed_file(writer: &ChannelWriteHalf<Msg>, upload: &Upload) -> Result<(), russh::Error> {
    upload.begin();
    let mut file = match tokio::fs::File::open(upload.path()).await {
        Ok(file) => file,
        Err(error) => {
            upload.breaks(error.to_string());
            return Ok(());
        }
    };
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        match file.read_buf(&mut piece).await {
            Ok(0) => return Ok(()),
            Ok(read) => {
                writer.data_bytes(piece).await?;
                upload.add(read);
            }
            Err(error) => {
                upload.breaks(error.to_string());
                return Ok(());
            }
        }
    }
}

/// How a script's channel came to its end.
#[derive(Debug)]
pub(super) enum End {
    Exited,
    Lost,
    Refused(String),
    TimedOut,
    Abandoned,
    TooLong,
}

/// A script that runs on a session, as far as it was seen.
pub(super) struct Script {
    /// Told when the marker has come.
    pub(super) started: Arc<Notify>,
    /// Its stdout.
    pub(super) stdout: Stream,
    stderr: Stream,
    status: Option<i32>,
    escalated: bool,
    /// Whether half of what it says is worth nothing: it is an answer, not what a change tells of itself.
    whole: bool,
}

impl Script {
    /// A script of which nothing was seen yet.
    pub(super) fn new(marker: &str, escalated: bool) -> Self {
        Self {
            started: Arc::new(Notify::new()),
            stdout: Stream::new(marker, STDOUT_CAP),
            stderr: Stream::new(marker, STDERR_CAP),
            status: None,
            escalated,
            whole: false,
        }
    }

    /// Reads the session to its end while `feeding` writes to it.
    async fn follow(
        &mut self,
        session: &mut Session,
        feeding: impl Future<Output = Result<(), russh::Error>>,
    ) -> End {
        tokio::pin!(feeding);
        let mut fed = false;
        loop {
            let quiet = self.status.map(|_| Instant::now() + QUIET);
            tokio::select! {
                message = session.reader.wait() => {
                    if let Some(end) = self.take(session, message) {
                        return end;
                    }
                }
                // An error here is seen by the reader as well, with its reason.
                _ = &mut feeding, if !fed => fed = true,
                () = tokio::time::sleep_until(quiet.unwrap_or_else(Instant::now)), if quiet.is_some() => {
                    return End::Exited;
                }
            }
        }
    }

    /// Takes in one message; the last one says how it ended.
    pub(super) fn take(&mut self, session: &mut Session, message: Option<ChannelMsg>) -> Option<End> {
        match message {
            Some(ChannelMsg::Data { data }) => {
                let before = self.stdout.group().is_some();
                self.stdout.push(&data);
                if !before && self.stdout.group().is_some() {
                    self.started.notify_one();
                }
                if self.whole && self.stdout.is_cut() {
                    return Some(End::TooLong);
                }
            }
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                self.stderr.push(&data);
                let begun = self.stdout.group().is_some();
                if !begun && self.stderr.greeting().matches(PROMPT).count() > 1 {
                    return Some(End::Refused(
                        "sudo does not take the password: check ansible_become_password".to_owned(),
                    ));
                }
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                self.status = Some(i32::try_from(exit_status).unwrap_or(i32::MAX));
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                self.status = Some(128 + number(&signal_name));
            }
            Some(ChannelMsg::Failure) => {
                return Some(End::Refused(
                    "the server runs no commands for this user (ForceCommand or a restricted key?)"
                        .to_owned(),
                ));
            }
            Some(ChannelMsg::Close) => {
                session.was_closed();
                return Some(if self.status.is_some() { End::Exited } else { End::Lost });
            }
            None => return Some(if self.status.is_some() { End::Exited } else { End::Lost }),
            Some(_) => {}
        }
        None
    }

    /// What the script left, or why it never began.
    fn output(mut self) -> Result<Output, RemoteError> {
        let status = self.status.unwrap_or(i32::MAX);
        if self.stdout.group().is_none() {
            return Err(RemoteError::Refused(self.why_not_begun(status)));
        }
        let cut = self.stdout.is_cut() || self.stderr.is_cut();
        Ok(Output { status, stdout: self.stdout.take(), stderr: self.stderr.take(), cut })
    }

    /// Why the shell never reported itself.
    pub(super) fn why_not_begun(&self, status: i32) -> String {
        let said = self.stderr.greeting().replace(PROMPT, "");
        let said = if said.trim().is_empty() { self.stdout.greeting() } else { said };
        let said: String = said.trim().chars().take(LONGEST_GREETING).collect();
        if self.escalated && said.contains("password is required") {
            return format!("{said}: give ansible_become_password, or allow it NOPASSWD in sudoers");
        }
        let who = if self.escalated { "sudo or the login shell" } else { "the login shell" };
        format!("{who} ended with {status} before the script began: {said}")
    }

    /// Its exit status, once it has one.
    pub(super) fn status(&self) -> Option<i32> {
        self.status
    }

    /// Ends the script's process group and waits for its end to be seen.
    pub(super) async fn end(
        &mut self,
        link: &Arc<Link>,
        session: &mut Session,
        escalate: Option<Escalation>,
    ) {
        let by = Instant::now() + GRACE;
        if self.stdout.group().is_none() {
            // It may be about to start: without stdin it will end itself, with the marker it can be ended.
            let _ = session.writer.eof().await;
            self.drain(session, Instant::now() + QUIET, |script| script.stdout.group().is_some()).await;
        }
        if let Some(group) = self.stdout.group().map(str::to_owned) {
            let killing = kill(link, group, escalate, by);
            tokio::pin!(killing);
            let killed = tokio::select! {
                killed = &mut killing => killed,
                () = self.drain(session, by, |_| false) => killing.await,
            };
            if killed.is_err() {
                // Servers take this for some users only, but it needs no second session.
                let _ = session.writer.signal(Sig::TERM).await;
            }
        }
    }

    async fn drain(&mut self, session: &mut Session, until: Instant, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            let Ok(message) = tokio::time::timeout_at(until, session.reader.wait()).await else { return };
            if self.take(session, message).is_some() {
                return;
            }
        }
    }
}

/// Ends a process group from a second session.
async fn kill(
    link: &Arc<Link>,
    group: String,
    escalate: Option<Escalation>,
    by: Instant,
) -> Result<(), RemoteError> {
    let payload = Payload::new(&Exec::changes(KILL).args([group]).escalate(escalate))?;
    let _one_at_a_time = link.kills.acquire().await;
    let mut session = link.session(None, by).await?;
    let mut script = Script::new(&payload.marker, false);
    let feeding = feed(Arc::clone(&session.writer), payload, Arc::clone(&script.started));
    match tokio::time::timeout_at(by, script.follow(&mut session, feeding)).await {
        Ok(End::Exited) => Ok(()),
        Ok(_) => Err(link.lost()),
        Err(_) => Err(RemoteError::TimedOut(GRACE)),
    }
}

fn number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::Custom(name) if name == "BUS" => 7,
        Sig::Custom(name) if name == "USR2" => 12,
        // TERM, and what has no number everywhere.
        _ => 15,
    }
}
