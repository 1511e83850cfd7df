//! A release as its hosts keep it: without the environments of programs, and checked before it is used.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::facts::Observed;
use crate::model::{Action, BadKept, Color, HostName, Kept, KeptRelease, Key, Problems, ReleaseId};

use super::project;
use super::scope::{Model, Scope};
use super::seal::{self, Contents};

/// What a host keeps, as text: environments, which may hold secrets, are hashes that are made with the key.
pub(super) fn text(kept: &Kept, key: &Key) -> String {
    let mut value = json!(kept);
    seal::each_environment(&mut value, &mut |content| seal::close(content, key));
    value.to_string()
}

/// What stands for a host's text on load balancers.
pub(super) fn hash(text: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(text))
}

/// A kept release from the texts of its hosts, its environments made from these inputs. Why a host's part cannot be
/// used, host by host.
pub fn open_kept(
    release: &ReleaseId,
    texts: &BTreeMap<HostName, String>,
    model: &Model,
    observed: &Observed,
) -> Result<KeptRelease, Vec<(HostName, BadKept)>> {
    let (mut hosts, mut bad) = (BTreeMap::new(), Vec::new());
    for (host, text) in texts {
        match open_one(release, host, text, model, observed) {
            Ok(kept) => drop(hosts.insert(host.clone(), kept)),
            Err(why) => bad.push((host.clone(), why)),
        }
    }
    // Only load balancers are asked about others.
    let balancers = Scope::new(model, observed, &[]).load_balancers().unwrap_or_default();
    for balancer in &balancers {
        let Some(kept) = hosts.get(balancer) else { continue };
        let differs =
            |(host, known): &(&HostName, &String)| texts.get(*host).is_some_and(|text| hash(text) != **known);
        let changed = kept.others.iter().filter(differs);
        bad.extend(changed.map(|(host, _)| (host.clone(), BadKept::Changed(balancer.clone()))));
    }
    if bad.is_empty() { Ok(KeptRelease { release: release.clone(), hosts }) } else { Err(bad) }
}

fn open_one(
    release: &ReleaseId,
    host: &HostName,
    text: &str,
    model: &Model,
    observed: &Observed,
) -> Result<Kept, BadKept> {
    let mut value: Value =
        serde_json::from_str(text).map_err(|error| BadKept::Unreadable(error.to_string()))?;
    let mut known = None;
    let mut lacks = false;
    let none = || Contents::new(&observed.key);
    seal::each_environment(&mut value, &mut |content| {
        let known = known
            .get_or_insert_with(|| environments(release, host, model, observed).unwrap_or_else(|_| none()));
        lacks |= !known.fill(host, content);
    });
    if lacks {
        return Err(BadKept::OtherEnvironment);
    }
    let kept = Kept::from_value(value)?;
    if kept.release != *release {
        return Err(BadKept::Unreadable(format!("it is of release {}", kept.release)));
    }
    Ok(kept)
}

/// The environments that these inputs make on a host, for either color.
fn environments(
    release: &ReleaseId,
    host: &HostName,
    model: &Model,
    observed: &Observed,
) -> Result<Contents, Problems> {
    let scope = Scope::new(model, observed, &[]);
    let mut contents = Contents::new(&observed.key);
    for color in Color::BOTH {
        let side = scope.side(color, Some(color.other()), release.as_str())?;
        if let Some(up) = project::on(&scope, host, &side)? {
            contents.add(host, &Action::ComposeUp(up));
        }
    }
    Ok(contents)
}
