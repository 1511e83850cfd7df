//! What says which color is live on a load balancer, and where a color's part of it is.

mod configured;
mod link;
mod upstream;

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::facts::{Facts, File};
use crate::model::playbook::CommandDriver;
use crate::model::{
    Color, Context, Draining, Driver, EscalationWords, HostName, Nginx, NginxSetup, NginxSite, Pointer,
    Problem, Problems, Run, StateDir, SwitchCommands, Text, Words,
};

use super::deed::path_of;
use super::scope::{self, Scope, Side};
pub(super) use configured::{Configured, configured};

/// A color's part of the switch on a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Site {
    /// A file of its own, which the symlink points to while the color is live.
    Link { dest: String, link: String },
    /// What a file holds while the color is live.
    File { file: String, kept: Kept },
    /// The servers of one block of a file while the color is live.
    Upstream { file: String, kept: Kept, upstream: String, servers_from: Option<String> },
    /// What a command makes live.
    Commands,
}

/// Where a load balancer keeps what a file held, by color.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    folder: String,
}

impl Kept {
    pub(super) fn of(&self, color: Color) -> String {
        format!("{}/{color}", self.folder)
    }

    /// Of a content whose color nobody knows.
    pub(super) fn before(&self) -> String {
        format!("{}/before", self.folder)
    }
}

impl Site {
    /// The file that the color's text is written to before the switch.
    pub(super) fn written(&self, color: Color) -> Option<String> {
        match self {
            Self::Link { dest, .. } => Some(dest.clone()),
            Self::File { kept, .. } | Self::Upstream { kept, .. } => Some(kept.of(color)),
            Self::Commands => None,
        }
    }

    /// The path that nginx reads.
    pub(super) fn path(&self) -> Option<&str> {
        match self {
            Self::Link { link, .. } => Some(link),
            Self::File { file, .. } | Self::Upstream { file, .. } => Some(file),
            Self::Commands => None,
        }
    }
}

type Filled<T> = Result<T, Problem>;

fn one<T>(filled: Filled<T>) -> Result<T, Problems> {
    filled.map_err(|problem| Problems(vec![problem]))
}

