//! An archive of images, as `docker save` writes one: what it says it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

/// An archive names no more images, and its index lists no more.
const MOST_IMAGES: usize = 1000;

/// A file with images, and what it says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Where it is on this machine.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// The images that have a name.
    images: Vec<Archived>,
}

/// A named image of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Archived {
    name: String,
    ids: BTreeSet<String>,
}

impl Archive {
    /// From the texts of `manifest.json` and `index.json`, and the names of all entries. An engine names an image by
    /// the digest of its configuration, or, with containerd's store, by that of its manifest: both are known here.
    pub fn read(
        (path, size): (PathBuf, u64),
        manifest: &str,
        index: Option<&str>,
        entries: &BTreeSet<String>,
    ) -> Result<Self, String> {
        let parse = |name: &str, text: &str| -> Result<Value, String> {
            serde_json::from_str(text).map_err(|error| format!("its {name} makes no sense: {error}"))
        };
        if let Some(name) = entries.iter().find(|name| leads_out(name)) {
            let name: String = name.chars().take(120).collect();
            return Err(format!(
                "an entry in it is called {name:?}, which leads out of any folder: no `docker save` wrote it"
            ));
        }
        let manifest = parse("manifest.json", manifest)?;
        let index = index.map(|text| parse("index.json", text)).transpose()?;
        let listed = index.as_ref().map(manifests).unwrap_or_default();
        let mut images = Vec::new();
        for image in manifest.as_array().into_iter().flatten() {
            let config = text(image, "Config").ok_or("its manifest.json names no Config")?;
            let layers = list(image, "Layers").filter_map(Value::as_str);
            if let Some(lacking) = layers.chain([config]).find(|entry| !entries.contains(*entry)) {
                return Err(format!("it lacks {lacking}: was it cut off?"));
            }
            for name in list(image, "RepoTags").filter_map(Value::as_str) {
                let mut ids: BTreeSet<String> = [digest_of(config)].into();
                ids.extend(listed.get(&familiar(name)).into_iter().flatten().map(|id| (*id).to_owned()));
                images.push(Archived { name: name.to_owned(), ids });
            }
            if images.len() > MOST_IMAGES || listed.values().map(Vec::len).sum::<usize>() > MOST_IMAGES {
                return Err(format!("it names more than {MOST_IMAGES} images"));
            }
        }
        Ok(Self { path, size, images })
    }

    /// The ids that engines may give the image of this name.
    #[must_use]
    pub fn ids(&self, name: &str) -> Option<Vec<String>> {
        let image = self.images.iter().find(|image| familiar(&image.name) == familiar(name))?;
        Some(image.ids.iter().cloned().collect())
    }

    /// The names that it holds.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.images.iter().map(|image| image.name.as_str()).collect()
    }
}

