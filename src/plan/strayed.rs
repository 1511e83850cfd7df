//! Whether a color still holds what it was live with.

use serde_json::Value;

use crate::facts::Observed;
use crate::model::{Color, HostName, Image, Images, Problems};

use super::build::Blocked;
use super::observe::{newest_record, records};
use super::scope::{Model, Scope};

/// What a color ran when it last went live, as the newest record on the load balancers tells.
#[must_use]
pub fn went_live(observed: &Observed, color: Color) -> Option<Images> {
    let record = newest_record(observed)?;
    let images = record.get("went_live")?.get(color.as_str())?.get("images")?;
    serde_json::from_value(images.clone()).ok()
}

/// Refuses to bring a color back of which load balancers remember different things: no single one says what may get
/// traffic again.
pub(super) fn refuse_other_memories(observed: &Observed, color: Color) -> Result<(), Blocked> {
    let mut told = Vec::new();
    for (host, record) in records(observed) {
        let never_live = record.get("staged").and_then(Value::as_str) == Some(color.as_str());
        let went_live = record.get("went_live").and_then(|all| all.get(color.as_str())).cloned();
        told.push((host, never_live, went_live));
    }
    if told.iter().zip(told.iter().skip(1)).all(|((_, one, this), (_, two, that))| one == two && this == that)
    {
        return Ok(());
    }
    let details = told.iter().map(|(host, never_live, went_live)| {
        let text = |key: &str| went_live.as_ref().and_then(|it| it.get(key)?.as_str()).unwrap_or("unknown");
        match (never_live, went_live) {
            (true, _) => format!("{host}: {color} holds a release that never was live"),
            (false, None) => format!("{host}: it does not know {color}"),
            (false, Some(_)) => {
                let what = format!("release {} of {}", text("release"), text("at"));
                format!("{host}: {color} was live last with {}", what.chars().take(80).collect::<String>())
            }
        }
    });
    Err(Blocked::NotReady {
        what: format!("the load balancers keep different records of what {color} was live with"),
        details: details.collect(),
        hint: format!(
            "find out which of them is right, and move the file last-run in bgctl_state_dir of the other one away; or \
             deploy with `bgctl apply`; `bgctl switch --to {color}` moves traffic all the same"
        ),
    })
}

/// Where a color's containers are made from other images than when it was live, running or not. Nothing is known of
/// a color that no record tells of.
pub fn strayed(model: &Model, observed: &Observed, color: Color) -> Result<Vec<String>, Problems> {
    let Some(was) = went_live(observed, color) else { return Ok(Vec::new()) };
    let project = format!("{}-{color}", model.playbook.name);
    let mut strayed = Vec::new();
    for host in Scope::new(model, observed, &[]).app_servers()? {
        let facts = observed.hosts.get(&host);
        let containers = facts.iter().flat_map(|facts| &facts.containers);
        for container in containers.filter(|container| container.project == project) {
            let is = Image { ids: [container.image_id.clone()].into(), ..Image::default() };
            strayed.extend(was.stray(&container.service, &is).map(|what| on(&host, &what)));
        }
    }
    Ok(strayed)
}

fn on(host: &HostName, what: &str) -> String {
    format!("{host}: {what}")
}
