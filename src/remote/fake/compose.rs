//! Compose projects of a host in memory, each with one service.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::super::Output;
use super::world::{Project, World};
use super::{refusal, said};

impl World {
    pub(super) fn compose_up(&mut self, name: &str, dir: &str) -> Output {
        if !self.docker {
            return refusal("docker: not found");
        }
        let Some(file) = self.files.get(&format!("{dir}/compose.yml")) else {
            return refusal("no configuration file provided: not found");
        };
        let Some((image, port)) = read(&String::from_utf8_lossy(&file.content)) else {
            return refusal("the compose file names no image or no port");
        };
        if self
            .projects
            .iter()
            .any(|(other, project)| other != name && project.running && project.port == port)
        {
            return refusal(&format!("port {port} is already allocated"));
        }
        self.projects.insert(name.to_owned(), Project { image, port, running: true });
        Output::default()
    }

    pub(super) fn compose_down(&mut self, name: &str) -> Output {
        match self.projects.remove(name) {
            Some(project) => said(&format!("── {name}-web-1\nlogs of {}", project.image)),
            None => Output::default(),
        }
    }

    pub(super) fn compose_state(&mut self, name: &str, verb: &str) -> Output {
        match (self.projects.get_mut(name), verb) {
            (Some(project), _) => project.running = verb == "start",
            (None, "stop") => {}
            (None, _) => return refusal(&format!("project {name} has no containers to start")),
        }
        Output::default()
    }

    pub(super) fn fingerprint(&self, name: &str, files: &[&str]) -> Output {
        let mut lines = Vec::new();
        if let Some(project) = self.projects.get(name).filter(|project| project.running) {
            lines.push(format!("image web {}", self.image_id(&project.image)));
        }
        lines.extend(files.iter().map(|path| match self.files.get(*path) {
            Some(file) => format!("file {}", HEXLOWER.encode(&Sha256::digest(&file.content))),
            None => "file missing".to_owned(),
        }));
        lines.push("end".to_owned());
        said(&lines.join("\n"))
    }

    pub(super) fn container_health(&self, name: &str) -> Output {
        match self.projects.get(name) {
            Some(project) if project.running && !self.ill.contains(&project.image) => Output::default(),
            Some(_) => refusal("web is unhealthy"),
            None => refusal(&format!("project {name} has no containers")),
        }
    }
}

/// The image and the published port of a compose file as the shipped template writes it.
fn read(text: &str) -> Option<(String, u16)> {
    let quoted = |line: &str| line.trim().trim_matches('"').to_owned();
    let image = text.lines().find_map(|line| line.trim().strip_prefix("image:")).map(quoted)?;
    let mut published = text.lines().filter_map(|line| line.trim().strip_prefix("- ")).map(quoted);
    let port = published.find_map(|pair| pair.split_once(':')?.0.parse().ok())?;
    Some((image, port))
}