/// Whether an entry would be put elsewhere than where the archive is unpacked.
fn leads_out(name: &str) -> bool {
    name.starts_with('/') || name.split('/').any(|part| part == "..")
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// `blobs/sha256/HEX`, `HEX.json`, or `sha256:HEX` as an id.
fn digest_of(entry: &str) -> String {
    let hex = entry.rsplit(['/', ':']).next().unwrap_or(entry);
    format!("sha256:{}", hex.trim_end_matches(".json"))
}

/// The digests under which an index lists images, by their names.
fn manifests(index: &Value) -> BTreeMap<String, Vec<&str>> {
    let mut named: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for listed in list(index, "manifests") {
        let name = listed.get("annotations").and_then(|notes| text(notes, "io.containerd.image.name"));
        if let (Some(name), Some(digest)) = (name, text(listed, "digest")) {
            named.entry(familiar(name)).or_default().push(digest);
        }
    }
    named
}

/// A name without what Docker adds by itself.
fn familiar(name: &str) -> String {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"[{"Config":"blobs/sha256/c1","RepoTags":["app:1","registry.lab/app:1"],"Layers":["blobs/sha256/l1"]},
        {"Config":"c2.json","RepoTags":null,"Layers":[]}]"#;
    const INDEX: &str = r#"{"manifests":[
        {"digest":"sha256:m1","annotations":{"io.containerd.image.name":"docker.io/library/app:1"}},
        {"digest":"sha256:m2","annotations":{"io.containerd.image.name":"docker.io/library/app:2"}}]}"#;

    fn read(manifest: &str, entries: &[&str]) -> Result<Archive, String> {
        let entries = entries.iter().map(|entry| (*entry).to_owned()).collect();
        Archive::read((PathBuf::from("/a.tar"), 7), manifest, Some(INDEX), &entries)
    }

    #[test]
    fn an_image_is_known_by_its_name_and_has_every_id_that_an_engine_may_give_it() {
        let archive = read(MANIFEST, &["blobs/sha256/c1", "blobs/sha256/l1", "c2.json"]).unwrap();
        assert_eq!(archive.names(), ["app:1", "registry.lab/app:1"]);
        for name in ["app:1", "docker.io/library/app:1", "docker.io/app:1"] {
            assert_eq!(archive.ids(name).unwrap(), ["sha256:c1", "sha256:m1"], "{name}");
        }
        assert_eq!(archive.ids("registry.lab/app:1").unwrap(), ["sha256:c1"]);
        assert_eq!(archive.ids("app"), None);
        let latest = MANIFEST.replace("app:1\",", "app:latest\",");
        let latest = read(&latest, &["blobs/sha256/c1", "blobs/sha256/l1", "c2.json"]).unwrap();
        assert!(latest.ids("app").is_some());
    }

    #[test]
    fn an_archive_names_no_more_images_than_there_are() {
        let tags = |count: usize| vec!["\"app:1\""; count].join(",");
        let manifest =
            |count| format!(r#"[{{"Config":"c2.json","RepoTags":[{}],"Layers":[]}}]"#, tags(count));
        assert!(read(&manifest(MOST_IMAGES), &["c2.json"]).is_ok());
        assert_eq!(
            read(&manifest(MOST_IMAGES + 1), &["c2.json"]).unwrap_err(),
            "it names more than 1000 images"
        );
        let listed = r#"{"digest":"d","annotations":{"io.containerd.image.name":"a"}}"#;
        let index = format!(r#"{{"manifests":[{}]}}"#, vec![listed; MOST_IMAGES + 1].join(","));
        let entries = ["c2.json".to_owned()].into();
        let read = Archive::read((PathBuf::from("/a.tar"), 7), &manifest(1), Some(&index), &entries);
        assert_eq!(read.unwrap_err(), "it names more than 1000 images");
    }

    #[test]
    fn an_entry_that_would_be_unpacked_elsewhere_is_refused() {
        for name in ["/etc/x", "../../etc/x", "l1/../../x", ".."] {
            let error = read(MANIFEST, &["blobs/sha256/c1", "blobs/sha256/l1", "c2.json", name]).unwrap_err();
            assert!(error.contains(name) && error.contains("leads out of any folder"), "{error}");
        }
        let error = read(MANIFEST, &["../\u{1b}]0;x\u{202e}"]).unwrap_err();
        assert!(!error.contains(['\u{1b}', '\u{202e}']), "{error}");
        assert!(read(MANIFEST, &["blobs/sha256/c1", "blobs/sha256/l1", "c2.json", "..x/y..", "."]).is_ok());
    }

    #[test]
    fn what_was_cut_off_or_is_no_archive_is_told() {
        let error = read(MANIFEST, &["blobs/sha256/c1", "c2.json"]).unwrap_err();
        assert_eq!(error, "it lacks blobs/sha256/l1: was it cut off?");
        assert!(read("[{}]", &[]).unwrap_err().contains("Config"));
        assert!(read("{", &[]).unwrap_err().contains("manifest.json"));
    }
}
