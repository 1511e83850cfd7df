//! The status for a person.

use super::{AppServer, Health, LoadBalancer, Side, State, StatusView};
use crate::model::{Color, HostName, host_list};
use crate::paint::{Paint, one_line};

impl StatusView {
    /// A few compact tables. App servers on which the same runs share their lines. `selection` is what
    /// selects the same app in the commands that are offered: `-i prod.yml`.
    #[must_use]
    pub fn text(&self, selection: &str, paint: Paint) -> String {
        let mut lines = vec![self.headline(paint), String::new()];
        lines.extend(table(&balancer_rows(&self.load_balancers, paint), paint));
        lines.push(String::new());
        lines.extend(table(&server_rows(&self.app_servers, self.live, paint), paint));
        lines.push(String::new());
        lines.push(format!("lock      {}", self.lock_text(paint)));
        lines.push(format!("last run  {}", self.last_run_text(paint)));
        lines.extend(self.unfinished_text(selection, paint));
        lines.push(format!("rollback  {}", self.rollback.text(selection, paint)));
        lines.extend(self.kept_text().map(|kept| format!("kept      {kept}")));
        lines.extend(self.troubles(paint));
        lines.extend(self.mends(selection, paint));
        paint.page(lines)
    }

    fn headline(&self, paint: Paint) -> String {
        let text = match self.live {
            _ if self.disagrees() => {
                paint.red("the load balancers do not serve the same color: a person is needed")
            }
            Some(live) if self.load_balancers.iter().all(|balancer| balancer.asked) => {
                format!("{} is live", paint.color(live))
            }
            Some(live) => format!("{} is live on the load balancers that were asked", paint.color(live)),
            None if self.nobody_was_asked() => paint.yellow("no load balancer could be asked"),
            None => match self.load_balancers.iter().find_map(|balancer| balancer.served) {
                Some(served) => format!("{} is live, but not on every load balancer", paint.color(served)),
                None => paint.yellow("no color is live"),
            },
        };
        format!("{} {text}", paint.bold(format!("{}:", self.app)))
    }

    /// Locks and records are the load balancers': without them nothing is known of either.
    fn nobody_was_asked(&self) -> bool {
        self.load_balancers.iter().all(|balancer| !balancer.asked)
    }

    fn is_unknown(&self) -> bool {
        self.unreadable || self.nobody_was_asked()
    }

    fn lock_text(&self, paint: Paint) -> String {
        let Some(lock) = &self.lock else {
            return if self.is_unknown() { paint.yellow("unknown") } else { "free".to_owned() };
        };
        let phase = lock.phase.as_ref().map(|phase| format!(", phase {phase}")).unwrap_or_default();
        let held = format!("held by {} since {}{phase} (run {})", lock.by, lock.since, lock.run);
        paint.yellow(one_line(&held))
    }

    fn last_run_text(&self, paint: Paint) -> String {
        let Some(run) = &self.last_run else {
            return if self.is_unknown() { paint.yellow("unknown") } else { "none on record".to_owned() };
        };
        let outcome = run.outcome.as_deref().unwrap_or("not ended");
        let release = run.release.as_ref().map(|release| format!(" (release {release})")).unwrap_or_default();
        one_line(&format!(
            "{}{release} by {} at {}: {outcome} (run {})",
            run.command, run.by, run.at, run.run
        ))
    }

    /// What to do about a run that its process left.
    fn unfinished_text(&self, selection: &str, paint: Paint) -> Vec<String> {
        let Some(run) = self.last_run.as_ref().filter(|run| run.unfinished && self.lock.is_none()) else {
            return Vec::new();
        };
        let phase = one_line(run.reached.as_deref().unwrap_or("its beginning"));
        let words = paint.red(format!("          it was left in {phase}: nothing else begins before"));
        let [abort, resume] = ["abort", "resume"].map(|verb| paint.cyan(format!("bgctl {verb} {selection}")));
        let ways =
            if run.can_resume { format!("{abort} or, with the run's own -e, {resume}") } else { abort };
        vec![format!("{words} {ways}")]
    }

    /// The releases that can be staged again; the newest have gone live last.
    fn kept_text(&self) -> Option<String> {
        let kept: Vec<String> =
            self.releases.iter().map(|kept| one_line(&format!("{} ({})", kept.release, kept.at))).collect();
        (!kept.is_empty()).then(|| kept.join(", "))
    }

    /// What makes all load balancers configured for what they serve, and that the same color.
    fn mends(&self, selection: &str, paint: Paint) -> Vec<String> {
        let command = |color| format!("  {}", paint.cyan(format!("bgctl switch --to {color} {selection}")));
        if self.disagrees() {
            let head = "decide which color shall serve, and move all load balancers to it:".to_owned();
            return [String::new(), head].into_iter().chain(Color::BOTH.map(command)).collect();
        }
        let adrift = |balancer: &LoadBalancer| {
            balancer.asked && balancer.configured.is_some_and(|color| Some(color) != self.live)
        };
        match self.live {
            Some(live) if self.load_balancers.iter().any(adrift) => {
                let why = format!(
                    "the next reload would move traffic: a reload failed, or a link was changed by hand. Back to {live}:"
                );
                vec![String::new(), why, command(live)]
            }
            _ => Vec::new(),
        }
    }

