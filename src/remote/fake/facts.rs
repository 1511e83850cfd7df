//! What a host in memory says of itself, in the words of the facts' script.

use data_encoding::BASE64;

use super::super::Output;
use super::guard::Guard;
use super::world::World;
use crate::model::HostName;

impl World {
    pub(super) fn facts(&self, host: &HostName, questions: &[&str], holders: &[(String, String)]) -> Output {
        let mut lines = vec!["facts 1".to_owned(), format!("system hostname {}", text(host.as_str()))];
        for question in questions.chunks(2) {
            let [what, about] = *question else { continue };
            match what {
                "file" => lines.push(self.file_line(about)),
                "exists" if self.is_folder(about) || self.files.contains_key(about) => {
                    lines.push(format!("exists {}", text(about)));
                }
                "docker" if self.docker => {
                    lines.extend([format!("docker {}", text("26.1")), "compose v2".to_owned()]);
                }
                "image" => {
                    let id = self.images.get(about);
                    lines.extend(id.map(|id| format!("image {} {id}", text(about))));
                }
                "project" => lines.extend(self.container_line(about)),
                "nginx" if self.nginx.is_some() => {
                    let link = self.links.get(about).map_or_else(|| "none".to_owned(), |to| text(to));
                    lines.push(format!("nginx {} 7 {link}", text("1.26")));
                }
                "detect" => {
                    lines.push(format!("detected 0 {}", text(self.detected().unwrap_or_default())));
                }
                "kept" => {
                    let folder = format!("{about}/");
                    let theirs = self
                        .kept
                        .iter()
                        .filter_map(|(path, (at, _))| Some((path.strip_prefix(&folder)?, at)));
                    lines.extend(theirs.map(|(release, at)| format!("kept {} {at}", text(release))));
                }
                "records" => {
                    let holder = holders.iter().find(|(folder, _)| folder == about);
                    lines.extend(holder.map(|(_, holder)| format!("holder {}", text(holder))));
                    lines.extend(self.guards.get(about).and_then(Guard::line));
                    lines.extend(self.dead_men.get(about).map(|what| format!("dead-man {}", text(what))));
                    lines.extend(self.keys.get(about).map(|key| format!("key {}", text(key))));
                    lines.extend(self.last_runs.get(about).map(|last| format!("last-run {}", text(last))));
                }
                "plan" => lines.extend(self.plans.get(about).map(|plan| format!("plan {}", text(plan)))),
                "history" => {
                    let records = self.histories.get(about).into_iter().flatten();
                    lines.extend(records.map(|record| format!("history {}", text(record))));
                }
                _ => {}
            }
        }
        lines.push("end\n".to_owned());
        Output { stdout: lines.join("\n").into_bytes(), ..Output::default() }
    }

    fn file_line(&self, path: &str) -> String {
        if self.is_folder(path) {
            return format!("odd {} {}", text(path), text("it is no regular file"));
        }
        let Some(file) = self.files.get(path) else {
            let fields = std::iter::once(path.to_owned()).chain(self.missing_folders(path));
            return format!("missing {}", fields.map(|field| text(&field)).collect::<Vec<_>>().join(" "));
        };
        // Nobody but root has a number here.
        let [owner, group] = [&file.owner, &file.group]
            .map(|name| format!("{name} {}", if name == "root" { "0" } else { name }));
        format!("file {} {} {owner} {group} {}", text(path), file.mode, bytes(&file.content))
    }

    fn container_line(&self, name: &str) -> Option<String> {
        let project = self.projects.get(name)?;
        let [project_name, service, image] = [name, "web", project.image.as_str()].map(text);
        let id = self.image_id(&project.image);
        let state = if project.running { "running" } else { "exited" };
        Some(format!("container {project_name} {service} {image} {id} {id} {state} -"))
    }
}

fn bytes(bytes: &[u8]) -> String {
    format!(".{}", BASE64.encode(bytes))
}

pub(super) fn text(text: &str) -> String {
    bytes(text.as_bytes())
}
