//! `switch:`: what moves traffic, and how that is proved.

use std::sync::Arc;
use std::time::Duration;

use super::{EscalationWords, Health, Preview, Words};
use crate::model::{Location, Pattern, Template, Text};

/// The switch: which load balancers, by which driver, proved how.
#[derive(Debug, Clone)]
pub struct Switch {
    /// The load balancers.
    pub hosts: Pattern,
    /// Where that is written.
    pub hosts_at: Location,
    /// Whom its steps become.
    pub escalation: EscalationWords,
    /// By what.
    pub driver: Driver,
    /// How the switch is proved, and the served color found; `{{ color }}` in it tells the colors apart.
    pub verify: Health,
    /// After this, the load balancer swaps back by itself unless the switch was confirmed.
    pub confirm_timeout: Duration,
    /// What is looked at after the switch.
    pub watch: Option<WatchWords>,
    /// Who may look at either color through the load balancers.
    pub preview: Option<Preview>,
    /// How long old workers may take to finish, before anything of the old color is stopped.
    pub drain_timeout: Duration,
}

/// `watch:`.
#[derive(Debug, Clone)]
pub struct WatchWords {
    /// How long.
    pub window: Duration,
    /// How much the share of errors may rise, in percent.
    pub max_error_percentage: f64,
    /// The access log, where it is not the one that nginx's configuration names.
    pub log: Option<Text>,
}

/// What is switched, and how.
#[derive(Debug, Clone)]
pub enum Driver {
    /// `nginx:`.
    Nginx(Box<Nginx>),
    /// `command:`.
    Command(CommandDriver),
}

impl Driver {
    /// The template of the site, where it has one.
    #[must_use]
    pub fn template(&self) -> Option<&Template> {
        match self {
            Self::Nginx(nginx) => match &nginx.site {
                NginxSite::Link { template, .. } | NginxSite::File { template, .. } => Some(template),
                NginxSite::Upstream { .. } => None,
            },
            Self::Command(_) => None,
        }
    }
}

/// nginx, and what of it changes.
#[derive(Debug, Clone)]
pub struct Nginx {
    /// What changes.
    pub site: NginxSite,
    /// The container that it runs in.
    pub container: Option<Text>,
    /// The program, where it is not the `nginx` of the path.
    pub binary: Option<Text>,
    /// The main configuration file, where it is not the one that nginx was built for.
    pub config: Option<Text>,
    /// Shell text that tests the configuration, in place of nginx's own test.
    pub test: Option<Text>,
    /// Shell text that reloads it, in place of nginx's own signal.
    pub reload: Option<Text>,
}

/// What of nginx's configuration says which color is live.
#[derive(Debug, Clone)]
pub enum NginxSite {
    /// Two site files and one symlink.
    Link {
        /// The site's template.
        template: Arc<Template>,
        /// The site file of a color; its path contains `{{ color }}`.
        dest: Text,
        /// The symlink that nginx includes.
        link: Text,
    },
    /// One file, which is rendered for the live color.
    File {
        /// The file's template.
        template: Arc<Template>,
        /// The file that nginx reads.
        file: Text,
    },
    /// The servers of one `upstream` block; all else in its file stays as it is.
    Upstream {
        /// The file that nginx reads.
        file: Text,
        /// The block's name.
        upstream: Text,
        /// The block of the same file whose servers it gets; `None`: the app servers.
        servers_from: Option<Text>,
    },
}

/// Anything that a command can ask and another can change.
#[derive(Debug, Clone)]
pub struct CommandDriver {
    /// Prints the color that is live; it changes nothing.
    pub detect: Words,
    /// Makes `{{ color }}` live.
    pub set: Words,
    /// Exits with 0 when the old color serves nothing any more.
    pub drained: Option<Words>,
}
