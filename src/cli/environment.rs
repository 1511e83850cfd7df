//! What the process was given by whoever started it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::ColorChoice;
use crate::model::Secret;

/// What the process was given by whoever started it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a variable of its own")]
pub struct Environment {
    /// Who runs this.
    pub user: String,
    /// Their home folder.
    pub home: Option<PathBuf>,
    /// The SSH agent's socket.
    pub ssh_auth_sock: Option<PathBuf>,
    /// Where journals are kept: `XDG_STATE_HOME`, else `.local/state` in the home folder.
    pub state_home: Option<PathBuf>,
    /// This machine's name.
    pub hostname: String,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set, not empty and not `0`.
    pub force_color: bool,
    /// `TERM` is `dumb`.
    pub dumb_terminal: bool,
    /// `GITHUB_ACTIONS` is `true`.
    pub github_actions: bool,
    /// All variables that are text, for those who look one up by its name.
    pub variables: BTreeMap<String, Secret>,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn read() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, Secret::new(value.into_string().ok()?)))
        });
        Self { variables: variables.collect(), ..Self::from_vars(|name| std::env::var_os(name)) }
    }

    fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let home = set("HOME").map(PathBuf::from);
        let state_home = set("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            user: text("USER").or_else(|| text("LOGNAME")).unwrap_or_else(user_by_id),
            state_home: state_home.or_else(|| Some(home.as_ref()?.join(".local/state"))),
            home,
            ssh_auth_sock: set("SSH_AUTH_SOCK").map(PathBuf::from),
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            no_color: set("NO_COLOR").is_some(),
            force_color: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb_terminal: set("TERM").is_some_and(|value| value == "dumb"),
            github_actions: set("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            variables: BTreeMap::new(),
        }
    }

    /// Whether to write color to a stream that is, or is not, a terminal. `--color` wins over `NO_COLOR`,
    /// which wins over `CLICOLOR_FORCE`.
    #[must_use]
    pub fn wants_color(&self, choice: ColorChoice, terminal: bool) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if self.no_color => false,
            ColorChoice::Auto if self.force_color => true,
            ColorChoice::Auto => terminal && !self.dumb_terminal,
        }
    }
}

fn user_by_id() -> String {
    let id = rustix::process::getuid();
    if id.is_root() { "root".to_owned() } else { format!("uid-{}", id.as_raw()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment::from_vars(|name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_environment_has_fallbacks() {
        let env = environment(&[("HOME", "/home/anna"), ("LOGNAME", "anna"), ("XDG_STATE_HOME", "relative")]);
        assert_eq!((env.user.as_str(), env.state_home), ("anna", Some("/home/anna/.local/state".into())));
        let bare = environment(&[]);
        assert_eq!((bare.home, bare.state_home), (None, None));
        assert!(!bare.user.is_empty() && !bare.hostname.is_empty());
    }

    #[test]
    fn who_decides_about_color() {
        let auto =
            |vars: &[(&str, &str)], terminal| environment(vars).wants_color(ColorChoice::Auto, terminal);
        assert!(auto(&[], true) && !auto(&[], false));
        assert!(!auto(&[("NO_COLOR", "1")], true) && auto(&[("NO_COLOR", "")], true));
        assert!(auto(&[("CLICOLOR_FORCE", "1")], false) && !auto(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!auto(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true));
        assert!(!auto(&[("TERM", "dumb")], true));
        let plain = environment(&[("NO_COLOR", "1")]);
        assert!(plain.wants_color(ColorChoice::Always, false));
        assert!(!environment(&[]).wants_color(ColorChoice::Never, true));
    }
}