    fn troubles(&self, paint: Paint) -> Vec<String> {
        let balancers = self.load_balancers.iter().map(|balancer| (&balancer.host, &balancer.trouble));
        let servers = self.app_servers.iter().map(|server| (&server.host, &server.trouble));
        let mut alike: Vec<(&String, Vec<&HostName>)> = Vec::new();
        for (host, trouble) in balancers.chain(servers) {
            let Some(trouble) = trouble else { continue };
            match alike.iter_mut().find(|(other, _)| *other == trouble) {
                Some((_, hosts)) if hosts.contains(&host) => {}
                Some((_, hosts)) => hosts.push(host),
                None => alike.push((trouble, vec![host])),
            }
        }
        let line = |(trouble, hosts): (&String, Vec<&HostName>)| {
            format!("{} {}: {}", paint.yellow("!"), host_list(&hosts), one_line(trouble))
        };
        let mut lines: Vec<String> = alike.into_iter().map(line).collect();
        if !lines.is_empty() {
            lines.insert(0, String::new());
        }
        lines
    }
}

fn balancer_rows(balancers: &[LoadBalancer], paint: Paint) -> Vec<Vec<String>> {
    let mut rows = vec![["LOAD BALANCER", "CONFIGURED", "SERVED"].map(str::to_owned).to_vec()];
    for balancer in balancers {
        if !balancer.asked {
            let unknown = paint.yellow("unknown");
            rows.push(vec![balancer.host.to_string(), unknown.clone(), unknown]);
            continue;
        }
        let differ = balancer.configured.is_some() && balancer.configured != balancer.served;
        let mark = if differ { paint.red(" (differs)") } else { String::new() };
        let served = paint.color_or_none(balancer.served) + &mark;
        rows.push(vec![balancer.host.to_string(), paint.color_or_none(balancer.configured), served]);
    }
    rows
}

fn server_rows(servers: &[AppServer], live: Option<Color>, paint: Paint) -> Vec<Vec<String>> {
    let mut groups: Vec<(&AppServer, Vec<&HostName>)> = Vec::new();
    for server in servers {
        let same = |other: &AppServer| other.blue == server.blue && other.green == server.green;
        match groups.iter_mut().find(|(other, _)| same(other)) {
            Some((_, hosts)) => hosts.push(&server.host),
            None => groups.push((server, vec![&server.host])),
        }
    }
    let mut rows = vec![["APP SERVER", "COLOR", "STATE", "HEALTH", "IMAGES"].map(str::to_owned).to_vec()];
    for (server, hosts) in groups {
        let mut name = host_list(&hosts);
        for color in Color::BOTH {
            let mark = if live == Some(color) { " (live)" } else { "" };
            let mut row = vec![std::mem::take(&mut name), paint.color(color) + mark];
            row.extend(side(server.side(color), live == Some(color), paint));
            rows.push(row);
        }
    }
    rows
}

fn side(side: &Side, live: bool, paint: Paint) -> [String; 3] {
    let state = match side.state {
        State::Running => paint.green("running"),
        State::Partial => paint.red("partly running"),
        State::Stopped if live => paint.red("stopped"),
        State::Absent if live => paint.red("absent"),
        State::Stopped => paint.dim("stopped"),
        State::Absent => paint.dim("absent"),
        State::Unknown => paint.yellow("unknown"),
    };
    let health = match side.health {
        Some(Health::Healthy) => paint.green("healthy"),
        Some(Health::Starting) => paint.yellow("starting"),
        Some(Health::Unhealthy) => paint.red("unhealthy"),
        None => paint.dim("-"),
    };
    let images = if side.images.is_empty() { paint.dim("-") } else { one_line(&side.images.join(", ")) };
    [state, health, images]
}

/// Rows in columns; the first row is the head.
fn table(rows: &[Vec<String>], paint: Paint) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max();
    let widths: Vec<usize> = (0..columns).map(|column| wide(column).unwrap_or(0)).collect();
    let line = |(place, row): (usize, &Vec<String>)| {
        let cells =
            row.iter().zip(&widths).map(|(cell, wide)| format!("{cell}{}", " ".repeat(wide - width(cell))));
        let line = cells.collect::<Vec<_>>().join("  ");
        if place == 0 { paint.dim(line.trim_end()) } else { line.trim_end().to_owned() }
    };
    rows.iter().enumerate().map(line).collect()
}

fn width(cell: &str) -> usize {
    console::measure_text_width(cell)
}
