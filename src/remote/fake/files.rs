//! Files and programs of a host in memory.

use super::super::Output;
use super::world::{File, World};
use super::{refusal, said};

/// Folders that every host has.
const SYSTEM: [&str; 9] = [
    "/",
    "/etc",
    "/etc/nginx",
    "/etc/nginx/sites-available",
    "/etc/nginx/sites-enabled",
    "/srv",
    "/var",
    "/var/lib",
    "/tmp",
];

impl World {
    pub(super) fn put(
        &mut self,
        (path, keep): (&str, &str),
        size: &str,
        words: [&str; 3],
        content: &[u8],
    ) -> Output {
        if size.parse() != Ok(content.len()) {
            return refusal("the file did not arrive whole");
        }
        if self.is_folder(path) {
            return refusal(&format!("{path} is a folder"));
        }
        let folders = self.missing_folders(path);
        self.folders.extend(folders);
        let here = self.files.get(path);
        let [mode, owner, group] = words;
        let or = |word: &str, here: Option<&String>, default: &str| {
            if word.is_empty() { here.map_or(default, |here| here).to_owned() } else { word.to_owned() }
        };
        let file = File {
            content: content.to_vec(),
            mode: or(mode, here.map(|file| &file.mode), "0644"),
            owner: name(or(owner, here.map(|file| &file.owner), "root")),
            group: name(or(group, here.map(|file| &file.group), "root")),
        };
        if let Some(here) = self.files.get(path).filter(|_| !keep.is_empty()).cloned()
            && !self.files.contains_key(keep)
        {
            let run = keep.trim_end_matches(".bgctl").rfind('.').unwrap_or(0);
            let stem = keep.get(..=run).unwrap_or_default().to_owned();
            let is_older = |other: &str| {
                let run = other.strip_prefix(&stem).and_then(|rest| rest.strip_suffix(".bgctl"));
                run.is_some_and(|run| !run.contains('.'))
            };
            self.files.retain(|other, _| !is_older(other));
            self.files.insert(keep.to_owned(), here);
        }
        self.files.insert(path.to_owned(), file);
        Output::default()
    }

    pub(super) fn restore(&mut self, path: &str, kept: &str) -> Output {
        if let Some(file) = self.files.remove(kept) {
            self.files.insert(path.to_owned(), file);
        }
        Output::default()
    }

    pub(super) fn remove(&mut self, path: &str, folders: &[&str]) -> Output {
        self.files.remove(path);
        for folder in folders {
            if !self.is_empty(folder) {
                break;
            }
            self.folders.remove(*folder);
        }
        Output::default()
    }

    pub(super) fn run(&mut self, argv: &[&str]) -> Output {
        self.ran.push(argv.iter().map(|word| (*word).to_owned()).collect());
        said("ran")
    }

    pub(super) fn is_folder(&self, path: &str) -> bool {
        SYSTEM.contains(&path) || self.folders.contains(path)
    }

    fn is_empty(&self, folder: &str) -> bool {
        let inside = format!("{folder}/");
        !self.files.keys().chain(&self.folders).any(|path| path.starts_with(&inside))
    }

    /// A path's folders that lack, innermost first.
    pub(super) fn missing_folders(&self, path: &str) -> Vec<String> {
        let mut missing = Vec::new();
        let mut rest = path;
        while let Some((folder, _)) = rest.rsplit_once('/') {
            if folder.is_empty() || self.is_folder(folder) {
                break;
            }
            missing.push(folder.to_owned());
            rest = folder;
        }
        missing
    }
}

/// A user by name, where it was given by number: only root has one.
fn name(user: String) -> String {
    if user == "0" { "root".to_owned() } else { user }
}
