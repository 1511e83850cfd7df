//! nginx of a host in memory: one symlink, and the text that its workers hold.

use super::super::Output;
use super::world::World;
use super::{refusal, said};

impl World {
    pub(super) fn test_site(&self, text: &str) -> Output {
        match &self.nginx {
            None => refusal("nginx is not installed"),
            Some(nginx) if nginx.refuses.as_ref().is_some_and(|word| text.contains(word.as_str())) => {
                refusal("nginx: [emerg] unknown directive")
            }
            Some(_) => Output::default(),
        }
    }

    /// Of a swap, and of its guard: folder, run, and the time to confirm it in ms, or nothing.
    pub(super) fn swap(&mut self, [link, from, to]: [&str; 3], guard: [&str; 3]) -> Output {
        let here = self.links.get(link).cloned().unwrap_or_default();
        if self.nginx.is_none() {
            return refusal("nginx does not run");
        }
        if here != from && here != to {
            return refusal(&format!("{link} was changed meanwhile"));
        }
        if let Err(refused) = self.arm([link, from, to], guard) {
            return refused;
        }
        self.point(link, to);
        if self.reload(link) {
            if guard[2].is_empty() {
                self.guards.remove(guard[0]);
            }
            return said("took 3");
        }
        self.point(link, &here);
        if self.reload(link) && here == from {
            self.guards.remove(guard[0]);
        }
        refusal(&format!("the link is back on {here}"))
    }

    /// What its access log tells: all of it at the first look.
    pub(super) fn traffic(&self, cursor: &str) -> Output {
        let Some((requests, errors)) = self.nginx.as_ref().and_then(|nginx| nginx.before) else {
            return said("unread there is no access log");
        };
        if !cursor.is_empty() {
            return said("before 0 0\nafter 0 0\ncursor 1 1");
        }
        let nginx = self.nginx.as_ref();
        let bad = nginx.and_then(|nginx| {
            let (text, requests, errors) = nginx.after.as_ref()?;
            nginx.loaded.as_ref()?.contains(text).then_some((*requests, *errors))
        });
        let (after, bad) = bad.unwrap_or((requests, errors));
        said(&format!("before {requests} {errors}\nafter {after} {bad}\ncursor 1 1"))
    }

    pub(super) fn point(&mut self, link: &str, to: &str) {
        if to.is_empty() {
            self.links.remove(link);
        } else {
            self.links.insert(link.to_owned(), to.to_owned());
        }
    }

    /// Loads what the link points to; `false` when nginx keeps what it has.
    pub(super) fn reload(&mut self, link: &str) -> bool {
        let target = self.links.get(link);
        let file = target.map(|target| self.files.get(target));
        let text = file.map(|file| file.map(|file| String::from_utf8_lossy(&file.content).into_owned()));
        // A link to nothing is a file that nginx cannot open.
        let text = match text {
            Some(None) => return false,
            Some(text) => text,
            None => None,
        };
        if text.as_ref().is_some_and(|text| !self.test_site(text).success()) {
            return false;
        }
        match &mut self.nginx {
            Some(nginx) if !nginx.stubborn => {
                nginx.loaded = text;
                true
            }
            _ => false,
        }
    }
}

/// The addresses and ports of a site's upstream.
pub(super) fn upstreams(site: &str) -> Vec<(&str, u16)> {
    let servers = site.lines().filter_map(|line| line.trim().strip_prefix("server ")?.strip_suffix(';'));
    servers
        .filter_map(|server| server.rsplit_once(':'))
        .filter_map(|(address, port)| Some((address, port.parse().ok()?)))
        .collect()
}

/// The color that a site proves by its header.
pub(super) fn color(site: &str) -> Option<&str> {
    site.lines().find_map(|line| line.trim().strip_prefix("add_header X-Color ")?.split(' ').next())
}
