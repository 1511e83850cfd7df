//! What must be known before a plan can be made, and what it says about the live color.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::facts::{Armed, DeadMan, Observed, Questions, Served};
use crate::model::{Check, Color, HostName, Problems, ReleaseId, StateDir};

use super::deed::{self, Deed, Wanted, Wish};
use super::scope::{Model, Scope};
use super::site::{self, Site};
use super::{Blocked, Certainty, Note, compare, idle};

/// What each host is asked: everything about both colors, so that one round trip is enough.
pub fn questions(model: &Model) -> Result<BTreeMap<HostName, Questions>, Problems> {
    let nothing = Observed::default();
    let scope = Scope::new(model, &nothing, &[]);
    let mut all: BTreeMap<HostName, Questions> = BTreeMap::new();
    let mut problems = idle::check(&scope)?;
    for color in Color::BOTH {
        let side = scope.side(color, Some(color.other()), "")?;
        for play in model.playbook.stage.iter().chain(&model.playbook.settle) {
            let hosts = scope.hosts(&play.hosts)?;
            let Some(first) = hosts.first() else { continue };
            for host in &hosts {
                let questions = all.entry(host.clone()).or_default();
                questions.keep_in(site::releases(&scope, host, &side)?);
                match deed::deeds(&scope, play, host, first, &side, Wanted::Places) {
                    Ok(deeds) => deeds.into_iter().for_each(|deed| ask(questions, deed)),
                    Err(found) => problems.extend(found.0),
                }
            }
        }
    }
    let side = scope.side(model.playbook.first_color(), None, "")?;
    for host in scope.load_balancers()? {
        all.entry(host.clone()).or_default().switch_as(site::escalate(&scope, &host, &side)?);
    }
    for color in Color::BOTH {
        let side = scope.side(color, Some(color.other()), "")?;
        for host in scope.load_balancers()? {
            let site = site::site(&scope, &host, &side)?;
            let questions = all.entry(host.clone()).or_default().of_state_mut();
            questions.site = site.path().map(str::to_owned);
            questions.nginx = site::setup(&scope, &host, &side)?.map(|setup| *setup).unwrap_or_default();
            questions.detect = site::detection(&scope, &host)?.and_then(|run| run.shell().map(str::to_owned));
            questions.records = Some(site::state(&scope, &host, &side)?.folder);
            questions.keep_in(site::releases(&scope, &host, &side)?);
            site.written(color).into_iter().for_each(|path| add(&mut questions.files, path));
            if let Site::File { file, .. } | Site::Upstream { file, .. } = site {
                add(&mut questions.files, file);
            }
        }
    }
    Problems(problems).distinct().or(())?;
    for questions in all.values_mut() {
        questions.projects = Color::BOTH.map(|color| format!("{}-{color}", model.playbook.name)).to_vec();
    }
    Ok(all)
}

/// Whether everything that a deploy renders can be rendered, before anything is contacted. What facts will
/// say is not known yet: they stand for themselves here.
pub fn check(model: &Model) -> Result<(), Problems> {
    let nothing = Observed::default();
    let scope = Scope::new(model, &nothing, &[]);
    let mut problems = Vec::new();
    for color in Color::BOTH {
        let side = scope.side(color, Some(color.other()), "")?;
        for play in model.playbook.stage.iter().chain(&model.playbook.settle) {
            let hosts = scope.hosts(&play.hosts)?;
            for host in &hosts {
                let deeds =
                    deed::deeds(&scope, play, host, hosts.first().unwrap_or(host), &side, Wanted::All);
                problems.extend(deeds.err().into_iter().flat_map(|found| found.0));
            }
        }
        for host in scope.load_balancers()? {
            problems.extend(site::content(&scope, &host, &side).err().into_iter().flat_map(|found| found.0));
        }
    }
    Problems(problems).distinct().or(())
}

/// The archives of images that a deploy would load, as the playbook names them.
pub fn archives(model: &Model) -> Result<BTreeSet<String>, Problems> {
    let nothing = Observed::default();
    let scope = Scope::new(model, &nothing, &[]);
    let mut all = BTreeSet::new();
    for color in Color::BOTH {
        let side = scope.side(color, Some(color.other()), "")?;
        for play in model.playbook.stage.iter().chain(&model.playbook.settle) {
            for host in scope.hosts(&play.hosts)? {
                all.extend(deed::archives(&scope, play, &host, &side));
            }
        }
    }
    Ok(all)
}

