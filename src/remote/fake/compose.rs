//! Compose projects of a host in memory, each with one service.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::super::{Exec, Output};
use super::world::{File, Project, World};
use super::{refusal, said};

impl World {
    pub(super) fn compose_up(&mut self, name: &str, dir: &str, exec: &Exec) -> Output {
        if !self.docker {
            return refusal("docker: not found");
        }
        let Some(file) = self.files.get(&format!("{dir}/compose.yml")) else {
            return refusal("no configuration file provided: not found");
        };
        let Some((image, port)) = read(&String::from_utf8_lossy(&file.content)) else {
            return refusal("the compose file names no image or no port");
        };
        if !self.images.contains_key(&image) && !self.may_pull(exec) {
            return refusal("no basic auth credentials");
        }
        if self
            .projects
            .iter()
            .any(|(other, project)| other != name && project.running && project.port == port)
        {
            return refusal(&format!("port {port} is already allocated"));
        }
        self.projects.insert(name.to_owned(), Project { image, port, running: true });
        self.networks.insert(name.to_owned());
        Output::default()
    }

    pub(super) fn compose_run(
        &mut self,
        (name, dir): (&str, &str),
        (mark, takes_back): (&str, bool),
        service: &str,
        words: &[&str],
    ) -> Output {
        if takes_back && !self.files.contains_key(mark) {
            return Output::default();
        }
        if !self.docker {
            return refusal("docker: not found");
        }
        let file = self.files.get(&format!("{dir}/compose.yml"));
        let Some((image, _)) = file.and_then(|file| read(&String::from_utf8_lossy(&file.content))) else {
            return refusal("no configuration file provided: not found");
        };
        self.networks.insert(name.to_owned());
        if takes_back {
            self.files.remove(mark);
        } else if !mark.is_empty() {
            let [mode, owner, group] = ["0644", "root", "root"].map(str::to_owned);
            self.files.insert(mark.to_owned(), File { content: Vec::new(), mode, owner, group });
        }
        let place = format!("{image} in {service} of {name}");
        self.ran.push([place.as_str()].iter().chain(words).map(|&word| word.to_owned()).collect());
        match &self.refuses {
            Some(word) if words.contains(&word.as_str()) => refusal("the schema is not as it should be"),
            _ => said(&format!("did {}", words.join(" "))),
        }
    }

    pub(super) fn compose_down(&mut self, name: &str) -> Output {
        self.networks.remove(name);
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
            lines.push(format!("image web {} {}", self.image_id(&project.image), project.image));
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
