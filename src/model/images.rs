//! What a color runs, image by image, and whether hosts agree about it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Compose, HostName, host_list};

/// The image of each service that runs, by the service's name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Images(pub BTreeMap<String, Image>);

/// One image, under all the names that cannot be given to another one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Image {
    /// Its ids as engines name it: several, where hosts of different kinds run it.
    pub ids: BTreeSet<String>,
    /// `REPOSITORY@sha256:…`, where it came from a registry.
    #[serde(default)]
    pub digests: BTreeSet<String>,
    /// The names that its containers were made by: they say which it was meant to be, and prove nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<String>,
}

/// A host whose service does not run what most others run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// The host.
    pub host: HostName,
    /// The service.
    pub service: String,
    /// What it runs.
    pub runs: Image,
    /// What the others run.
    pub usual: Image,
    /// Those others.
    pub others: Vec<HostName>,
}

/// What is read of a color on a host, and what its files must be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The compose project whose images are read; `None` on a host that runs none.
    pub project: Option<String>,
    /// The compose program of its host.
    pub compose: Compose,
    /// Files that must be as they were rendered.
    pub files: Vec<Rendered>,
    /// What it ran when it was live, where it must be that again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Images>,
}

/// A file as a release renders it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// Its path.
    pub path: String,
    /// The digest of its content. Of a `no_log` task it never leaves memory, as a short secret could be guessed
    /// from it; what is `None` must exist, and no more.
    #[serde(skip_serializing_if = "Digest::is_not_shown", default)]
    pub sha256: Digest,
}

/// A file's digest, and whether it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Option<String>", into = "Option<String>")]
pub struct Digest {
    hex: Option<String>,
    hidden: bool,
}

impl Digest {
    /// Of a content's digest in hex; `hidden` where it shall not be written anywhere.
    #[must_use]
    pub const fn new(hex: String, hidden: bool) -> Self {
        Self { hex: Some(hex), hidden }
    }

    /// Whether this digest, in hex, is the same as far as is known.
    #[must_use]
    pub fn is(&self, hex: &str) -> bool {
        self.hex.as_ref().is_none_or(|known| known == hex)
    }

    const fn is_not_shown(&self) -> bool {
        self.hidden || self.hex.is_none()
    }
}

impl From<Option<String>> for Digest {
    fn from(hex: Option<String>) -> Self {
        Self { hex, hidden: false }
    }
}

impl From<Digest> for Option<String> {
    fn from(digest: Digest) -> Self {
        digest.hex.filter(|_| !digest.hidden)
    }
}

impl Image {
    /// Whether both are one image: the same id, or the same digest in any registry.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let theirs: BTreeSet<&str> = other.content_digests().collect();
        !self.ids.is_disjoint(&other.ids) || self.content_digests().any(|digest| theirs.contains(digest))
    }

    /// A mirror has another name for the same content.
    fn content_digests(&self) -> impl Iterator<Item = &str> {
        self.digests.iter().filter_map(|digest| Some(digest.split_once('@')?.1))
    }

    fn join(&mut self, other: &Self) {
        self.ids.extend(other.ids.iter().cloned());
        self.digests.extend(other.digests.iter().cloned());
        self.names.extend(other.names.iter().cloned());
    }

    /// In a few characters, for a person.
    #[must_use]
    pub fn short(&self) -> String {
        let ids: Vec<String> = self.ids.iter().map(|id| shortened(id)).collect();
        ids.join(" and ")
    }

    /// The same with the digests of its registry.
    #[must_use]
    pub fn named(&self) -> String {
        let from: Vec<String> = self.digests.iter().map(|digest| shortened(digest)).collect();
        if from.is_empty() { self.short() } else { format!("{} ({})", self.short(), from.join(", ")) }
    }
}

/// A digest cut as Docker cuts it.
fn shortened(text: &str) -> String {
    match text.rsplit_once("sha256:") {
        Some((before, hex)) => format!("{before}sha256:{}", hex.chars().take(12).collect::<String>()),
        None => text.chars().take(12).collect(),
    }
}

