//! Kept releases: which there are, and one of them read from all its hosts.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use jiff::Timestamp;

use crate::facts::Observed;
use crate::model::{Color, Escalation, HostName, ReleaseId, StateDir, host_list};
use crate::plan;
use crate::remote::Remote;
use crate::run;

use super::failure::{Failure, FailureKind};
use super::load::{Loaded, wrong_once_asked};
use super::session::clock;

/// A release that hosts keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) release: ReleaseId,
    /// When it was kept last, by the hosts' clocks.
    pub(super) at: Timestamp,
    hosts: BTreeSet<HostName>,
}

/// All kept releases, the newest first.
pub(super) fn listed(observed: &Observed) -> Vec<Listed> {
    let mut all: BTreeMap<&ReleaseId, Listed> = BTreeMap::new();
    for (host, facts) in &observed.hosts {
        for (release, seconds) in &facts.kept {
            let at = Timestamp::from_second(*seconds).unwrap_or_default();
            let new = || Listed { release: release.clone(), at, hosts: BTreeSet::new() };
            let listed = all.entry(release).or_insert_with(new);
            listed.at = listed.at.max(at);
            listed.hosts.insert(host.clone());
        }
    }
    let mut all: Vec<Listed> = all.into_values().collect();
    all.sort_by_key(|listed| std::cmp::Reverse(listed.at));
    all
}

/// Reads the release that an id, or the beginning of one, names from every host that should keep it.
pub(super) async fn load(
    remote: &dyn Remote,
    loaded: &Loaded,
    observed: &mut Observed,
    wanted: &str,
) -> Result<(), Failure> {
    let places = plan::kept_places(&loaded.model).map_err(wrong_once_asked)?;
    let listed = listed(observed);
    let found = choose(&listed, wanted).ok_or_else(|| unknown(&listed, wanted, observed, &places))?;
    let reading =
        places.iter().filter(|(host, ..)| found.hosts.contains(host)).map(|(host, state, user)| async move {
            let password = loaded.passwords.get(host).cloned();
            let escalate = user.clone().map(|user| Escalation { user, password });
            let exec = run::kept(state, &found.release).escalate(escalate);
            let output = remote.exec(host, exec).await.map_err(|error| (host.clone(), error.to_string()))?;
            Ok::<_, (HostName, String)>((host.clone(), output.text()))
        });
    let (mut texts, mut failed) = (BTreeMap::new(), Vec::new());
    for read in join_all(reading).await {
        match read {
            Ok((host, text)) => drop(texts.insert(host, text)),
            Err(why) => failed.push(why),
        }
    }
    let release = &found.release;
    let opened = plan::open_kept(release, &texts, &loaded.model, observed);
    let bad = opened.as_ref().err().into_iter().flatten();
    failed.extend(bad.map(|(host, why)| (host.clone(), why.to_string())));
    let (Ok(kept), true) = (opened, failed.is_empty()) else {
        let error = format!("release {release} cannot be read from its hosts; nothing was changed");
        return Err(Failure::new(FailureKind::Failed, error)
            .said(&failed)
            .hint("give the -e that it was deployed with; else deploy it anew with `bgctl apply`"));
    };
    observed.kept = Some(kept);
    Ok(())
}

/// The release of this id, else the only one whose id begins so.
fn choose<'l>(listed: &'l [Listed], wanted: &str) -> Option<&'l Listed> {
    if let Some(exact) = listed.iter().find(|listed| listed.release.as_str() == wanted) {
        return Some(exact);
    }
    let mut alike =
        listed.iter().filter(|listed| !wanted.is_empty() && listed.release.as_str().starts_with(wanted));
    alike.next().filter(|_| alike.next().is_none())
}

fn unknown(
    listed: &[Listed],
    wanted: &str,
    observed: &Observed,
    places: &[(HostName, StateDir, Option<String>)],
) -> Failure {
    let many = listed.iter().filter(|listed| listed.release.as_str().starts_with(wanted)).count() > 1;
    let error = if listed.is_empty() {
        "no release is kept".to_owned()
    } else if many {
        format!("several kept releases begin with {wanted:?}")
    } else {
        format!("no kept release begins with {wanted:?}")
    };
    let all: BTreeSet<&HostName> = places.iter().map(|(host, ..)| host).collect();
    let lines: Vec<String> = listed.iter().map(|listed| line(listed, observed, &all)).collect();
    let failure = Failure::new(FailureKind::Failed, error).lines(lines);
    failure.hint("hosts keep what went live, as many as `keep_releases:` says; anything else is deployed with `bgctl apply`")
}

fn line(listed: &Listed, observed: &Observed, all: &BTreeSet<&HostName>) -> String {
    let held = Color::BOTH
        .into_iter()
        .find(|color| plan::release_of(observed, *color).as_ref() == Some(&listed.release));
    let held = held.map(|color| format!(", last live on {color}")).unwrap_or_default();
    let lacking: Vec<&HostName> = all.iter().filter(|host| !listed.hosts.contains(**host)).copied().collect();
    let lacking =
        if lacking.is_empty() { String::new() } else { format!(", not on {}", host_list(&lacking)) };
    format!("{}  kept {}{held}{lacking}", listed.release, clock(listed.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;

    fn observed(hosts: &[(&str, &[(&str, i64)])]) -> Observed {
        let facts = hosts.iter().map(|(host, kept)| {
            let kept =
                kept.iter().map(|(release, at)| (format!("{release:0<12}").parse().unwrap(), *at)).collect();
            (host.parse().unwrap(), Facts { kept, ..Facts::default() })
        });
        Observed { hosts: facts.collect(), ..Observed::default() }
    }

    #[test]
    fn releases_are_listed_newest_first_with_all_their_hosts() {
        let listed = listed(&observed(&[("app1", &[("abc", 10), ("abd", 20)]), ("lb1", &[("abc", 30)])]));
        let names: Vec<(&str, usize)> =
            listed.iter().map(|listed| (listed.release.as_str(), listed.hosts.len())).collect();
        assert_eq!(names, [("abc000000000", 2), ("abd000000000", 1)]);
    }

    #[test]
    fn a_beginning_names_a_release_only_where_it_is_the_only_one() {
        let listed = listed(&observed(&[("app1", &[("abc1", 1), ("abd1", 2), ("abc", 3)])]));
        let chosen = |wanted: &str| choose(&listed, wanted).map(|listed| listed.release.as_str());
        assert_eq!(chosen("abd"), Some("abd100000000"));
        assert_eq!(chosen("abc000000000"), Some("abc000000000"), "the very id");
        assert_eq!(chosen("abc"), None);
        assert_eq!(chosen("ab"), None);
        assert_eq!(chosen(""), None);
        assert_eq!(chosen("x"), None);
    }

    #[test]
    fn what_is_unknown_lists_what_there_is() {
        let observed = observed(&[("app1", &[("abc1", 1), ("abd1", 2)]), ("app2", &[("abc1", 1)])]);
        let places = ["app1", "app2"].map(|host| (host.parse().unwrap(), StateDir::of_one("/r"), None));
        let failure = unknown(&listed(&observed), "ab", &observed, &places);
        let text = failure.render(crate::paint::Paint::PLAIN);
        assert!(text.contains("several kept releases begin with \"ab\""), "{text}");
        assert!(text.contains("abd100000000  kept 1970-01-01") && text.contains(", not on app2"), "{text}");
    }
}
