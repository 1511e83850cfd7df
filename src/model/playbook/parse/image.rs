//! `registry_login:` and `image:`.

use super::{Fields, Reader};
use crate::model::playbook::{ImageTask, LoginTask};
use crate::model::source::{Node, Problem};

impl Reader<'_> {
    pub(super) fn registry_login(&self, node: &Node) -> Option<LoginTask> {
        let fields =
            Fields::open(self, node, "`registry_login`", &["registry", "username", "password"], &[])?;
        let registry = fields.text("registry");
        let text = |key: &str| fields.need(key).and_then(|node| self.text(node, key));
        let (username, password) = (text("username"), text("password"));
        Some(LoginTask { registry: registry?, username: username?, password: password? })
    }

    pub(super) fn image(&self, node: &Node) -> Option<ImageTask> {
        let known = ["pull", "load", "build", "name", "dockerfile", "args"];
        let fields = Fields::open(self, node, "`image`", &known, &[])?;
        let (way, value) = fields.need_one("`image`", &["pull", "load", "build"])?;
        let spare: &[&str] = match way {
            "pull" => &["name", "dockerfile", "args"],
            "load" => &["dockerfile", "args"],
            _ => &[],
        };
        let mut whole = true;
        for key in spare.iter().filter_map(|key| fields.keys.entry(key)).map(|(key, _)| key) {
            let name = key.raw().unwrap_or_default();
            let message = format!("`{name}` makes no sense with `{way}`");
            self.refuse(Problem::at(&key.location, message).help("remove it"));
            whole = false;
        }
        let name = |fields: &Fields<'_, '_, '_>| fields.need("name").and_then(|node| self.text(node, "name"));
        let task = match way {
            "pull" => ImageTask::Pull(self.text(value, way)?),
            "load" => {
                let (file, name) = (self.text(value, way), name(&fields));
                ImageTask::Load { file: file?, name: name? }
            }
            _ => {
                let (dir, name) = (self.path(value, way), name(&fields));
                let (dockerfile, args) = (fields.text("dockerfile"), fields.variables("args"));
                ImageTask::Build { dir: dir?, name: name?, dockerfile: dockerfile?, args: args? }
            }
        };
        whole.then_some(task)
    }
}
