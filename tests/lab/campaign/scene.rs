//! The stage on which things break, and what must be true when the dust has settled.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::traffic::{Aside, Flow, Traffic};
use crate::harness::{Lab, Served};

/// Healthy releases.
const VERSIONS: [&str; 7] = ["0.0.1", "0.0.2", "0.0.4", "0.0.5", "0.0.6", "0.0.7", "0.0.8"];

/// Scenarios that were played, and the lab for the next ones.
pub(super) struct Campaign {
    pub(super) lab: Lab,
    pub(super) chance: Chance,
    only: Option<String>,
    deploys: usize,
    rows: Vec<Row>,
    began: Instant,
}

/// One scenario in the table.
#[derive(Clone)]
struct Row {
    name: String,
    times: usize,
    flow: Flow,
    took: Duration,
    notes: Vec<String>,
    failed: Option<String>,
}

/// A scenario under way.
pub(super) struct Scene<'a> {
    pub(super) lab: &'a Lab,
    /// What it is called in the table.
    pub(super) name: String,
    pub(super) chance: &'a mut Chance,
    deploys: &'a mut usize,
    pub(super) asides: Vec<Aside>,
    pub(super) notes: Vec<String>,
}

/// Numbers that a seed brings back.
pub(super) struct Chance(u64);

