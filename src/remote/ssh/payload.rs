//! A script as it travels: a constant command line, and everything else on stdin.

use std::hash::{BuildHasher, Hasher, RandomState};

use zeroize::Zeroizing;

use super::quote::{is_plain, word};
use crate::model::Escalation;
use crate::remote::{Exec, RemoteError, Upload};

const LOADER: &str = include_str!("loader.sh");

/// What sudo writes when it asks for the password.
pub(super) const PROMPT: &str = "bgctl-sudo-password:";

/// Bytes that may hold a secret: they are wiped from memory once they are sent.
pub(super) type Private = Zeroizing<Vec<u8>>;

/// An [`Exec`] in the form that goes over a channel.
pub(super) struct Payload {
    /// Precedes the script's own output on stdout and stderr, and its text on stdin.
    pub(super) marker: String,
    /// The command line.
    pub(super) command: String,
    /// sudo's password and a newline, to be sent before all else and alone.
    pub(super) password: Option<Private>,
    /// The script with its arguments and environment.
    pub(super) script: Private,
    /// The script's own stdin.
    pub(super) stdin: Private,
    /// A file that follows it.
    pub(super) upload: Option<Upload>,
}

impl Payload {
    /// Writes an exec down, or refuses what a shell cannot hold.
    pub(super) fn new(exec: &Exec) -> Result<Self, RemoteError> {
        let marker = marker();
        let command = command(&marker, exec.escalate.as_ref())?;
        let password = exec
            .escalate
            .as_ref()
            .and_then(|to| to.password.as_ref())
            .map(|password| line("", password.expose()));
        let script = line(&marker, &script(exec)?);
        Ok(Self { marker, command, password, script, stdin: exec.stdin.clone(), upload: exec.upload.clone() })
    }
}

/// Two texts as one line, made in memory that has room for it: what grows leaves parts of itself behind.
fn line(before: &str, text: &str) -> Private {
    let mut line = Zeroizing::new(Vec::with_capacity(before.len() + text.len() + 1));
    for part in [before, text, "\n"] {
        line.extend_from_slice(part.as_bytes());
    }
    line
}

fn command(marker: &str, escalate: Option<&Escalation>) -> Result<String, RemoteError> {
    let loader: Vec<&str> = LOADER.lines().filter(|line| !line.starts_with('#')).collect();
    let loader = loader.join(" ").replace('@', marker);
    let Some(to) = escalate else {
        return Ok(format!("exec sh -c '{loader}'"));
    };
    if !is_plain(&to.user) {
        return Err(RemoteError::Refused(format!("{:?} is no user name that sudo could become", to.user)));
    }
    let asking = if to.password.is_some() { format!("-S -p {PROMPT}") } else { "-n".to_owned() };
    Ok(format!("exec sudo -H {asking} -u {} sh -c '{loader}'", to.user))
}

fn script(exec: &Exec) -> Result<Zeroizing<String>, RemoteError> {
    let refused = |what: String| move |nul| RemoteError::Refused(format!("{what}: {nul}"));
    let mut parts: Vec<Zeroizing<String>> = Vec::new();
    for (name, value) in &exec.env {
        if !is_variable(name) {
            return Err(RemoteError::Refused(format!("{name:?} is no name of an environment variable")));
        }
        let value = word(value).map_err(refused(format!("environment variable {name}")))?;
        parts.extend([format!("export {name}=").into(), value, "; ".to_owned().into()]);
    }
    parts.push("set --".to_owned().into());
    for (index, arg) in exec.args.iter().enumerate() {
        let arg = word(arg).map_err(refused(format!("argument {}", index + 1)))?;
        parts.extend([" ".to_owned().into(), arg]);
    }
    let script = word(exec.script).map_err(refused("script".to_owned()))?;
    parts.extend([
        "; bg_s=".to_owned().into(),
        script,
        "; eval \"unset bg_s bg_n; $bg_s\"".to_owned().into(),
    ]);
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in &parts {
        text.push_str(part);
    }
    Ok(text)
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A word that no login shell's greeting contains by chance.
fn marker() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("bgctl-{:016x}{:016x}", half(), half())
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
