//! `preview:` of the switch.

use super::{Fields, Reader};
use crate::model::playbook::preview::network;
use crate::model::playbook::{Driver, Preview};
use crate::model::source::{Node, Problem};

impl Reader<'_> {
    /// `preview:`, which the site's template must make use of: by itself it opens no way.
    pub(super) fn preview(&self, node: &Node, driver: Option<&Driver>) -> Option<Preview> {
        let fields = Fields::open(self, node, "`preview`", &["allow"], &[])?;
        let written = fields.need("allow")?;
        let allow = self.texts(written, "allow")?;
        if allow.is_empty() {
            self.refuse_at(
                &written.location,
                "`allow` names nobody, so nobody could look",
                "name addresses or networks, or remove `preview`",
            );
            return None;
        }
        for text in allow.iter().filter(|text| text.is_literal()) {
            self.keep(
                network(text.raw())
                    .map_err(|(message, help)| Problem::at(text.location(), message).help(help)),
            );
        }
        match driver.map(Driver::template) {
            Some(Some(site)) if !site.references().any(|name| name == "preview") => self.refuse_at(
                &node.location,
                "the site's template makes no use of `preview`, so there would be no way to either color",
                "write {{#if preview}} into it as the shipped site.conf.hbs does, or remove `preview`",
            ),
            Some(None) => self.refuse_at(
                &node.location,
                "`preview` is written by the site's template, and this driver has none",
                "remove `preview`; let the load balancer's own configuration reach each color",
            ),
            _ => {}
        }
        Some(Preview { allow })
    }
}