impl Odd {
    /// The same of an image's name, which nobody has to run.
    #[must_use]
    pub fn of_a_name(&self) -> String {
        let others: Vec<&HostName> = self.others.iter().collect();
        let (here, usual, others) = (self.runs.named(), self.usual.named(), host_list(&others));
        format!("{} is {here} on {}, {usual} on {others}", self.service, self.host)
    }
}

impl std::fmt::Display for Odd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let others: Vec<&HostName> = self.others.iter().collect();
        let (runs, usual, others) = (self.runs.named(), self.usual.named(), host_list(&others));
        write!(f, "{} runs {} from image {runs}, {others} from {usual}", self.host, self.service)
    }
}

/// Hosts that run one image.
#[derive(Default)]
struct Camp {
    image: Image,
    hosts: Vec<HostName>,
}

impl Images {
    /// How a service's image differs from what it was here, in words.
    #[must_use]
    pub fn stray(&self, service: &str, now: &Image) -> Option<String> {
        let was = self.0.get(service).filter(|was| !was.is(now))?;
        Some(format!("{service} is made from image {}, and was live with {}", now.named(), was.named()))
    }

    /// What all hosts run, as one; or those that run something else than most. A service that a host does not
    /// run says nothing: hosts may have different ones.
    pub fn agreed(hosts: &[(HostName, Self)]) -> Result<Self, Vec<Odd>> {
        let mut services: BTreeMap<&String, Vec<(&HostName, &Image)>> = BTreeMap::new();
        for (host, images) in hosts {
            for (service, image) in &images.0 {
                services.entry(service).or_default().push((host, image));
            }
        }
        let (mut agreed, mut odd) = (Self::default(), Vec::new());
        for (service, runs) in services {
            let mut camps = camps(&runs);
            // The largest; of several, the one that comes first in the inventory.
            camps.sort_by_key(|camp| std::cmp::Reverse(camp.hosts.len()));
            let mut camps = camps.into_iter();
            let Some(usual) = camps.next() else { continue };
            for camp in camps {
                odd.extend(camp.hosts.into_iter().map(|host| Odd {
                    host,
                    service: service.clone(),
                    runs: camp.image.clone(),
                    usual: usual.image.clone(),
                    others: usual.hosts.clone(),
                }));
            }
            agreed.0.insert(service.clone(), usual.image);
        }
        if odd.is_empty() { Ok(agreed) } else { Err(odd) }
    }
}

fn camps(runs: &[(&HostName, &Image)]) -> Vec<Camp> {
    let mut camps: Vec<Camp> = Vec::new();
    for (host, image) in runs {
        let (same, mut others): (Vec<Camp>, Vec<Camp>) =
            camps.into_iter().partition(|camp| camp.image.is(image));
        let mut joined = Camp::default();
        for camp in same {
            joined.image.join(&camp.image);
            joined.hosts.extend(camp.hosts);
        }
        joined.image.join(image);
        joined.hosts.push((*host).clone());
        // In the order in which each camp was first met.
        let place = others.iter().position(|camp| first_of(runs, camp) > first_of(runs, &joined));
        others.insert(place.unwrap_or(others.len()), joined);
        camps = others;
    }
    camps
}