impl Chance {
    /// A number below this one.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

impl Campaign {
    /// Two load balancers, two app servers; both colors were deployed once.
    #[expect(clippy::disallowed_macros, reason = "a campaign that failed is played again with its seed")]
    pub(super) fn begin() -> Self {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let seed =
            std::env::var("BGCTL_CAMPAIGN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(clock);
        println!("campaign: BGCTL_CAMPAIGN_SEED={seed}");
        let only = std::env::var("BGCTL_CAMPAIGN_ONLY").ok();
        let (lab, chance) = (Lab::with_two_load_balancers(), Chance(seed.max(1)));
        let campaign = Self { lab, chance, only, deploys: 0, rows: Vec::new(), began: Instant::now() };
        campaign.furnish();
        campaign
    }

    /// What the scenarios start from. nginx asks another app server when one is dead, as an operator has it who
    /// expects that; the old color is stopped, so that there is something to settle.
    fn furnish(&self) {
        self.lab.edit("playbook.yml", "retire: { old: keep }", "retire: { old: stop }");
        self.lab.edit(
            "templates/site.conf.hbs",
            "proxy_next_upstream error timeout;",
            "proxy_next_upstream error timeout;\n        proxy_connect_timeout 1s;\n        proxy_read_timeout 8s;",
        );
        for version in &VERSIONS[..2] {
            self.lab.deploy(version).exits(0);
        }
    }

    /// Plays a scenario, under load.
    #[expect(clippy::disallowed_macros, reason = "who waits for half an hour wants to see how far it is")]
    pub(super) fn play(&mut self, name: &str, scenario: impl Fn(&mut Scene<'_>)) {
        if self.only.as_ref().is_some_and(|only| !only.split(',').any(|part| name.contains(part))) {
            return;
        }
        let began = Instant::now();
        let traffic = Traffic::begin(&self.lab);
        let (asides, notes) = (Vec::new(), Vec::new());
        let (lab, chance, deploys) = (&self.lab, &mut self.chance, &mut self.deploys);
        let mut scene = Scene { lab, name: name.to_owned(), chance, deploys, asides, notes };
        let played = catch_unwind(AssertUnwindSafe(|| scenario(&mut scene)));
        let Scene { name, asides, notes, .. } = scene;
        let flow = traffic.end(&asides);
        let mut failed = played.err().map(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or(panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
        });
        if let (None, Some(why)) = (&failed, flow.failures.first()) {
            failed = Some(format!("{} requests failed, the first: {why}", flow.failures.len()));
        }
        let row = Row { name, times: 1, flow, took: began.elapsed(), notes, failed };
        println!("{}", row.line());
        if let Some(why) = &row.failed {
            println!("{why}\n");
            self.lab.rebuild();
            self.furnish();
        }
        self.rows.push(row);
    }

    /// The table; every scenario must have ended well.
    #[expect(clippy::disallowed_macros, reason = "the table is the result")]
    pub(super) fn end(self) {
        let mut table: Vec<Row> = Vec::new();
        for row in &self.rows {
            match table.iter_mut().find(|other| other.name == row.name) {
                Some(other) => other.add(row),
                None => table.push(row.clone()),
            }
        }
        let lines: Vec<String> = table.iter().map(Row::line).collect();
        println!(
            "\n| scenario | times | requests | failed | set aside | s | notes |\n|---|---|---|---|---|---|---|\n{}",
            lines.join("\n")
        );
        let sum = |of: fn(&Row) -> usize| self.rows.iter().map(of).sum::<usize>();
        println!(
            "{} faults, {} requests, {} failed, in {} s",
            sum(|row| row.times),
            sum(|row| row.flow.requests),
            sum(|row| row.flow.failures.len()),
            self.began.elapsed().as_secs()
        );
        let failed: Vec<&String> =
            self.rows.iter().filter(|row| row.failed.is_some()).map(|row| &row.name).collect();
        assert!(failed.is_empty(), "these did not end well: {failed:?}");
        assert!(
            !self.rows.is_empty() && sum(|row| row.flow.requests) > 100,
            "too little load to prove anything"
        );
    }
}

impl Row {
    /// The same once more.
    fn add(&mut self, other: &Self) {
        self.times += other.times;
        self.flow.requests += other.flow.requests;
        self.flow.aside += other.flow.aside;
        self.flow.failures.extend_from_slice(&other.flow.failures);
        self.took += other.took;
        self.notes.extend_from_slice(&other.notes);
        self.failed = self.failed.take().or_else(|| other.failed.clone());
    }

    fn line(&self) -> String {
        let Self { name, times, flow, took, notes, failed } = self;
        let (requests, broken, aside) = (flow.requests, flow.failures.len(), flow.aside);
        let verdict = if failed.is_some() { "FAILED; " } else { "" };
        let notes = notes.join(", ");
        format!(
            "| {name} | {times} | {requests} | {broken} | {aside} | {} | {verdict}{notes} |",
            took.as_secs()
        )
    }
}

/// What must be as it was after an abort.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct World {
    /// The live color's containers, everything in the app's folders, sites and links: a text for each host.
    kept: Vec<String>,
    /// The idle color's containers, which may be gone afterwards.
    idle: Vec<String>,
    pub(super) live: Served,
}

impl Scene<'_> {
    /// A release that nobody runs.
    pub(super) fn next_version(&mut self) -> &'static str {
        let used: Vec<String> = ["blue", "green"].iter().flat_map(|color| self.images(color)).collect();
        loop {
            *self.deploys += 1;
            let version = VERSIONS[*self.deploys % VERSIONS.len()];
            if !used.iter().any(|image| image.ends_with(version)) {
                return version;
            }
        }
    }

    fn images(&self, color: &str) -> Vec<String> {
        let servers = self.lab.servers();
        servers
            .iter()
            .flat_map(|host| self.lab.containers(host, color))
            .map(|container| container.image)
            .collect()
    }

    /// Everything that is to be as it was after an abort.
    pub(super) fn world(&self) -> World {
        let live = self.lab.served();
        let other = if live.color() == "blue" { "green" } else { "blue" };
        let list = |color: &str| {
            format!(
                "docker ps -a --no-trunc --filter label=com.docker.compose.project=my-server-{color} \
                 --format '{{{{.ID}}}} {{{{.Image}}}} {{{{.State}}}}' | sort"
            )
        };
        let app = format!(
            "{}; find /srv -exec stat -c '%n %a %U %F' {{}} + | sort
             find /srv -type f -exec sha256sum {{}} + | sort",
            list(live.color())
        );
        let balancer = "readlink /etc/nginx/sites-enabled/*; cd /etc/nginx/sites-available && sha256sum *";
        let of = |host: &&str| self.lab.on(host, if host.starts_with("lb") { balancer } else { &app });
        let kept = self.lab.hosts().iter().map(of).collect();
        let ids = |host: &&str| self.lab.containers(host, other).into_iter().map(|container| container.id);
        let idle = self.lab.servers().iter().flat_map(ids).collect();
        World { kept, idle, live }
    }

