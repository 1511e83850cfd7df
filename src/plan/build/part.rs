//! One load balancer's part of a switch: what its pointer says now, and what it shall say.

use sha2::{Digest as _, Sha256};

use crate::facts::{Detected, Facts, File, Link};
use crate::model::{Color, HostName, KeptRelease, Pointer, StateDir, Version};
use crate::plan::Goal;
use crate::plan::deed::{Deed, Wish};
use crate::plan::scope::Side;
use crate::plan::site::{self, Site};

use super::restage::side_of;
use super::{Blocked, Builder};

/// One load balancer's part.
pub(super) struct Part {
    pub(super) host: HostName,
    pub(super) deed: Deed,
    pub(super) site: Site,
    /// What is tested and written, where something is.
    pub(super) content: Option<String>,
    /// What the pointer says now.
    pub(super) from: Option<String>,
    /// What it shall say.
    pub(super) to: String,
    pub(super) pointer: Pointer,
    /// The app's state folder.
    pub(super) state: StateDir,
}

/// Where the text of the color's site comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// It is rendered anew.
    Rendered,
    /// It is there, as it is.
    Present,
    /// As it was rendered then.
    Kept(&'a KeptRelease),
}

impl Builder<'_> {
    pub(super) fn part(&self, host: &HostName, side: &Side, origin: Origin<'_>) -> Result<Part, Blocked> {
        let site = site::site(&self.scope, host, side)?;
        self.refuse_without_nginx(host, &site)?;
        let content = self.text(host, side, &site, origin)?;
        let to = match (&site, site.written(side.color), &content) {
            (Site::Link { dest, .. }, ..) => dest.clone(),
            (_, Some(path), Some(content)) => version(&path, content.as_bytes()),
            _ => side.color.to_string(),
        };
        Ok(Part {
            deed: self.deed(host, side)?,
            from: self.says_now(host, &site, side.color)?,
            state: site::state(&self.scope, host, side)?,
            pointer: site::pointer(&self.scope, host, side)?,
            host: host.clone(),
            site,
            content,
            to,
        })
    }

    /// The text that makes the color live, where it is a text that does.
    fn text(
        &self,
        host: &HostName,
        side: &Side,
        site: &Site,
        origin: Origin<'_>,
    ) -> Result<Option<String>, Blocked> {
        let Some(path) = site.written(side.color) else { return Ok(None) };
        if let Site::Upstream { .. } = site {
            // The other color's servers have to be known as well: by them it is told which color is live.
            self.upstream_text(host, side.color.other())?;
            return self.upstream_text(host, side.color).map(Some);
        }
        match origin {
            Origin::Rendered => Ok(site::content(&self.scope, host, side)?),
            Origin::Present => self.present_site(host, &path, side.color).map(Some),
            Origin::Kept(kept) => match &side_of(kept, host, side.color)?.site {
                Some(text) => Ok(Some(text.clone())),
                None => Err(Blocked::NotReady {
                    what: format!(
                        "{host} keeps no site of release {}: another driver switched it",
                        kept.release
                    ),
                    details: Vec::new(),
                    hint: "deploy it anew with `bgctl apply`, with the -e of then".to_owned(),
                }),
            },
        }
    }

    /// The file with a color's servers in the block.
    fn upstream_text(&self, host: &HostName, color: Color) -> Result<String, Blocked> {
        let side = self.scope.side(color, self.live, "")?;
        let site = site::site(&self.scope, host, &side)?;
        let nothing = Facts::default();
        let facts = self.scope.observed.hosts.get(host).unwrap_or(&nothing);
        site::rewritten(facts, &site, &side).map_err(|why| Blocked::NotReady {
            what: format!("{host}: {} cannot be switched: {why}", site.path().unwrap_or_default()),
            details: Vec::new(),
            hint: "see what `file`, `upstream` and `servers_from` of the playbook name".to_owned(),
        })
    }

    /// The switch's own keywords, as if it were a task.
    fn deed(&self, host: &HostName, side: &Side) -> Result<Deed, Blocked> {
        Ok(Deed {
            name: String::new(),
            wish: Wish::Nothing(String::new()),
            escalate: site::escalate(&self.scope, host, side)?,
            timeout: None,
            ignore_errors: false,
            no_log: false,
        })
    }

    fn refuse_without_nginx(&self, host: &HostName, site: &Site) -> Result<(), Blocked> {
        let Some(path) = site.path() else { return Ok(()) };
        let not_ready = |details: Vec<String>, what: String, hint: &str| {
            Err(Blocked::NotReady { what, details, hint: hint.to_owned() })
        };
        let facts = self.scope.observed.hosts.get(host);
        let Some(nginx) = facts.and_then(|facts| facts.nginx.as_ref()) else {
            return not_ready(
                facts.map_or(Vec::new(), |facts| facts.trouble.clone()),
                format!("{host}: nginx is not there"),
                "install nginx on the load balancer, or say where it is: `nginx: container:`, `binary:`",
            );
        };
        if nginx.master.is_none() {
            return not_ready(
                Vec::new(),
                format!("{host}: nginx does not run"),
                "start nginx on the load balancer, then apply again",
            );
        }
        if matches!((site, &nginx.link), (Site::Link { .. }, Link::NotALink)) {
            return not_ready(
                Vec::new(),
                format!("{host}: {path} is no symlink"),
                "move that file to where `dest:` says and put a symlink in its place",
            );
        }
        Ok(())
    }

    /// What the load balancer's pointer says now.
    fn says_now(&self, host: &HostName, site: &Site, target: Color) -> Result<Option<String>, Blocked> {
        let facts = self.scope.observed.hosts.get(host);
        let standing = self.standings.iter().find(|standing| standing.host == *host);
        let color = standing.and_then(|standing| standing.configured.or(standing.served));
        match site {
            Site::Link { .. } => {
                Ok(match facts.and_then(|facts| facts.nginx.as_ref()).map(|nginx| &nginx.link) {
                    Some(Link::To(target)) => Some(target.clone()),
                    _ => None,
                })
            }
            Site::File { file, kept } | Site::Upstream { file, kept, .. } => {
                let kept = match color.filter(|color| *color != target) {
                    Some(color) => kept.of(color),
                    None => kept.before(),
                };
                match facts.and_then(|facts| facts.files.get(file)) {
                    Some(File::Present { content, .. }) => Ok(Some(version(&kept, content))),
                    Some(File::Odd(why)) => Err(Blocked::NotReady {
                        what: format!("{host}: {file} cannot be replaced: {why}"),
                        details: Vec::new(),
                        hint: "move it out of the way, or name another file in `nginx: file:`".to_owned(),
                    }),
                    Some(File::Missing { .. }) | None => Ok(None),
                }
            }
            Site::Commands => {
                self.refuse_nonsense(host)?;
                Ok(color.map(|color| color.to_string()))
            }
        }
    }

    /// A `detect` that fails, or says something else than a color, tells nothing: not even that neither is live.
    fn refuse_nonsense(&self, host: &HostName) -> Result<(), Blocked> {
        let detected = self.scope.observed.hosts.get(host).and_then(|facts| facts.detected.as_ref());
        let odd = self.standings.iter().find(|standing| standing.host == *host).and_then(|it| it.odd.clone());
        match (detected, odd) {
            (Some(Detected { status: 0, said }), _) if said.trim().is_empty() => Ok(()),
            (_, None) => Ok(()),
            (_, Some(odd)) => Err(Blocked::NotReady {
                what: format!("{host}: which color is live cannot be told: {odd}"),
                details: Vec::new(),
                hint: "`detect` prints blue or green, or nothing where neither is live".to_owned(),
            }),
        }
    }

    /// What the pointer would say for a color, as it last was live.
    pub(super) fn says_for(&self, host: &HostName, color: Color) -> Result<Option<String>, Blocked> {
        let side = self.scope.side(color, None, "")?;
        Ok(match site::site(&self.scope, host, &side)? {
            Site::Link { dest, .. } => Some(dest),
            Site::File { kept, .. } | Site::Upstream { kept, .. } => {
                let path = kept.of(color);
                match self.scope.observed.hosts.get(host).and_then(|facts| facts.files.get(&path)) {
                    Some(File::Present { content, .. }) => Some(version(&path, content)),
                    _ => None,
                }
            }
            Site::Commands => Some(color.to_string()),
        })
    }

    fn present_site(&self, host: &HostName, dest: &str, color: Color) -> Result<String, Blocked> {
        match self.scope.observed.hosts.get(host).and_then(|facts| facts.files.get(dest)) {
            Some(File::Present { content, .. }) => Ok(String::from_utf8_lossy(content).into_owned()),
            _ => Err(Blocked::NotReady {
                what: format!("{host} has no site file of {color}: {dest}"),
                details: Vec::new(),
                hint: match self.request.goal {
                    Goal::Switch(_) => format!(
                        "only a deployment writes it: `bgctl switch --to {}`, then `bgctl apply`",
                        color.other()
                    ),
                    _ => "there is nothing to roll back to; deploy with `bgctl apply`".to_owned(),
                },
            }),
        }
    }
}

/// A content by its hash, and by where it is kept.
fn version(path: &str, content: &[u8]) -> String {
    Version::new(path, &super::hex(&Sha256::digest(content))).into_text()
}
