//! Whether a color still holds what it was live with.

use crate::facts::Observed;
use crate::model::{Color, HostName, Image, Images, Problems};

use super::observe::newest_record;
use super::scope::{Model, Scope};

/// What a color ran when it last went live, as the newest record on the load balancers tells.
#[must_use]
pub fn went_live(observed: &Observed, color: Color) -> Option<Images> {
    let record = newest_record(observed)?;
    let images = record.get("went_live")?.get(color.as_str())?.get("images")?;
    serde_json::from_value(images.clone()).ok()
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
