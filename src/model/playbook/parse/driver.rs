//! The drivers of the switch: `nginx:` in its three forms, and `command:`.

use super::{Fields, Reader};
use crate::model::Text;
use crate::model::playbook::{CommandDriver, Nginx, NginxSite};
use crate::model::source::{Node, Problem};

const SETUP: [&str; 5] = ["container", "binary", "config", "test", "reload"];
const LINK: [&str; 3] = ["template", "dest", "link"];
const FILE: [&str; 2] = ["template", "file"];
const UPSTREAM: [&str; 3] = ["file", "upstream", "servers_from"];

impl Reader<'_> {
    pub(super) fn nginx(&self, node: &Node) -> Option<Nginx> {
        let known: Vec<&str> =
            SETUP.into_iter().chain(LINK).chain(["file", "upstream", "servers_from"]).collect();
        let fields = Fields::open(self, node, "`nginx`", &known, &[])?;
        let site = self.nginx_site(node, &fields);
        let (container, binary, config) =
            (fields.text("container"), fields.text("binary"), fields.path("config"));
        let (test, reload) = (fields.text("test"), fields.text("reload"));
        Some(Nginx {
            site: site?,
            container: container?,
            binary: binary?,
            config: config?,
            test: test?,
            reload: reload?,
        })
    }

    /// What of nginx's configuration changes: the keys tell which of the three forms is meant.
    fn nginx_site(&self, node: &Node, fields: &Fields<'_, '_, '_>) -> Option<NginxSite> {
        let has = |key| fields.get(key).is_some();
        if has("upstream") || has("servers_from") {
            self.refuse_others(fields, "`upstream`", &UPSTREAM)?;
            return self.upstream(fields);
        }
        if has("file") {
            self.refuse_others(fields, "`file`", &FILE)?;
            return self.whole_file(fields);
        }
        if has("link") || has("dest") {
            return self.link(fields);
        }
        self.refuse_at(
            &node.location,
            "`nginx` does not say what is switched",
            "give it `template`, `dest` and `link` (a symlink), `template` and `file` (one file), or `file` and `upstream` (one block of a file)",
        );
        None
    }

    /// Keys of another form make it unclear which one is meant.
    fn refuse_others(&self, fields: &Fields<'_, '_, '_>, what: &str, own: &[&str]) -> Option<()> {
        let others = LINK.iter().chain(&UPSTREAM).filter(|key| !own.contains(key));
        let strange: Vec<_> = others.filter_map(|key| fields.keys.entry(key)).collect();
        for (key, _) in &strange {
            let message = format!("`{}` does not go with {what}", key.key_text());
            self.refuse(
                Problem::at(&key.location, message).help(format!("with {what} go: {}", own.join(", "))),
            );
        }
        strange.is_empty().then_some(())
    }

    fn link(&self, fields: &Fields<'_, '_, '_>) -> Option<NginxSite> {
        let template = fields.need("template").and_then(|node| self.template(node, "template"));
        let (dest, link) = (fields.need_path("dest"), fields.need_path("link"));
        let (template, dest, link) = (template?, dest?, link?);
        if !mentions_color(&dest) {
            let message = "`dest` is one file for each color, and this is the same for both";
            self.refuse_at(dest.location(), message, "put {{ color }} into its name");
        }
        self.refuse_color(&link, "`link` is one symlink for both colors, and this differs");
        Some(NginxSite::Link { template, dest, link })
    }

    fn whole_file(&self, fields: &Fields<'_, '_, '_>) -> Option<NginxSite> {
        let template = fields.need("template").and_then(|node| self.template(node, "template"));
        let (template, file) = (template?, fields.need_path("file")?);
        self.refuse_color(&file, "`file` is one file for both colors, and this differs");
        Some(NginxSite::File { template, file })
    }

    fn upstream(&self, fields: &Fields<'_, '_, '_>) -> Option<NginxSite> {
        let file = fields.need_path("file");
        let upstream = fields.need("upstream").and_then(|node| self.text(node, "upstream"));
        let servers_from = fields.text("servers_from");
        let (file, upstream, servers_from) = (file?, upstream?, servers_from?);
        self.refuse_color(&file, "`file` is one file for both colors, and this differs");
        self.refuse_color(&upstream, "`upstream` is the block that traffic goes through, and this differs");
        if let Some(from) = servers_from.as_ref().filter(|from| !tells_colors_apart(from)) {
            let message = "`servers_from` is one block for each color, and this is the same for both";
            self.refuse_at(from.location(), message, "put {{ color }} into its name");
        }
        Some(NginxSite::Upstream { file, upstream, servers_from })
    }

    fn refuse_color(&self, text: &Text, message: &str) {
        if mentions_color(text) {
            self.refuse_at(text.location(), message, "take {{ color }} out of its name");
        }
    }

    pub(super) fn switch_commands(&self, node: &Node) -> Option<CommandDriver> {
        let fields = Fields::open(self, node, "`command`", &["detect", "set", "drained"], &[])?;
        let detect = fields.need("detect").and_then(|node| self.words(node, "detect"));
        let set = fields.need("set").and_then(|node| self.words(node, "set"));
        let drained = fields.get("drained").map_or(Some(None), |node| self.words(node, "drained").map(Some));
        let (detect, set, drained) = (detect?, set?, drained?);
        if !set.texts().any(tells_colors_apart) {
            let message = "`set` makes a color live, and this is the same for both";
            self.refuse_at(&fields.need("set")?.location, message, "say which one by {{ color }}");
        }
        if detect.texts().any(mentions_color) {
            let message = "`detect` prints the color that is live, and this knows it beforehand";
            self.refuse_at(&fields.need("detect")?.location, message, "ask for it without {{ color }}");
        }
        Some(CommandDriver { detect, set, drained })
    }
}

fn mentions_color(text: &Text) -> bool {
    text.references().any(|name| name == "color")
}

/// A color's own values differ as well as its name does.
fn tells_colors_apart(text: &Text) -> bool {
    text.references().any(|name| name != "app")
}
