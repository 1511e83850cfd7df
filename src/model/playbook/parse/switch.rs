//! `switch:`.

use std::time::Duration;

use super::{Fields, Reader};
use crate::model::playbook::{Driver, Switch, WatchWords};
use crate::model::source::Node;

/// The shortest time in which a switch can be confirmed.
const SHORTEST: Duration = Duration::from_secs(2);

impl Reader<'_> {
    pub(super) fn switch(&self, node: &Node) -> Option<Switch> {
        let known = [
            "hosts",
            "become",
            "become_user",
            "nginx",
            "command",
            "verify",
            "drain_timeout",
            "confirm_timeout",
            "watch",
            "preview",
        ];
        let fields = Fields::open(self, node, "`switch`", &known, &[])?;
        let hosts = fields.need("hosts").and_then(|node| Some((self.pattern(node)?, node.location.clone())));
        let escalation = fields.escalation();
        let driver = fields.need_one("`switch`", &["nginx", "command"]).and_then(|(name, node)| match name {
            "nginx" => self.nginx(node).map(Box::new).map(Driver::Nginx),
            _ => self.switch_commands(node).map(Driver::Command),
        });
        let verify = fields.need("verify").and_then(|node| self.verify(node));
        let drain_timeout = fields.duration("drain_timeout");
        let watch = fields.get("watch").map_or(Some(None), |node| self.watch(node).map(Some));
        let preview =
            fields.get("preview").map_or(Some(None), |node| self.preview(node, driver.as_ref()).map(Some));
        let confirm_timeout =
            fields.duration("confirm_timeout").filter(|time| self.is_time_enough(*time, &fields));
        let (hosts, hosts_at) = hosts?;
        Some(Switch {
            hosts,
            hosts_at,
            escalation: escalation?,
            driver: driver?,
            verify: verify?,
            watch: watch?,
            preview: preview?,
            confirm_timeout: confirm_timeout?.unwrap_or(Duration::from_secs(30)),
            drain_timeout: drain_timeout?.unwrap_or(Duration::from_mins(1)),
        })
    }

    fn watch(&self, node: &Node) -> Option<WatchWords> {
        let fields = Fields::open(self, node, "`watch`", &["for", "max_error_percentage", "log"], &[])?;
        let window = fields.need("for").and_then(|node| self.duration(node, "for"));
        let most = fields
            .get("max_error_percentage")
            .map_or(Some(1.0), |node| self.percentage(node, "max_error_percentage"));
        let log = fields.path("log");
        Some(WatchWords { window: window?, max_error_percentage: most?, log: log? })
    }

    /// A switch has to be swapped and verified on every load balancer within that time.
    fn is_time_enough(&self, time: Option<Duration>, fields: &Fields<'_, '_, '_>) -> bool {
        let enough = time.is_none_or(|time| time >= SHORTEST);
        if let (false, Some(node)) = (enough, fields.get("confirm_timeout")) {
            self.refuse_at(
                &node.location,
                "`confirm_timeout` is too short to swap, to verify and to confirm",
                "give it 2s at the least; 30s is usual",
            );
        }
        enough
    }
}
