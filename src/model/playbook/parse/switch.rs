//! `switch:`.

use std::time::Duration;

use super::{Fields, Reader};
use crate::model::Text;
use crate::model::playbook::{Nginx, Switch, WatchWords};
use crate::model::source::{Node, Problem};

const LATER: [&str; 2] = ["preview", "command"];
/// The shortest time in which a switch can be confirmed.
const SHORTEST: Duration = Duration::from_secs(2);
const NGINX_LATER: [&str; 2] = ["file", "upstream"];
const NGINX: [&str; 8] = ["template", "dest", "link", "container", "binary", "config", "test", "reload"];

impl Reader<'_> {
    pub(super) fn switch(&self, node: &Node) -> Option<Switch> {
        let known = [
            "hosts",
            "become",
            "become_user",
            "nginx",
            "verify",
            "drain_timeout",
            "confirm_timeout",
            "watch",
        ];
        let fields = Fields::open(self, node, "`switch`", &known, &LATER)?;
        let hosts = fields.need("hosts").and_then(|node| self.pattern(node));
        let escalation = fields.escalation();
        let nginx = fields.need("nginx").and_then(|node| self.nginx(node));
        let verify = fields.need("verify").and_then(|node| self.verify(node));
        let drain_timeout = fields.duration("drain_timeout");
        let watch = fields.get("watch").map_or(Some(None), |node| self.watch(node).map(Some));
        let confirm_timeout =
            fields.duration("confirm_timeout").filter(|time| self.is_time_enough(*time, &fields));
        Some(Switch {
            hosts: hosts?,
            escalation: escalation?,
            nginx: nginx?,
            verify: verify?,
            watch: watch?,
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

    fn nginx(&self, node: &Node) -> Option<Nginx> {
        let fields = Fields::open(self, node, "`nginx`", &NGINX, &NGINX_LATER)?;
        if NGINX_LATER.iter().any(|key| fields.get(key).is_some()) {
            return None;
        }
        let template = fields.need("template").and_then(|node| self.template(node, "template"));
        let dest = fields.need_path("dest");
        let link = fields.need_path("link");
        let (container, binary, config) =
            (fields.text("container"), fields.text("binary"), fields.path("config"));
        let (test, reload) = (fields.text("test"), fields.text("reload"));
        let (template, dest, link) = (template?, dest?, link?);
        if !mentions_color(&dest) {
            self.refuse(
                Problem::at(
                    dest.location(),
                    "`dest` is one file for each color, and this is the same for both",
                )
                .help("put {{ color }} into its name"),
            );
        }
        if mentions_color(&link) {
            self.refuse(
                Problem::at(link.location(), "`link` is one symlink for both colors, and this differs")
                    .help("take {{ color }} out of its name"),
            );
        }
        let (container, binary, config, test, reload) = (container?, binary?, config?, test?, reload?);
        Some(Nginx { template, dest, link, container, binary, config, test, reload })
    }
}

fn mentions_color(text: &Text) -> bool {
    text.references().any(|name| name == "color")
}
