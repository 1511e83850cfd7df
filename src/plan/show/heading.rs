//! The first lines of a plan: what it is about, and what is served now.

use crate::model::{Color, HostName, host_list};
use crate::paint::Paint;
use crate::plan::Plan;

pub(super) fn heading(plan: &Plan, paint: Paint) -> Vec<String> {
    let release = plan.release.known().map(|release| format!(": release {release}")).unwrap_or_default();
    let servers: Vec<&HostName> = plan.app_servers.iter().collect();
    let mut lines = vec![
        format!("{} {}{release}", paint.bold(&plan.app), plan.goal.as_str()),
        format!("  live           {}", paint.color_or_none(plan.live)),
    ];
    for (place, line) in balancers(plan, paint).into_iter().enumerate() {
        let head = if place == 0 { "load balancers" } else { "" };
        lines.push(format!("  {head:<14} {line}"));
    }
    lines.push(format!("  app servers    {}", host_list(&servers)));
    lines
}

/// What load balancers are configured for and serve, and those of which that is true.
type Alike<'p> = ((Option<Color>, Option<Color>), Vec<&'p HostName>);

/// The load balancers in a line for each thing that they are configured for and serve.
fn balancers(plan: &Plan, paint: Paint) -> Vec<String> {
    let mut alike: Vec<Alike<'_>> = Vec::new();
    for host in &plan.load_balancers {
        let standing = plan.standings.iter().find(|standing| standing.host == *host);
        let stands = standing.map_or((plan.live, plan.live), |one| (one.configured, one.served));
        match alike.iter_mut().find(|(other, _)| *other == stands) {
            Some((_, hosts)) => hosts.push(host),
            None => alike.push((stands, vec![host])),
        }
    }
    let line = |((configured, served), hosts): &Alike<'_>| {
        let (link, traffic) = (paint.color_or_none(*configured), paint.color_or_none(*served));
        format!("{}: configured {link}, served {traffic}", host_list(hosts))
    };
    match alike.as_slice() {
        [((configured, served), hosts)] if configured == served => vec![host_list(hosts)],
        several => several.iter().map(line).collect(),
    }
}