fn ask(questions: &mut Questions, deed: Deed) {
    // What only another user may read is read as that user.
    questions.escalate = questions.escalate.take().or(deed.escalate);
    match deed.wish {
        Wish::File(file) => add(&mut questions.files, file.path),
        Wish::Run { creates: Some(path), .. } => add(&mut questions.exists, path),
        Wish::Load(load) => add(&mut questions.images, load.name),
        Wish::Pull(name) if compare::is_pinned(&name) => add(&mut questions.images, name),
        _ => {}
    }
}

fn add(list: &mut Vec<String>, path: String) {
    if !list.contains(&path) {
        list.push(path);
    }
}

/// The verify probe of each color, on each load balancer.
pub fn probes(model: &Model) -> Result<BTreeMap<HostName, Vec<(Color, Check)>>, Problems> {
    let nothing = Observed::default();
    let scope = Scope::new(model, &nothing, &[]);
    let mut all: BTreeMap<HostName, Vec<(Color, Check)>> = BTreeMap::new();
    for color in Color::BOTH {
        let side = scope.side(color, Some(color.other()), "")?;
        for host in scope.load_balancers()? {
            let check = deed::verify(&scope, &host, &side)?;
            all.entry(host).or_default().push((color, check));
        }
    }
    Ok(all)
}

/// Where an app's lock is on each load balancer: host, folder, and whom to become for it.
pub fn lock_places(model: &Model) -> Result<Vec<(HostName, StateDir, Option<String>)>, Problems> {
    let nothing = Observed::default();
    let scope = Scope::new(model, &nothing, &[]);
    let side = scope.side(model.playbook.first_color(), None, "")?;
    let place = |host: HostName| {
        let user = site::escalate(&scope, &host, &side)?;
        let state = site::state(&scope, &host, &side)?;
        Ok((host, state, user))
    };
    scope.load_balancers()?.into_iter().map(place).collect()
}

/// The hosts that the app runs on, in inventory order.
pub fn app_servers(model: &Model) -> Result<Vec<HostName>, Problems> {
    Scope::new(model, &Observed::default(), &[]).app_servers()
}

/// The color that holds a release which never was live, as the newest record on the load balancers says.
#[must_use]
pub fn never_live(observed: &Observed) -> Option<Color> {
    newest_record(observed)?.get("staged")?.as_str()?.parse().ok()
}

/// The release that a color held when it last went live, as all records say that tell of it.
#[must_use]
pub fn release_of(observed: &Observed, color: Color) -> Option<ReleaseId> {
    let mut told = records(observed).filter_map(|(_, record)| {
        let release = record.get("went_live")?.get(color.as_str())?.get("release")?;
        serde_json::from_value::<ReleaseId>(release.clone()).ok()
    });
    let first = told.next()?;
    first.known().filter(|_| told.all(|other| other == first)).cloned()
}

/// Where an app's kept releases are on each host that keeps them, and whom to become for them.
pub fn kept_places(model: &Model) -> Result<Vec<(HostName, StateDir, Option<String>)>, Problems> {
    let place = |(host, asked): (HostName, Questions)| {
        let asked = asked.of_state();
        let state = StateDir { folder: asked.kept.clone()?, group: asked.state_group.clone() };
        Some((host, state, asked.escalate.clone()))
    };
    Ok(questions(model)?.into_iter().filter_map(place).collect())
}

/// The newest record that the load balancers keep of a run.
pub(super) fn newest_record(observed: &Observed) -> Option<serde_json::Value> {
    let all = records(observed).map(|(_, record)| record);
    all.max_by_key(|record| record.get("number").and_then(serde_json::Value::as_u64))
}

/// The record that each load balancer keeps of the last run.
pub(super) fn records(observed: &Observed) -> impl Iterator<Item = (&HostName, serde_json::Value)> {
    let texts =
        observed.hosts.iter().filter_map(|(host, facts)| Some((host, facts.records.last_run.as_deref()?)));
    texts.filter_map(|(host, text)| Some((host, serde_json::from_str(text).ok()?)))
}

/// A load balancer's two answers to "which color?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The load balancer.
    pub host: HostName,
    /// The color that it is configured for; `None`: neither, or nobody knows.
    pub configured: Option<Color>,
    /// What is odd about what it is configured for, in a sentence.
    #[serde(default)]
    pub odd: Option<String>,
    /// Somebody has changed since what bgctl wrote.
    #[serde(default)]
    pub edited: bool,
    /// The color that the verify probe met.
    pub served: Option<Color>,
    /// Why `served` is not known, where it is not.
    pub why_not: Option<String>,
}

