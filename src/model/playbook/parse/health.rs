//! `health:` and `verify:`.

use std::sync::Arc;
use std::time::Duration;

use super::value::one_or_many;
use super::{Fields, Reader};
use crate::model::playbook::{Asker, Health, HealthCheck, HttpCheck};
use crate::model::source::{Node, Problem, Yaml};
use crate::model::{Text, certificates};

const KEYS: [&str; 15] = [
    "http",
    "tcp",
    "command",
    "container",
    "status",
    "body",
    "headers",
    "host",
    "ca",
    "validate_certs",
    "retries",
    "delay",
    "timeout",
    "successes",
    "from",
];
const CHECKS: [&str; 4] = ["http", "tcp", "command", "container"];
const OF_HTTP: [&str; 6] = ["status", "body", "headers", "host", "ca", "validate_certs"];
const OF_HTTPS: [&str; 2] = ["ca", "validate_certs"];

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
        let ca = fields.get("ca").map_or(Some(None), |node| self.certificates(node).map(Some));
        let validate_certs = fields.flag("validate_certs");
        let (url, ca, validate_certs) = (url?, ca?, validate_certs?);
        let fine = self.belongs_to_https(&url, fields) & self.is_of_use(validate_certs, fields);
        let (status, body, headers, host) = (status?, body?, headers?, host?);
        fine.then_some(HttpCheck { url, status, body, headers, host, ca, validate_certs })
    }

    /// The certificates in the file that `ca:` names.
    fn certificates(&self, node: &Node) -> Option<Arc<str>> {
        let name = self.literal(node, "ca")?;
        let bytes = self.file_at(node, name)?;
        let found = certificates(&String::from_utf8_lossy(&bytes));
        if found.is_none() {
            self.refuse_at(
                &node.location,
                format!("`{name}` holds no certificate"),
                "give a PEM file with the certificate of the CA: -----BEGIN CERTIFICATE-----",
            );
        }
        found.map(Arc::from)
    }

    fn belongs_to_https(&self, url: &Text, fields: &Fields<'_, '_, '_>) -> bool {
        let plain = url.raw().starts_with("http://");
        for (key, _) in OF_HTTPS.iter().filter_map(|key| fields.keys.entry(key)).filter(|_| plain) {
            let message = format!("`{}` belongs to https, and this check is plain http", key.key_text());
            self.refuse_at(&key.location, message, "remove it, or ask https://…");
        }
        !plain || OF_HTTPS.iter().all(|key| fields.get(key).is_none())
    }

    /// A CA of which nothing is checked is a mistake.
    fn is_of_use(&self, validate_certs: Option<bool>, fields: &Fields<'_, '_, '_>) -> bool {
        let Some((key, _)) = fields.keys.entry("ca").filter(|_| validate_certs == Some(false)) else {
            return true;
        };
        let message = "`ca` says who may sign the certificate, and `validate_certs: false` that nobody looks";
        self.refuse_at(&key.location, message, "remove one of the two");
        false
    }

    fn url(&self, url: &Text) -> bool {
        let raw = url.raw();
        let rest = ["http://", "https://"].iter().find_map(|scheme| raw.strip_prefix(scheme));
        let fine = raw.starts_with("{{") || rest.is_some_and(|rest| !rest.is_empty());
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
