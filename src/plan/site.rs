//! nginx's site on a load balancer: one file a color, one symlink.

use crate::model::{EscalationWords, HostName, NginxSetup, Problems, Run, Text};

use super::deed::path_of;
use super::scope::{self, Scope, Side};

/// Where a color's site is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) dest: String,
    pub(super) link: String,
}

pub(super) fn site(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Site, Problems> {
    let context = scope.context(host, side, None);
    let nginx = &scope.model.playbook.switch.nginx;
    let path = |text: &Text| {
        let rendered = text.render(&context).and_then(|path| path_of(text, path));
        rendered.map_err(|problem| Problems(vec![problem]))
    };
    Ok(Site { dest: path(&nginx.dest)?, link: path(&nginx.link)? })
}

/// The access log that is watched, where the playbook names one.
pub(super) fn watch_log(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Option<String>, Problems> {
    let context = scope.context(host, side, None);
    let log = scope.model.playbook.switch.watch.as_ref().and_then(|watch| watch.log.as_ref());
    let path = |text: &Text| text.render(&context).and_then(|path| path_of(text, path));
    log.map(path).transpose().map_err(|problem| Problems(vec![problem]))
}

/// How nginx runs on a load balancer.
pub(super) fn setup(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Box<NginxSetup>, Problems> {
    let context = scope.context(host, side, None);
    let nginx = &scope.model.playbook.switch.nginx;
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.render(&context)).transpose();
    let shell = |command: Option<String>| {
        let argv = |text| ["sh".to_owned(), "-c".to_owned(), text].to_vec();
        command.map(|text| Run { argv: argv(text), chdir: None, stdin: None, env: Vec::new() })
    };
    let setup = || {
        Ok(NginxSetup {
            container: text(&nginx.container)?,
            binary: text(&nginx.binary)?,
            config: text(&nginx.config)?,
            test: shell(text(&nginx.test)?),
            reload: shell(text(&nginx.reload)?),
        })
    };
    setup().map(Box::new).map_err(|problem| Problems(vec![problem]))
}

/// The site's text for a color.
pub(super) fn content(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<String, Problems> {
    let context = scope.context(host, side, None);
    scope.model.playbook.switch.nginx.template.render(&context).map_err(|problem| Problems(vec![problem]))
}

/// Whom the switch's steps become on a load balancer.
pub(super) fn escalate(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Option<String>, Problems> {
    let context = scope.context(host, side, None);
    let words = [&scope.model.playbook.switch.escalation, &EscalationWords::default()];
    let user = scope::escalate(scope.model, host, words, |text| text.render(&context));
    user.map_err(|problem| Problems(vec![problem]))
}

/// The folder with the app's lock and last run.
pub(super) fn state_dir(scope: &Scope<'_>, host: &HostName, side: &Side) -> String {
    let context = scope.context(host, side, None);
    let root =
        context.vars.get("bgctl_state_dir").and_then(|value| value.as_str()).unwrap_or("/var/lib/bgctl");
    format!("{}/{}", root.trim_end_matches('/'), scope.model.playbook.name)
}

/// The folder with the app's kept releases.
pub(super) fn releases(scope: &Scope<'_>, host: &HostName, side: &Side) -> String {
    format!("{}/releases", state_dir(scope, host, side))
}

/// Whether a link with this text points to a path. Both are compared as they are written: what lies behind
/// further links is nginx's affair.
pub(super) fn resolves_to(link: &str, target: &str, path: &str) -> bool {
    let joined = if target.starts_with('/') {
        target.to_owned()
    } else {
        let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{target}")
    };
    plain(&joined) == plain(path)
}

/// The path's parts, without `.` and with `..` taken back.
fn plain(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_links_are_followed_from_their_folder() {
        let link = "/etc/nginx/sites-enabled/a.conf";
        assert!(resolves_to(
            link,
            "../sites-available/a-blue.conf",
            "/etc/nginx/sites-available/a-blue.conf"
        ));
        assert!(resolves_to(
            link,
            "/etc/nginx/./sites-available//a-blue.conf",
            "/etc/nginx/sites-available/a-blue.conf"
        ));
        assert!(!resolves_to(
            link,
            "../sites-available/a-green.conf",
            "/etc/nginx/sites-available/a-blue.conf"
        ));
    }
}