/// What every load balancer is configured for, and what it serves.
pub fn standings(model: &Model, observed: &Observed) -> Result<Vec<Standing>, Problems> {
    let scope = Scope::new(model, observed, &[]);
    scope.load_balancers()?.into_iter().map(|host| standing(&scope, host)).collect()
}

fn standing(scope: &Scope<'_>, host: HostName) -> Result<Standing, Problems> {
    let site::Configured { color: configured, odd, edited } = site::configured(scope, &host)?;
    let (served, why_not) = match scope.observed.served.get(&host) {
        Some(Served::Color(color)) => (Some(*color), None),
        Some(Served::Neither(met)) => (None, Some(met.clone())),
        Some(Served::Both) => (None, Some("the verify probe does not tell the colors apart".to_owned())),
        None => (None, Some("it was not probed".to_owned())),
    };
    Ok(Standing { host, configured, odd, edited, served, why_not })
}

impl Standing {
    /// Whether this color is what it is configured for, and what it serves.
    #[must_use]
    pub fn is_on(&self, color: Color) -> bool {
        self.configured == Some(color) && self.served == Some(color)
    }

    /// The color that it serves and is not configured for: the next reload would move its traffic.
    #[must_use]
    pub fn adrift(&self) -> Option<Color> {
        self.served.filter(|served| self.configured.is_some_and(|configured| configured != *served))
    }
}

/// What a load balancer serves where that is not what it is configured for.
fn drift(standing: &Standing) -> Option<String> {
    let configured = standing.configured?;
    if let Some(served) = standing.adrift() {
        return Some(format!(
            "it is configured for {configured}, but it serves {served}: a reload failed, or somebody changed it by \
             hand; `bgctl switch --to {served}` puts that right"
        ));
    }
    let why = standing.why_not.as_deref().unwrap_or("it was not probed");
    standing
        .served
        .is_none()
        .then(|| format!("it is configured for {configured} but does not prove it: {why}"))
}

/// What a reader should know of load balancers that do not serve what they are configured for.
pub(super) fn drifts(standings: &[Standing]) -> impl Iterator<Item = Note> {
    standings.iter().flat_map(|standing| {
        let edited = standing.odd.clone().filter(|_| standing.edited);
        let texts = drift(standing).into_iter().chain(edited);
        texts.map(|text| Note { certainty: Certainty::Observed, host: Some(standing.host.clone()), text })
    })
}

/// What load balancers know of switches that nobody confirmed.
pub(super) fn unconfirmed(standings: &[Standing], observed: &Observed) -> Vec<Note> {
    let mut notes = Vec::new();
    for Standing { host, .. } in standings {
        let Some(records) = observed.hosts.get(host).map(|facts| &facts.records) else { continue };
        let armed = records.armed.as_ref().map(Armed::sentence);
        let sentences = armed.into_iter().chain(records.dead_man.as_ref().map(DeadMan::sentence));
        notes.extend(sentences.map(|text| Note {
            certainty: Certainty::Observed,
            host: Some(host.clone()),
            text,
        }));
    }
    notes
}

/// Refuses while a load balancer may still swap back by itself: what is live now may not be so in a moment,
/// and the color that would be staged on is the one that traffic goes back to.
pub(super) fn refuse_unconfirmed(
    standings: &[Standing],
    observed: &Observed,
    run: &str,
) -> Result<(), Blocked> {
    let mut details = Vec::new();
    let mut longest = 0;
    for Standing { host, .. } in standings {
        let armed = observed.hosts.get(host).and_then(|facts| facts.records.armed.as_ref());
        if let Some(armed) = armed.filter(|armed| armed.is_watched() && armed.run != run) {
            longest = longest.max(armed.left.max(0));
            details.push(format!("{host}: {}", armed.sentence()));
        }
    }
    if details.is_empty() {
        return Ok(());
    }
    Err(Blocked::NotReady {
        what: "a switch that nobody confirmed is about to be taken back".to_owned(),
        details,
        hint: format!(
            "run it again in {} s, when the load balancer has swapped back",
            longest.saturating_add(2)
        ),
    })
}

/// The color that all load balancers serve; `None` before a first deploy. What is served decides; where
/// nothing answers, what is configured does.
pub(super) fn live(standings: &[Standing]) -> Result<Option<Color>, Blocked> {
    let mut colors: Vec<Option<Color>> = Vec::new();
    for standing in standings {
        let color = standing.served.or(standing.configured);
        if !colors.contains(&color) {
            colors.push(color);
        }
    }
    match colors.as_slice() {
        [] => Ok(None),
        [color] => Ok(*color),
        _ => Err(Blocked::Disagree(standings.to_vec())),
    }
}
