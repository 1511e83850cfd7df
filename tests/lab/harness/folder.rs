//! The folder of the person who deploys: an inventory, a playbook, templates, and their home.

use std::path::{Path, PathBuf};

use super::Lab;
use super::lab::run_docker;

const SHIPPED: &str = env!("CARGO_MANIFEST_DIR");
/// A release that never becomes healthy is given up after this much rather than after half a minute.
const QUICK: &str = "retries: 4, delay: 300ms";

impl Lab {
    /// The shipped playbook, made quick, with its templates, and an inventory of this lab.
    pub(super) fn fill_folder(&self) {
        for name in ["templates/compose.yml.hbs", "templates/site.conf.hbs"] {
            self.write(name, &read(&Path::new(SHIPPED).join(name)));
        }
        self.write("playbook.yml", &read(&Path::new(SHIPPED).join("playbooks/blue-green.yml")));
        for patient in ["retries: 30, delay: 1s", "retries: 10, delay: 1s"] {
            self.edit("playbook.yml", patient, QUICK);
        }
        self.edit("playbook.yml", "confirm_timeout: 30s", "confirm_timeout: 8s");
        let run_folder = self.run_folder();
        self.write("inventory.yml", &read(&run_folder.join("inventory.yml")));
        self.edit("inventory.yml", "{{ inventory_dir }}", run_folder.to_str().unwrap());
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Copies a file of a host into the folder.
    pub(crate) fn fetch(&self, host: &str, from: &str, name: &str) {
        run_docker(&["cp", &format!("{}:{from}", self.container(host)), self.path(name).to_str().unwrap()]);
    }

    /// Replaces text in a file of the folder, wherever it stands there. It must stand there.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = read(&self.path(name));
        assert!(text.contains(from), "{name} does not have {from:?}:\n{text}");
        self.write(name, &text.replace(from, to));
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
