//! `health:` and `verify:`.

use std::time::Duration;

use super::value::one_or_many;
use super::{Fields, Reader};
use crate::model::Text;
use crate::model::playbook::{Asker, Health, HealthCheck, HttpCheck};
use crate::model::source::{Node, Problem, Yaml};

const KEYS: [&str; 13] = [
    "http",
    "tcp",
    "command",
    "container",
    "status",
    "body",
    "headers",
    "host",
    "retries",
    "delay",
    "timeout",
    "successes",
    "from",
];
const CHECKS: [&str; 4] = ["http", "tcp", "command", "container"];
const OF_HTTP: [&str; 4] = ["status", "body", "headers", "host"];

/// What is true where the file is silent.
struct Defaults {
    delay: Duration,
    successes: u32,
}

impl Reader<'_> {
    pub(super) fn health(&self, node: &Node) -> Option<Health> {
        self.probe(node, "`health`", &Defaults { delay: Duration::from_secs(1), successes: 1 })
    }

    pub(super) fn verify(&self, node: &Node) -> Option<Health> {
        let health =
            self.probe(node, "`verify`", &Defaults { delay: Duration::from_millis(200), successes: 5 })?;
        if !tells_colors_apart(&health.check) {
            self.refuse_at(
                &node.location,
                "`verify` has to see which color is served, and this check is the same for both",
                "let the site send the color and ask for it: `headers: { X-Color: \"{{ color }}\" }`",
            );
            return None;
        }
        Some(health)
    }

    fn probe(&self, node: &Node, what: &str, defaults: &Defaults) -> Option<Health> {
        let fields = Fields::open(self, node, what, &KEYS, &[])?;
        let check = fields.need_one(what, &CHECKS).and_then(|(name, value)| self.check(name, value, &fields));
        let from = self.from(&fields, what);
        let retries = fields.number("retries", 0);
        let (delay, timeout) = (fields.duration("delay"), fields.duration("timeout"));
        let successes = fields.number("successes", 1);
        Some(Health {
            check: check?,
            retries: retries?.unwrap_or(30),
            delay: delay?.unwrap_or(defaults.delay),
            timeout: timeout?.unwrap_or(Duration::from_secs(5)),
            successes: successes?.unwrap_or(defaults.successes),
            from: from?,
        })
    }

    /// `from:`, where the check can be asked from elsewhere at all.
    fn from(&self, fields: &Fields<'_, '_, '_>, what: &str) -> Option<Asker> {
        let Some((key, _)) = fields.keys.entry("from") else { return Some(Asker::Itself) };
        let refuse = |message: String, help: &str| {
            self.refuse(Problem::at(&key.location, message).help(help));
            None
        };
        if what == "`verify`" {
            return refuse("`verify` is always asked on the load balancers".to_owned(), "remove `from`");
        }
        for name in ["command", "container"] {
            if fields.get(name).is_some() {
                let message = format!("`{name}` is asked on the host itself, not from load balancers");
                return refuse(message, "remove `from`, or ask with `http` or `tcp`");
            }
        }
        Some(fields.word("from", &[("load_balancers", Asker::LoadBalancers)])?.unwrap_or_default())
    }

    fn check(&self, name: &str, value: &Node, fields: &Fields<'_, '_, '_>) -> Option<HealthCheck> {
        if name == "http" {
            return self.http(value, fields).map(HealthCheck::Http);
        }
        for key in OF_HTTP {
            if let Some((key, _)) = fields.keys.entry(key) {
                let message = format!("`{}` belongs to `http`, and this check is `{name}`", key.key_text());
                self.refuse(Problem::at(&key.location, message).help("remove it"));
            }
        }
        match name {
            "tcp" => self.tcp(value).map(HealthCheck::Tcp),
            "command" => self.words(value, "command").map(HealthCheck::Command),
            _ => self.container(value).map(HealthCheck::Container),
        }
    }

    fn http(&self, value: &Node, fields: &Fields<'_, '_, '_>) -> Option<HttpCheck> {
        let url = self.text(value, "http").filter(|url| self.url(url));
        let status = fields.get("status").map_or(Some(Vec::new()), |node| self.statuses(node));
        let (body, headers, host) = (fields.text("body"), fields.pairs("headers"), fields.text("host"));
        Some(HttpCheck { url: url?, status: status?, body: body?, headers: headers?, host: host? })
    }

    fn url(&self, url: &Text) -> bool {
        let raw = url.raw();
        if raw.starts_with("https://") {
            let help = "probe the port that speaks http";
            self.refuse_at(url.location(), "https is not available in this version", help);
            return false;
        }
        let fine = raw.starts_with("{{") || raw.strip_prefix("http://").is_some_and(|rest| !rest.is_empty());
        if !fine {
            self.refuse_at(url.location(), "`http` is a URL", "write http://127.0.0.1:{{ port }}/health");
        }
        fine
    }

    fn statuses(&self, node: &Node) -> Option<Vec<u16>> {
        let codes: Vec<_> = one_or_many(node)
            .iter()
            .map(|node| {
                let code =
                    node.raw().and_then(|raw| raw.parse().ok()).filter(|code| (100..600).contains(code));
                self.keep(
                    code.ok_or_else(|| Problem::at(&node.location, "a status is a number from 100 to 599")),
                )
            })
            .collect();
        codes.into_iter().collect()
    }

    fn tcp(&self, node: &Node) -> Option<Text> {
        let text = self.text(node, "tcp")?;
        if text.is_literal() && !text.raw().contains(':') {
            self.refuse_at(&node.location, "`tcp` is a host and a port", "write 127.0.0.1:{{ port }}");
            return None;
        }
        Some(text)
    }

    /// `true` for all that have a health check, else names of services.
    fn container(&self, node: &Node) -> Option<Vec<Text>> {
        match node.value {
            Yaml::Bool(true) => Some(Vec::new()),
            Yaml::String(_) | Yaml::Seq(_) => self.texts(node, "container"),
            _ => {
                self.refuse(Problem::at(
                    &node.location,
                    "`container` is true, a service or a list of services",
                ));
                None
            }
        }
    }
}

fn tells_colors_apart(check: &HealthCheck) -> bool {
    let texts: Vec<&Text> = match check {
        HealthCheck::Http(http) => http
            .headers
            .iter()
            .map(|(_, text)| text)
            .chain([&http.url])
            .chain(&http.body)
            .chain(&http.host)
            .collect(),
        // Planning asks what is served, and a command might change something.
        HealthCheck::Command(_) | HealthCheck::Tcp(_) | HealthCheck::Container(_) => return false,
    };
    texts.iter().flat_map(|text| text.references()).any(|name| name != "app")
}