fn first_of(runs: &[(&HostName, &Image)], camp: &Camp) -> Option<usize> {
    runs.iter().position(|(host, _)| camp.hosts.contains(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, digests: &[&str]) -> Image {
        let digests = digests.iter().map(|digest| (*digest).to_owned()).collect();
        Image { ids: [id.to_owned()].into(), digests, ..Image::default() }
    }

    fn fleet(runs: &[(&str, &str, Image)]) -> Vec<(HostName, Images)> {
        let mut hosts: Vec<(HostName, Images)> = Vec::new();
        for (host, service, image) in runs {
            let host: HostName = host.parse().unwrap();
            if hosts.last().is_none_or(|(last, _)| *last != host) {
                hosts.push((host, Images::default()));
            }
            hosts.last_mut().unwrap().1.0.insert((*service).to_owned(), image.clone());
        }
        hosts
    }

    fn odd(runs: &[(&str, &str, Image)]) -> Vec<String> {
        let odd = Images::agreed(&fleet(runs)).expect_err("they differ");
        odd.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_id_is_one_image() {
        let runs = [("a", "web", image("1", &[])), ("b", "web", image("1", &[]))];
        let agreed = Images::agreed(&fleet(&runs)).unwrap();
        assert_eq!(agreed.0["web"], image("1", &[]));
    }

    #[test]
    fn one_digest_is_one_image_whatever_its_ids_and_its_registry() {
        let runs = [
            ("a", "web", image("1", &["hub/app@sha256:f00"])),
            ("b", "web", image("2", &["mirror/app@sha256:f00"])),
        ];
        let agreed = Images::agreed(&fleet(&runs)).unwrap();
        assert_eq!(agreed.0["web"].ids.len(), 2, "both are on record");
        let other = [
            ("a", "web", image("1", &["hub/app@sha256:f00"])),
            ("b", "web", image("2", &["hub/app@sha256:ba5"])),
        ];
        assert_eq!(odd(&other).len(), 1);
    }

    #[test]
    fn the_fewer_are_odd_and_both_images_are_named() {
        let long = format!("sha256:{}", "ab".repeat(32));
        let runs = [
            ("app1", "web", image(&long, &[])),
            ("app2", "web", image("sha256:1", &[])),
            ("app3", "web", image("sha256:1", &["hub/app@sha256:2"])),
        ];
        assert_eq!(
            odd(&runs),
            [
                "app1 runs web from image sha256:abababababab, app2, app3 (2 hosts) from sha256:1 (hub/app@sha256:2)"
            ]
        );
    }

    #[test]
    fn of_two_the_first_is_taken_as_usual() {
        let runs = [("app1", "web", image("1", &[])), ("app2", "web", image("2", &[]))];
        assert_eq!(odd(&runs), ["app2 runs web from image 2, app1 from 1"]);
    }

    #[test]
    fn hosts_that_agree_by_way_of_a_third_agree() {
        let runs = [
            ("a", "web", image("1", &[])),
            ("b", "web", image("2", &["r@sha256:f"])),
            ("c", "web", image("1", &["r@sha256:f"])),
        ];
        assert!(Images::agreed(&fleet(&runs)).is_ok());
    }

    #[test]
    fn services_are_compared_each_for_itself_and_only_where_they_run() {
        let runs =
            [("a", "web", image("1", &[])), ("a", "worker", image("9", &[])), ("b", "web", image("1", &[]))];
        assert!(Images::agreed(&fleet(&runs)).is_ok());
        let runs = [
            ("a", "web", image("1", &[])),
            ("a", "worker", image("9", &[])),
            ("b", "web", image("1", &[])),
            ("b", "worker", image("8", &[])),
        ];
        assert_eq!(odd(&runs), ["b runs worker from image 8, a from 9"]);
    }

    #[test]
    fn a_hidden_digest_is_compared_and_never_written() {
        let file = |hidden| Rendered { path: "/f".to_owned(), sha256: Digest::new("f00".to_owned(), hidden) };
        assert!(file(true).sha256.is("f00") && !file(true).sha256.is("ba5"));
        let text = serde_json::to_string(&file(true)).unwrap();
        assert_eq!(text, r#"{"path":"/f"}"#);
        let read: Rendered = serde_json::from_str(&text).unwrap();
        assert!(read.sha256.is("ba5"), "nothing is known of it");
        let text = serde_json::to_string(&file(false)).unwrap();
        let read: Rendered = serde_json::from_str(&text).unwrap();
        assert!(!read.sha256.is("ba5") && read == file(false));
    }
}
