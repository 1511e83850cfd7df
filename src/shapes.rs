//! The shapes that are shipped: which files belong to each, and how they bear a user's own names.

mod fill;

use crate::model::AppName;

pub use fill::{BadMachine, Machine, Names};

/// A way to run blue/green, as people have it before they meet bgctl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Load balancers and app servers; two site files, one symlink.
    MultiHost,
    /// One machine; an include file.
    SingleHost,
    /// One `upstream` block of an existing file.
    UpstreamBlock,
    /// The old color stays as nginx's backup.
    PrimaryBackup,
    /// Two commands: what is live, and make it so.
    Command,
}

/// A file of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeFile {
    /// Where it belongs, beneath the folder of whoever deploys.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// A file that is shipped: where it is in the repository, and its text.
struct Shipped {
    path: &'static str,
    text: &'static str,
}

macro_rules! shipped {
    ($($path:literal),* $(,)?) => {
        &[$(Shipped { path: $path, text: include_str!(concat!("../", $path)) }),*]
    };
}

/// All that is shipped, as it is in the repository.
const SHIPPED: &[Shipped] = shipped![
    "inventories/multi-host.yml",
    "inventories/single-host.yml",
    "inventories/upstream-block.yml",
    "inventories/primary-backup.yml",
    "inventories/haproxy.yml",
    "playbooks/blue-green.yml",
    "playbooks/single-host.yml",
    "playbooks/upstream-block.yml",
    "playbooks/primary-backup.yml",
    "playbooks/haproxy.yml",
    "templates/compose.yml.hbs",
    "templates/site.conf.hbs",
    "templates/site-tls.conf.hbs",
    "templates/backup-site.conf.hbs",
    "templates/local-compose.yml.hbs",
    "templates/app.env.hbs",
    "templates/service-url.conf.hbs",
    "examples/single-host.conf",
    "examples/nginx.conf",
    "examples/haproxy.cfg",
];

/// A shipped playbook or template by its file name: what is used where the user has none.
#[must_use]
pub fn built_in(name: &str) -> Option<&'static str> {
    let named = |folder: &str| SHIPPED.iter().find(|file| file.path.strip_prefix(folder) == Some(name));
    Some(named("playbooks/").or_else(|| named("templates/"))?.text)
}

impl Shape {
    /// All of them, the usual one first.
    pub const ALL: [Self; 5] =
        [Self::MultiHost, Self::SingleHost, Self::UpstreamBlock, Self::PrimaryBackup, Self::Command];

    /// Its name on the command line and in the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MultiHost => "multi-host",
            Self::SingleHost => "single-host",
            Self::UpstreamBlock => "upstream-block",
            Self::PrimaryBackup => "primary-backup",
            Self::Command => "command",
        }
    }

    /// What it is, in one line.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::MultiHost => "Load balancers and app servers; two sites, one symlink (default)",
            Self::SingleHost => "One machine with nginx and both colors; an include file says which",
            Self::UpstreamBlock => "One upstream block of an existing nginx.conf, all else left as it is",
            Self::PrimaryBackup => "As multi-host; the old color stays as nginx's backup, on the new release",
            Self::Command => "Two commands, what is live and make it live; the example is HAProxy",
        }
    }

    /// The shape with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.name() == name)
    }

    /// Whether one machine is load balancer and app server.
    #[must_use]
    pub const fn is_one_host(self) -> bool {
        matches!(self, Self::SingleHost)
    }

    /// A file that belongs on the hosts already, or once, by hand: the part of their configuration that bgctl works
    /// on, as an example. Where it is here, and where it belongs there.
    #[must_use]
    pub const fn prerequisite(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::MultiHost | Self::PrimaryBackup => None,
            Self::SingleHost => Some(("examples/single-host.conf", "the site of the app, and its include")),
            Self::UpstreamBlock => Some(("examples/nginx.conf", "/etc/nginx/nginx.conf")),
            Self::Command => Some(("examples/haproxy.cfg", "/etc/haproxy/haproxy.cfg")),
        }
    }

    /// What its playbook takes from the environment of whoever deploys, said for a person.
    #[must_use]
    pub const fn environment(self) -> Option<&'static str> {
        match self {
            Self::SingleHost => Some(
                "SECRET_KEY, which goes into the app's .env, and REGISTRY_USER and REGISTRY_PASSWORD where the image \
                 is in a registry",
            ),
            _ => None,
        }
    }

    /// The stem of its inventory and of its playbook.
    const fn stems(self) -> (&'static str, &'static str) {
        match self {
            Self::MultiHost => ("multi-host", "blue-green"),
            Self::SingleHost => ("single-host", "single-host"),
            Self::UpstreamBlock => ("upstream-block", "upstream-block"),
            Self::PrimaryBackup => ("primary-backup", "primary-backup"),
            Self::Command => ("haproxy", "haproxy"),
        }
    }

    const fn templates(self) -> &'static [&'static str] {
        match self {
            Self::MultiHost => &["compose.yml.hbs", "site.conf.hbs"],
            Self::SingleHost => &["local-compose.yml.hbs", "app.env.hbs", "service-url.conf.hbs"],
            Self::PrimaryBackup => &["compose.yml.hbs", "backup-site.conf.hbs"],
            Self::UpstreamBlock | Self::Command => &["compose.yml.hbs"],
        }
    }

    /// Its files with these names: the inventory, the playbook, templates, and an example of what is to be there already.
    #[must_use]
    pub fn files(self, names: &Names) -> Vec<ShapeFile> {
        let (inventory, playbook) = self.stems();
        let (inventory, playbook) =
            (format!("inventories/{inventory}.yml"), format!("playbooks/{playbook}.yml"));
        let templates = self.templates().iter().map(|name| format!("templates/{name}"));
        let example = self.prerequisite().map(|(here, _)| here.to_owned());
        let paths = [inventory, playbook.clone()].into_iter().chain(templates).chain(example);
        let shipped = paths.filter_map(|path| SHIPPED.iter().find(|file| file.path == path));
        let own = |path: &str| own_path(path, &names.app);
        let own_playbook = own(&playbook);
        let files = shipped.map(|file| ShapeFile {
            path: own(file.path),
            text: names.fill(file.text).replace(&playbook, &own_playbook),
        });
        files.collect()
    }
}

/// Inventory and playbook bear the app's name; templates and examples keep theirs.
fn own_path(path: &str, app: &AppName) -> String {
    match path.split_once('/') {
        Some((folder @ ("inventories" | "playbooks"), _)) => format!("{folder}/{app}.yml"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests;