    /// Waits until all load balancers serve the same.
    #[track_caller]
    pub(super) fn agreement(&self, patience: Duration) -> Served {
        let began = Instant::now();
        loop {
            let served: Vec<Option<Served>> =
                self.lab.balancers().iter().map(|balancer| self.lab.glimpse(balancer)).collect();
            match served.as_slice() {
                [Some(first), rest @ ..] if rest.iter().all(|other| other.as_ref() == Some(first)) => {
                    return first.clone();
                }
                _ => assert!(began.elapsed() < patience, "the load balancers do not agree: {served:?}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// All load balancers serve this, nobody holds a lock, and the status says so.
    #[track_caller]
    pub(super) fn settled(&self, live: &Served) {
        for balancer in self.lab.balancers() {
            assert_eq!(self.lab.served_by(balancer), *live, "{balancer}");
        }
        let status = self.lab.elsewhere(&["status", "--output", "json"]).exits(0).json();
        assert_eq!(status["live"], live.color(), "{status:#}");
        assert!(status["lock"].is_null(), "{status:#}");
        assert_eq!(status["last_run"]["unfinished"], false, "{status:#}");
        for balancer in self.lab.balancers() {
            self.lab.on(
                balancer,
                "! pgrep -f 'bgctl-dead-ma[n]' && ! ls /var/lib/bgctl/my-server/armed 2>/dev/null",
            );
        }
    }

    /// What an abort must come to.
    #[track_caller]
    pub(super) fn as_before(&self, before: &World) {
        self.settled(&before.live);
        // Containers whose host was down are started again by its Docker, in its own time.
        let began = Instant::now();
        let mut after = self.world();
        while after.kept != before.kept && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(200));
            after = self.world();
        }
        for (was, is) in before.kept.iter().zip(&after.kept) {
            assert_eq!(is, was, "a host is not as before");
        }
        let new: Vec<&String> = after.idle.iter().filter(|id| !before.idle.contains(id)).collect();
        assert!(new.is_empty(), "containers of the release that was aborted are left: {new:?}");
    }

    /// What a resume must come to: all that an undisturbed run comes to, so that another one finds nothing to do.
    #[track_caller]
    pub(super) fn as_deployed(&self, version: &str, before: &World) {
        let target = if before.live.color() == "blue" { "green" } else { "blue" };
        self.settled(&Served::new(version, target));
        for host in self.lab.servers() {
            assert_eq!(
                self.lab.running(host, target).as_deref(),
                Some(&*format!("my-server:{version}")),
                "{host}"
            );
            assert_eq!(
                self.lab.running(host, before.live.color()),
                None,
                "{host}: the old color is to be stopped"
            );
        }
        self.lab
            .elsewhere(&["apply", "-y", "-e", &format!("version={version}")])
            .exits(0)
            .says("No changes.");
    }

    /// What a run that failed must come to: by itself, or by an abort where it could not.
    #[track_caller]
    pub(super) fn taken_back(&mut self, before: &World) {
        self.agreement(Duration::from_secs(30));
        self.mended(before);
    }

    /// The same where load balancers may disagree until somebody takes the run back.
    #[track_caller]
    pub(super) fn mended(&mut self, before: &World) {
        let status = self.lab.elsewhere(&["status", "--output", "json"]).json();
        if status["last_run"]["unfinished"] == true {
            self.notes.push("then abort".to_owned());
            return self.abort(before);
        }
        self.as_before(before);
    }

    /// A load balancer that the test had stopped then, and that is up again.
    pub(super) fn set_aside(&mut self, balancer: &str, from: Instant) {
        // Connections that the clients kept are found dead a moment later.
        let to = Instant::now() + Duration::from_millis(500);
        self.asides.push(Aside { balancer: balancer.to_owned(), from, to });
    }

    /// Ends what a run has left unfinished, from another machine, and looks at what came of it.
    #[track_caller]
    pub(super) fn abort(&self, before: &World) {
        self.lab.elsewhere(&["abort", "-y"]).exits(0);
        self.as_before(before);
    }
}
