//! Images of a host in memory, and the registry that it knows.

use super::super::{Exec, Output};
use super::world::World;
use super::{refusal, said};

impl World {
    pub(super) fn log_in(&self, password: &[u8]) -> Output {
        match &self.registry_password {
            Some(right) if right.as_bytes() != password => refusal("failed with status: 401 Unauthorized"),
            _ => Output::default(),
        }
    }

    pub(super) fn pull(&mut self, name: &str, exec: &Exec) -> Output {
        if !self.may_pull(exec) {
            return refusal("no basic auth credentials");
        }
        let id = self.image_id(name);
        self.got(name, id)
    }

    pub(super) fn load_image(&mut self, name: &str, ids: &[&str]) -> Output {
        let id = ids.first().copied().unwrap_or_default().to_owned();
        self.got(name, id)
    }

    pub(super) fn build_image(&mut self, name: &str) -> Output {
        let id = self.image_id(name);
        self.got(name, id)
    }

    fn got(&mut self, name: &str, id: String) -> Output {
        let line = format!("image {id}\nnew");
        self.images.insert(name.to_owned(), id);
        said(&line)
    }

    /// Whether the registry lets a script in: it has what a login before it has left to it, or needs nothing.
    pub(super) fn may_pull(&self, exec: &Exec) -> bool {
        let Some(right) = &self.registry_password else { return true };
        let has_it = |text: &str| text.contains(&format!("\"Secret\":\"{right}\""));
        exec.env.iter().any(|(name, text)| name == "BGCTL_LOGINS" && has_it(text))
    }
}
