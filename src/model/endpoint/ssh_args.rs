//! `ansible_ssh_common_args` and its kin: the options of `ssh` that have a meaning here.

use std::time::Duration;

/// What the options say; of two that say the same, the first wins, as with `ssh`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SshArgs {
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) identity_files: Vec<String>,
    pub(super) identities_only: Option<bool>,
    pub(super) known_hosts: Option<Vec<String>>,
    pub(super) host_key_alias: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
}

/// Options that change nothing here: one connection per host that keeps itself alive and asks nothing.
const MEANINGLESS: &[&str] = &[
    "batchmode",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "loglevel",
    "serveralivecountmax",
    "serveraliveinterval",
    "tcpkeepalive",
];

impl SshArgs {
    /// Reads one variable's text after those before it.
    pub(super) fn add(&mut self, text: &str) -> Result<(), String> {
        let words = shlex::split(text).ok_or("a quote is not closed")?;
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let Some((flag, attached)) = split_flag(&word) else {
                return Err(format!("{word:?} is no option"));
            };
            let mut value = || match attached {
                "" => words.next().ok_or(format!("-{flag} needs a value")),
                attached => Ok(attached.to_owned()),
            };
            match flag {
                'o' => self.option(&value()?)?,
                'i' => self.identity_files.push(value()?),
                'p' => self.set_port(&value()?)?,
                'l' => first(&mut self.user, value()?),
                'C' | 'T' | 'q' | 'v' if attached.is_empty() => {}
                'J' => return Err(no_jump("-J")),
                flag => return Err(format!("the option -{flag} of ssh is not available in this version")),
            }
        }
        Ok(())
    }

    fn option(&mut self, text: &str) -> Result<(), String> {
        let (key, value) = text
            .split_once('=')
            .or_else(|| text.split_once(char::is_whitespace))
            .ok_or_else(|| format!("-o {text} has no value"))?;
        let (key, value) = (key.trim(), value.trim());
        match key.to_ascii_lowercase().as_str() {
            "userknownhostsfile" => first(&mut self.known_hosts, split(value)?),
            "identityfile" => self.identity_files.push(value.to_owned()),
            "identitiesonly" => first(&mut self.identities_only, yes_or_no(key, value)?),
            "port" => self.set_port(value)?,
            "user" => first(&mut self.user, value.to_owned()),
            "hostkeyalias" => first(&mut self.host_key_alias, value.to_owned()),
            "connecttimeout" => {
                let seconds = value.parse().map_err(|_| format!("ConnectTimeout={value} is no number"))?;
                first(&mut self.connect_timeout, Duration::from_secs(seconds));
            }
            "stricthostkeychecking" => strict(value)?,
            "proxyjump" => return Err(no_jump("ProxyJump")),
            "forwardagent" | "forwardx11" if value.eq_ignore_ascii_case("no") => {}
            other if MEANINGLESS.contains(&other) => {}
            _ => return Err(format!("the option {key} of ssh is not available in this version")),
        }
        Ok(())
    }

    fn set_port(&mut self, text: &str) -> Result<(), String> {
        let port: u16 = text.parse().ok().filter(|port| *port > 0).ok_or(format!("{text:?} is no port"))?;
        first(&mut self.port, port);
        Ok(())
    }
}

fn first<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

fn split_flag(word: &str) -> Option<(char, &str)> {
    let mut chars = word.strip_prefix('-')?.chars();
    let flag = chars.next()?;
    Some((flag, chars.as_str()))
}

/// A list of files, where a name with a space in it is quoted once more.
fn split(value: &str) -> Result<Vec<String>, String> {
    shlex::split(value).ok_or(format!("a quote in {value:?} is not closed"))
}

fn yes_or_no(key: &str, value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(format!("{key}={value}: it is yes or no")),
    }
}

fn strict(value: &str) -> Result<(), String> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(()),
        _ => Err(format!(
            "StrictHostKeyChecking={value} would trust keys that nobody checked: make the host's key known \
             (ssh-keyscan, after comparing fingerprints), or say ansible_host_key_checking: false for a \
             throw-away host"
        )),
    }
}

fn no_jump(option: &str) -> String {
    format!(
        "{option}: jump hosts are not available in this version; reach the host directly or through a VPN"
    )
}