pub(super) fn site(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Site, Problems> {
    let context = scope.context(host, side, None);
    let path = |text: &Text| text.render(&context).and_then(|path| path_of(text, path));
    let state = state(scope, host, side)?;
    let kept = || Kept { folder: state.within("site").folder };
    let site = || {
        let Driver::Nginx(nginx) = &scope.model.playbook.switch.driver else { return Ok(Site::Commands) };
        Ok(match &nginx.site {
            NginxSite::Link { dest, link, .. } => Site::Link { dest: path(dest)?, link: path(link)? },
            NginxSite::File { file, .. } => Site::File { file: path(file)?, kept: kept() },
            NginxSite::Upstream { file, upstream, servers_from } => Site::Upstream {
                file: path(file)?,
                kept: kept(),
                upstream: upstream.render(&context)?,
                servers_from: servers_from.as_ref().map(|from| from.render(&context)).transpose()?,
            },
        })
    };
    one(site())
}

/// What is switched on a load balancer, and how.
pub(super) fn pointer(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Pointer, Problems> {
    let nginx = || setup(scope, host, side).map(Option::unwrap_or_default);
    Ok(match site(scope, host, side)? {
        Site::Link { link, .. } => Pointer::Link { link, nginx: nginx()? },
        Site::File { file, .. } | Site::Upstream { file, .. } => Pointer::File { file, nginx: nginx()? },
        Site::Commands => Pointer::Commands(Box::new(commands(scope, host)?)),
    })
}

/// How nginx runs on a load balancer, where it is nginx.
pub(super) fn setup(
    scope: &Scope<'_>,
    host: &HostName,
    side: &Side,
) -> Result<Option<Box<NginxSetup>>, Problems> {
    let context = scope.context(host, side, None);
    let Driver::Nginx(nginx) = &scope.model.playbook.switch.driver else { return Ok(None) };
    one(nginx_setup(nginx, &context)).map(|setup| Some(Box::new(setup)))
}

fn nginx_setup(nginx: &Nginx, context: &Context) -> Filled<NginxSetup> {
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.render(context)).transpose();
    Ok(NginxSetup {
        container: text(&nginx.container)?,
        binary: text(&nginx.binary)?,
        config: text(&nginx.config)?,
        test: text(&nginx.test)?.map(Run::of_shell),
        reload: text(&nginx.reload)?.map(Run::of_shell),
    })
}

fn commands(scope: &Scope<'_>, host: &HostName) -> Result<SwitchCommands, Problems> {
    let Driver::Command(driver) = &scope.model.playbook.switch.driver else {
        return Err(Problems(vec![Problem::anywhere("the switch has no commands".to_owned())]));
    };
    let mut set = BTreeMap::new();
    for color in Color::BOTH {
        let side = scope.side(color, Some(color.other()), "")?;
        set.insert(color, run(scope, host, &side, &driver.set)?);
    }
    Ok(SwitchCommands { detect: detect(scope, host, driver)?, set })
}

fn detect(scope: &Scope<'_>, host: &HostName, driver: &CommandDriver) -> Result<Run, Problems> {
    let side = scope.side(scope.model.playbook.first_color(), None, "")?;
    run(scope, host, &side, &driver.detect)
}

/// A command with its values filled in, as shell text.
fn run(scope: &Scope<'_>, host: &HostName, side: &Side, words: &Words) -> Result<Run, Problems> {
    let context = scope.context(host, side, None);
    let text = match words {
        Words::Shell(text) => text.render(&context),
        Words::Argv(words) => {
            let argv = words.iter().map(|word| word.render(&context)).collect::<Filled<Vec<String>>>();
            argv.and_then(|argv| {
                shlex::try_join(argv.iter().map(String::as_str))
                    .map_err(|_| Problem::anywhere("a command holds no NUL".to_owned()))
            })
        }
    };
    one(text).map(Run::of_shell)
}

/// What a load balancer is asked to find out which color is live, where a command tells.
pub(super) fn detection(scope: &Scope<'_>, host: &HostName) -> Result<Option<Run>, Problems> {
    match &scope.model.playbook.switch.driver {
        Driver::Nginx(_) => Ok(None),
        Driver::Command(driver) => detect(scope, host, driver).map(Some),
    }
}

/// Who tells when the old color serves nothing any more; `None`: nobody can.
pub(super) fn draining(
    scope: &Scope<'_>,
    host: &HostName,
    side: &Side,
) -> Result<Option<Draining>, Problems> {
    match &scope.model.playbook.switch.driver {
        Driver::Nginx(_) => Ok(setup(scope, host, side)?.map(Draining::Nginx)),
        Driver::Command(CommandDriver { drained, .. }) => {
            drained.as_ref().map(|words| run(scope, host, side, words).map(Draining::Command)).transpose()
        }
    }
}

/// The access log that is watched, where the playbook names one.
pub(super) fn watch_log(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Option<String>, Problems> {
    let context = scope.context(host, side, None);
    let log = scope.model.playbook.switch.watch.as_ref().and_then(|watch| watch.log.as_ref());
    let path = |text: &Text| text.render(&context).and_then(|path| path_of(text, path));
    one(log.map(path).transpose())
}

/// What is rendered for a color on a load balancer, where something is. Everything else that the switch says of the
/// color is filled in, too, so that what is wrong is told.
pub(super) fn content(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Option<String>, Problems> {
    let context = scope.context(host, side, None);
    pointer(scope, host, side)?;
    draining(scope, host, side)?;
    let Driver::Nginx(nginx) = &scope.model.playbook.switch.driver else { return Ok(None) };
    match &nginx.site {
        NginxSite::Link { template, .. } | NginxSite::File { template, .. } => {
            one(template.render(&context)).map(Some)
        }
        NginxSite::Upstream { .. } => Ok(None),
    }
}

/// The text of an `upstream` site's file, as it is on the host, with a color's servers; why it cannot be made.
pub(super) fn rewritten(facts: &Facts, site: &Site, side: &Side) -> Result<String, String> {
    let Site::Upstream { file, upstream, servers_from, .. } = site else {
        return Err("it is no upstream".to_owned());
    };
    let text = text_of(facts, file)?;
    let block = upstream::Block::find(text, upstream)?;
    let wanted = servers(text, &block, servers_from.as_deref(), side)?;
    Ok(block.with_servers(&wanted))
}

/// The servers that a color has in the block: those of its own block, else the app servers, with the parameters that
/// the block's first server has now.
fn servers(
    text: &str,
    block: &upstream::Block<'_>,
    servers_from: Option<&str>,
    side: &Side,
) -> Result<Vec<String>, String> {
    if let Some(from) = servers_from {
        let servers = upstream::Block::find(text, from)?.servers();
        if servers.is_empty() {
            return Err(format!("its `upstream {from}` block has no servers"));
        }
        return Ok(servers.into_iter().map(str::to_owned).collect());
    }
    let is_first = |server: &&&str| !server.split_whitespace().any(|word| word == "backup" || word == "down");
    let now = block.servers();
    let parameters = now.iter().find(is_first).and_then(|server| server.split_once(char::is_whitespace));
    let parameters = parameters.map(|(_, rest)| format!(" {}", rest.trim_start())).unwrap_or_default();
    let all = side.addresses();
    if all.is_empty() {
        return Err("no app server has a `port` to put into it".to_owned());
    }
    Ok(all.into_iter().map(|address| format!("{address}{parameters}")).collect())
}

/// A file's text, as a host told it.
fn text_of<'f>(facts: &'f Facts, path: &str) -> Result<&'f str, String> {
    match facts.files.get(path) {
        Some(File::Present { content, .. }) => {
            std::str::from_utf8(content).map_err(|_| "it is not UTF-8 throughout".to_owned())
        }
        Some(File::Odd(why)) => Err(why.clone()),
        Some(File::Missing { .. }) | None => Err("it does not exist".to_owned()),
    }
}

/// Whom the switch's steps become on a load balancer.
pub(super) fn escalate(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<Option<String>, Problems> {
    let context = scope.context(host, side, None);
    let words = [&scope.model.playbook.switch.escalation, &EscalationWords::default()];
    let user = scope::escalate(scope.model, host, words, |text| text.render(&context));
    user.map_err(|problem| Problems(vec![problem]))
}

/// The folder with the app's lock and last run.
pub(super) fn state(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<StateDir, Problems> {
    let context = scope.context(host, side, None);
    let text = |name: &str| match (context.broken.get(name), context.vars.get(name)) {
        (Some(problem), _) => Err(Problems(vec![problem.clone()])),
        (None, None | Some(Value::Null)) => Ok(None),
        (None, Some(value)) => Ok(Some(value.as_str().unwrap_or_default().to_owned())),
    };
    let root = text("bgctl_state_dir")?.unwrap_or_else(|| "/var/lib/bgctl".to_owned());
    let folder = format!("{}/{}", root.trim_end_matches('/'), scope.model.playbook.name);
    let group = text("bgctl_state_group")?.map(|name| {
        name.parse().map_err(|why| {
            Problems(vec![Problem::anywhere(format!("{host}: bgctl_state_group: {why}, not {name:?}"))])
        })
    });
    Ok(StateDir { folder, group: group.transpose()? })
}

/// Where a run keeps what its way back at a path needs: in the folder of the app, which is for its owner alone, under a
/// name that no other path has there.
pub(super) fn kept_at(state_dir: &str, path: &str, run: &str) -> String {
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(path));
    let place: String = digest.chars().take(16).collect();
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    format!("{state_dir}/undo/{place}.{name}.{run}.bgctl")
}

/// The folder with the app's kept releases.
pub(super) fn releases(scope: &Scope<'_>, host: &HostName, side: &Side) -> Result<StateDir, Problems> {
    Ok(state(scope, host, side)?.within("releases"))
}
