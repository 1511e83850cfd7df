//! `switch:`.

use std::time::Duration;

use super::{Fields, Reader};
use crate::model::Text;
use crate::model::playbook::{Nginx, Switch};
use crate::model::source::{Node, Problem};

const LATER: [&str; 4] = ["watch", "confirm_timeout", "preview", "command"];
const NGINX_LATER: [&str; 5] = ["file", "upstream", "container", "test", "reload"];

impl Reader<'_> {
    pub(super) fn switch(&self, node: &Node) -> Option<Switch> {
        let known = ["hosts", "become", "become_user", "nginx", "verify", "drain_timeout"];
        let fields = Fields::open(self, node, "`switch`", &known, &LATER)?;
        let hosts = fields.need("hosts").and_then(|node| self.pattern(node));
        let escalation = fields.escalation();
        let nginx = fields.need("nginx").and_then(|node| self.nginx(node));
        let verify = fields.need("verify").and_then(|node| self.verify(node));
        let drain_timeout = fields.duration("drain_timeout");
        Some(Switch {
            hosts: hosts?,
            escalation: escalation?,
            nginx: nginx?,
            verify: verify?,
            drain_timeout: drain_timeout?.unwrap_or(Duration::from_mins(1)),
        })
    }

    fn nginx(&self, node: &Node) -> Option<Nginx> {
        let fields = Fields::open(self, node, "`nginx`", &["template", "dest", "link"], &NGINX_LATER)?;
        if NGINX_LATER.iter().any(|key| fields.get(key).is_some()) {
            return None;
        }
        let template = fields.need("template").and_then(|node| self.template(node, "template"));
        let dest = fields.need_path("dest");
        let link = fields.need_path("link");
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
        Some(Nginx { template, dest, link })
    }
}

fn mentions_color(text: &Text) -> bool {
    text.references().any(|name| name == "color")
}
