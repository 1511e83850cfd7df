//! Which color a load balancer is configured for, by what its host told.

use crate::facts::{Facts, File, Link};
use crate::model::{Color, HostName, Problems};
use crate::plan::scope::{Scope, Side};

use super::upstream::{Block, words};
use super::{Site, content, link, servers, site, text_of};

/// What a load balancer is configured for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::plan) struct Configured {
    /// The color; `None`: neither, or nobody knows.
    pub(in crate::plan) color: Option<Color>,
    /// What is odd about it, in a sentence.
    pub(in crate::plan) odd: Option<String>,
    /// Somebody has changed since what bgctl wrote.
    pub(in crate::plan) edited: bool,
}

impl Configured {
    fn odd(why: impl Into<String>) -> Self {
        Self { odd: Some(why.into()), ..Self::default() }
    }
}

/// What a load balancer is configured for.
pub(in crate::plan) fn configured(scope: &Scope<'_>, host: &HostName) -> Result<Configured, Problems> {
    let Some(facts) = scope.observed.hosts.get(host) else { return Ok(Configured::odd("it was not asked")) };
    let mut sides = Vec::new();
    for color in Color::BOTH {
        let side = scope.side(color, Some(color.other()), "")?;
        let site = site(scope, host, &side)?;
        sides.push((side, site));
    }
    let Some((_, first)) = sides.first() else { return Ok(Configured::default()) };
    Ok(match first {
        Site::Link { .. } => by_link(facts, &sides),
        Site::File { file, .. } => {
            let rendered = |side: &Side| content(scope, host, side).ok().flatten();
            by_file(facts, file, &sides, rendered)
        }
        Site::Upstream { file, upstream, .. } => by_upstream(facts, file, upstream, &sides),
        Site::Commands => by_command(facts),
    })
}

fn by_link(facts: &Facts, sides: &[(Side, Site)]) -> Configured {
    let target = match facts.nginx.as_ref().map(|nginx| &nginx.link) {
        Some(Link::To(target)) => target,
        Some(Link::Missing) => return Configured::odd("there is no symlink yet"),
        Some(Link::NotALink) => return Configured::odd("the symlink's path is something else"),
        None => return Configured::odd("it did not tell about nginx"),
    };
    let points_to =
        |site: &Site| matches!(site, Site::Link { dest, link } if link::resolves_to(link, target, dest));
    match sides.iter().find(|(_, site)| points_to(site)) {
        Some((side, _)) => Configured { color: Some(side.color), ..Configured::default() },
        None => Configured::odd(format!("the symlink points to {target}, which is neither color's site")),
    }
}

/// What was written for a color decides; of a file that bgctl has not written, what it would write for a color now.
fn by_file(
    facts: &Facts,
    file: &str,
    sides: &[(Side, Site)],
    rendered: impl Fn(&Side) -> Option<String>,
) -> Configured {
    let text = match text_of(facts, file) {
        Ok(text) => text,
        Err(why) => return Configured::odd(format!("{file}: {why}")),
    };
    let as_written: Vec<Color> = sides
        .iter()
        .filter(|(side, site)| kept_text(facts, site, side.color) == Some(text))
        .map(|(side, _)| side.color)
        .collect();
    if let [color] = as_written.as_slice() {
        return Configured { color: Some(*color), ..Configured::default() };
    }
    let as_rendered: Vec<Color> = sides
        .iter()
        .filter(|(side, _)| rendered(side).is_some_and(|wanted| words(&wanted) == words(text)))
        .map(|(side, _)| side.color)
        .collect();
    let edited = as_written.is_empty() && was_written(facts, sides);
    match as_rendered.as_slice() {
        [color] => Configured { color: Some(*color), odd: edited.then(|| was_edited(file)), edited },
        _ if edited => Configured { color: None, odd: Some(was_edited(file)), edited },
        _ => Configured::odd(format!("{file} says neither color's text")),
    }
}

/// The color whose servers are in the block, in whatever order, with whatever parameters.
fn by_upstream(facts: &Facts, file: &str, upstream: &str, sides: &[(Side, Site)]) -> Configured {
    let read = || -> Result<Configured, String> {
        let text = text_of(facts, file)?;
        let block = Block::find(text, upstream)?;
        let now = addresses(&block.servers());
        let mut found = Vec::new();
        for (side, site) in sides {
            let Site::Upstream { servers_from, .. } = site else { continue };
            let wanted = servers(text, &block, servers_from.as_deref(), side)?;
            if addresses(&wanted.iter().map(String::as_str).collect::<Vec<_>>()) == now {
                found.push(side.color);
            }
        }
        let is_kept = |(side, site): &(Side, Site)| kept_text(facts, site, side.color) == Some(text);
        let edited = was_written(facts, sides) && !sides.iter().any(is_kept);
        let color = match found.as_slice() {
            [color] => Some(*color),
            [] => {
                let why = format!("the servers of `upstream {upstream}` are neither color's");
                return Ok(Configured { edited, ..Configured::odd(why) });
            }
            _ => return Err("both colors have the same servers".to_owned()),
        };
        Ok(Configured { color, odd: edited.then(|| was_edited(file)), edited })
    };
    read().unwrap_or_else(|why| Configured::odd(format!("{file}: {why}")))
}

fn by_command(facts: &Facts) -> Configured {
    let Some(detected) = &facts.detected else { return Configured::odd("`detect` was not run") };
    match (detected.status, detected.said.trim().parse::<Color>()) {
        (0, Ok(color)) => Configured { color: Some(color), ..Configured::default() },
        (0, Err(_)) if detected.said.trim().is_empty() => Configured::odd("`detect` names no color"),
        (0, Err(_)) => {
            Configured::odd(format!("`detect` says {:?}, which is no color", detected.said.trim()))
        }
        (status, _) => {
            let why = if detected.said.trim().is_empty() { "it says nothing" } else { detected.said.trim() };
            Configured::odd(format!("`detect` failed with exit status {status}: {why}"))
        }
    }
}

fn kept_text<'f>(facts: &'f Facts, site: &Site, color: Color) -> Option<&'f str> {
    match facts.files.get(&site.written(color)?) {
        Some(File::Present { content, .. }) => std::str::from_utf8(content).ok(),
        _ => None,
    }
}

/// Whether bgctl has switched this file before.
fn was_written(facts: &Facts, sides: &[(Side, Site)]) -> bool {
    sides.iter().any(|(side, site)| kept_text(facts, site, side.color).is_some())
}

fn was_edited(file: &str) -> String {
    format!("{file} was changed since bgctl wrote it")
}

fn addresses<'s>(servers: &[&'s str]) -> Vec<&'s str> {
    let mut all: Vec<&str> = servers.iter().filter_map(|server| server.split_whitespace().next()).collect();
    all.sort_unstable();
    all
}
