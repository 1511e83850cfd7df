//! nginx of a host in memory: a symlink or a file, and the text that its workers hold.

use sha2::{Digest as _, Sha256};

use super::super::Output;
use super::world::{File, World};
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
    pub(super) fn swap(&mut self, [path, from, to]: [&str; 3], guard: [&str; 3]) -> Output {
        let here = self.pointed(path, from, to);
        if self.nginx.is_none() {
            return refusal("nginx does not run");
        }
        if here != from && here != to {
            if guard[2].is_empty() && !self.has_switched(guard[0], guard[1]) {
                return said("note it was changed meanwhile");
            }
            return refusal(&format!("{path} was changed meanwhile"));
        }
        if here == from {
            self.save(path, from);
        }
        if let Err(refused) = self.arm([path, from, to], guard) {
            return refused;
        }
        if self.point(path, to) && self.reload(path) {
            if guard[2].is_empty() {
                self.guards.remove(guard[0]);
            }
            return said("took 3");
        }
        if !self.point(path, &here) {
            return Output { status: 3, ..refusal("it could not be put back") };
        }
        if self.reload(path) && here == from {
            self.guards.remove(guard[0]);
        }
        refusal(&format!("it is back on {here}"))
    }

    /// What a symlink, a file or, where there is no path, a command says: text, `PATH@HASH` or a color.
    pub(super) fn pointed(&self, path: &str, from: &str, to: &str) -> String {
        if path.is_empty() {
            return self.detected().unwrap_or_default().to_owned();
        }
        if let Some(target) = self.links.get(path) {
            return target.clone();
        }
        let Some(file) = self.files.get(path) else { return String::new() };
        let here = hash(&file.content);
        let is_here = |said: &&str| said.rsplit_once('@').is_some_and(|(_, hash)| hash == here);
        [to, from].into_iter().find(is_here).map_or_else(|| format!("unknown@{here}"), str::to_owned)
    }

    /// The color that a command makes live here: one that proves itself as a site does.
    pub(super) fn detected(&self) -> Option<&str> {
        color(self.nginx.as_ref()?.loaded.as_deref()?)
    }

    /// Keeps what a file holds.
    fn save(&mut self, path: &str, from: &str) {
        let (Some(file), Some((kept, _))) = (self.files.get(path).cloned(), from.rsplit_once('@')) else {
            return;
        };
        self.files.insert(kept.to_owned(), File { mode: "0600".to_owned(), ..file });
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

    /// Has it say something else; `false` where it cannot.
    pub(super) fn point(&mut self, path: &str, to: &str) -> bool {
        if path.is_empty() {
            let text = (!to.is_empty()).then(|| format!("listen 80;\nadd_header X-Color {to} always;"));
            if let Some(nginx) = self.nginx.as_mut().filter(|nginx| !nginx.stubborn) {
                nginx.loaded = text;
            }
            return true;
        }
        let Some((kept, hash_of_it)) = to.rsplit_once('@') else {
            if to.is_empty() {
                self.links.remove(path);
                self.files.remove(path);
            } else {
                self.links.insert(path.to_owned(), to.to_owned());
            }
            return true;
        };
        let Some(file) = self.files.get(kept).filter(|file| hash(&file.content) == hash_of_it).cloned()
        else {
            return false;
        };
        let mode = self.files.get(path).map_or_else(|| "0644".to_owned(), |here| here.mode.clone());
        self.files.insert(path.to_owned(), File { mode, ..file });
        true
    }

    /// Loads what a path stands for; `false` when nginx keeps what it has.
    pub(super) fn reload(&mut self, path: &str) -> bool {
        if path.is_empty() {
            return self.nginx.as_ref().is_some_and(|nginx| !nginx.stubborn);
        }
        let target = self.links.get(path).map(String::as_str);
        let file =
            target.or_else(|| self.files.contains_key(path).then_some(path)).map(|at| self.files.get(at));
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

fn hash(content: &[u8]) -> String {
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(content));
    hash.chars().take(16).collect()
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
