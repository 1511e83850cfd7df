//! What a task does.

use std::time::Duration;

use super::{Fields, Reader};
use crate::model::Pull;
use crate::model::playbook::{ComposeTask, Content, Module, Old, Place, Recreate, Retire};
use crate::model::source::Node;

pub(super) const MODULES: [&str; 9] =
    ["template", "copy", "command", "registry_login", "image", "compose", "health", "pause", "retire"];

impl Reader<'_> {
    pub(super) fn module(&self, name: &str, node: &Node) -> Option<Module> {
        match name {
            "template" => self.template_task(node),
            "copy" => self.copy(node),
            "command" => self.command(node).map(Module::Command),
            "registry_login" => self.registry_login(node).map(Module::RegistryLogin),
            "image" => self.image(node).map(Module::Image),
            "compose" => self.compose(node).map(Module::Compose),
            "health" => self.health(node).map(Module::Health),
            "pause" => self.pause(node).map(Module::Pause),
            _ => self.retire(node).map(Module::Retire),
        }
    }

    fn template_task(&self, node: &Node) -> Option<Module> {
        let known = ["src", "dest", "mode", "owner", "group", "validate"];
        let fields = Fields::open(self, node, "`template`", &known, &[])?;
        let src = fields.need("src").and_then(|node| self.template(node, "src"));
        let place = fields.place();
        Some(Module::Template { src: src?, place: place? })
    }

    fn copy(&self, node: &Node) -> Option<Module> {
        let known = ["src", "content", "dest", "mode", "owner", "group", "validate"];
        let fields = Fields::open(self, node, "`copy`", &known, &[])?;
        let content = fields.need_one("`copy`", &["src", "content"]).and_then(|(name, node)| match name {
            "src" => self.file(node).map(Content::File),
            _ => self.text(node, "content").map(Content::Inline),
        });
        let place = fields.place();
        Some(Module::Copy { content: content?, place: place? })
    }

    fn compose(&self, node: &Node) -> Option<ComposeTask> {
        let known = ["dir", "services", "recreate", "pull", "build", "env_file"];
        let fields = Fields::open(self, node, "`compose`", &known, &[])?;
        let recreates = [("always", Recreate::Always), ("changed", Recreate::Changed)];
        let pulls = [("always", Pull::Always), ("missing", Pull::Missing), ("never", Pull::Never)];
        let dir = fields.need_path("dir");
        let services = fields.texts("services");
        let recreate = fields.word("recreate", &recreates);
        let pull = fields.word("pull", &pulls);
        let build = fields.flag("build");
        let env_file = fields.text("env_file");
        Some(ComposeTask {
            dir: dir?,
            services: services?,
            recreate: recreate?.unwrap_or(Recreate::Always),
            pull: pull?.unwrap_or(Pull::Missing),
            build: build?.unwrap_or(false),
            env_file: env_file?,
        })
    }

    fn pause(&self, node: &Node) -> Option<Duration> {
        let fields = Fields::open(self, node, "`pause`", &["for"], &["until"])?;
        fields.need("for").and_then(|node| self.duration(node, "for"))
    }

    fn retire(&self, node: &Node) -> Option<Retire> {
        let fields = Fields::open(self, node, "`retire`", &["old", "after"], &[])?;
        let old = fields.need("old");
        let after = fields.duration("after");
        let words =
            [("keep", Old::Keep), ("stop", Old::Stop), ("remove", Old::Remove), ("refresh", Old::Refresh)];
        let old = self.word(old?, "old", &words);
        Some(Retire { old: old?, after: after? })
    }
}

impl Fields<'_, '_, '_> {
    fn place(&self) -> Option<Place> {
        let dest = self.need_path("dest");
        let mode = self.get("mode").map_or(Some(None), |node| self.reader.mode(node).map(Some));
        let (owner, group, validate) = (self.text("owner"), self.text("group"), self.text("validate"));
        if let (Some(Some(validate)), Some(node)) = (&validate, self.get("validate"))
            && !validate.raw().contains("%s")
        {
            self.reader.refuse_at(
                &node.location,
                "`validate` does not say where the file is",
                "write `%s` where the temporary file's name belongs: nginx -t -c %s",
            );
        }
        Some(Place { dest: dest?, mode: mode?, owner: owner?, group: group?, validate: validate? })
    }
}
