//! Whether what is there is what is wished for.

use std::collections::BTreeSet;

use crate::facts::{Facts, File, Owner};
use crate::model::source::service_names;
use crate::model::{ComposeUp, LoadImage, Pull, PutFile};

/// Where a host differs from what is wished for, in a sentence.
pub(super) type Difference = String;

/// How a file differs, if it does.
pub(super) fn file(facts: &Facts, wanted: &PutFile) -> Option<Difference> {
    let path = &wanted.path;
    match facts.files.get(path) {
        Some(File::Present { mode, owner, group, content }) => {
            let other = |wanted: &Option<String>, found: &Owner| {
                wanted.as_deref().is_some_and(|wanted| !found.is(wanted))
            };
            if *content != wanted.content {
                Some(format!("{path} differs"))
            } else if wanted.mode.as_ref().is_some_and(|wanted| wanted != mode) {
                Some(format!("{path} has mode {mode}"))
            } else if other(&wanted.owner, owner) || other(&wanted.group, group) {
                Some(format!("{path} belongs to {}:{}", owner.name, group.name))
            } else {
                None
            }
        }
        Some(File::Odd(why)) => Some(format!("{path}: {why}")),
        Some(File::Missing { .. }) | None => Some(format!("{path} does not exist")),
    }
}

/// How a compose project differs, if it does. `file` is its compose file as it is wished for, where a task
/// writes it: its services must all be there.
pub(super) fn project(facts: &Facts, up: &ComposeUp, file: Option<&str>) -> Option<Difference> {
    let name = &up.project.name;
    let containers: Vec<_> = facts.containers.iter().filter(|container| container.project == *name).collect();
    if containers.is_empty() {
        return Some(format!("{name} has no containers"));
    }
    let running: BTreeSet<&str> = containers.iter().map(|container| container.service.as_str()).collect();
    let named = up.services.clone();
    let wanted = if named.is_empty() { file.map(service_names).unwrap_or_default() } else { named };
    if let Some(lacking) = wanted.iter().find(|service| !running.contains(service.as_str())) {
        return Some(format!("{name} has no container of {lacking}"));
    }
    for container in containers {
        let service = &container.service;
        if !container.is_well() {
            let health = container.health.as_deref().map(|health| format!(" ({health})")).unwrap_or_default();
            return Some(format!("{service} of {name} is {}{health}", container.state));
        }
        if container.tag_id.as_ref().is_some_and(|id| *id != container.image_id) {
            return Some(format!(
                "{service} of {name} runs an older image than {} names now",
                container.image
            ));
        }
    }
    None
}

/// How a host's image differs from an archive's, if it does.
pub(super) fn loaded(facts: &Facts, load: &LoadImage) -> Option<Difference> {
    let (name, file) = (&load.name, &load.file);
    match facts.images.get(name) {
        Some(image) if load.ids.iter().any(|id| image.ids.contains(id)) => None,
        Some(_) => Some(format!("image {name} is not the one of {file}")),
        None => Some(format!("image {name} is not there")),
    }
}

/// Whether an image's name can mean only one image.
pub(super) fn is_pinned(name: &str) -> bool {
    name.contains("@sha256:")
}

/// Whether only a pull can tell if the image's name has moved.
pub(super) fn may_have_moved(up: &ComposeUp) -> bool {
    up.pull == Pull::Always
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Container;
    use crate::model::{Compose, Project};

    fn container(state: &str, health: Option<&str>, image: &str, tag: &str) -> Container {
        Container {
            project: "a-blue".into(),
            service: "web".into(),
            image: "a:1".into(),
            image_id: image.into(),
            tag_id: Some(tag.into()),
            state: state.into(),
            health: health.map(str::to_owned),
        }
    }

    fn up() -> ComposeUp {
        ComposeUp {
            project: Project { name: "a-blue".into(), dir: "/srv".into(), compose: Compose::V2, env: vec![] },
            services: vec![],
            recreate: true,
            pull: Pull::Missing,
            build: false,
            env_file: None,
        }
    }

    fn facts(container: Container) -> Facts {
        Facts { containers: vec![container], ..Facts::default() }
    }

    #[test]
    fn a_project_matches_when_all_run_well_on_the_image_that_the_name_means_now() {
        assert_eq!(project(&facts(container("running", None, "1", "1")), &up(), None), None);
        for health in ["healthy", "starting"] {
            assert_eq!(project(&facts(container("running", Some(health), "1", "1")), &up(), None), None);
        }
    }

    #[test]
    fn it_differs_when_stopped_ill_outdated_absent_or_incomplete() {
        for (container, word) in [
            (container("exited", None, "1", "1"), "exited"),
            (container("running", Some("unhealthy"), "1", "1"), "unhealthy"),
            (container("running", None, "1", "2"), "older image"),
        ] {
            let difference = project(&facts(container), &up(), None).unwrap();
            assert!(difference.contains(word), "{difference}");
        }
        assert!(project(&Facts::default(), &up(), None).is_some());
        let file = "services:\n  web: {image: a}\n  worker: {image: a}\n";
        let difference = project(&facts(container("running", None, "1", "1")), &up(), Some(file)).unwrap();
        assert!(difference.contains("worker"), "{difference}");
    }

    #[test]
    fn a_file_matches_by_content_and_by_what_the_task_says_of_mode_and_owner() {
        let here = File::Present {
            mode: "0640".into(),
            owner: Owner { name: "root".into(), id: "0".into() },
            group: Owner { name: "www".into(), id: "33".into() },
            content: b"x".to_vec(),
        };
        let facts = Facts { files: [("/f".to_owned(), here)].into(), ..Facts::default() };
        let wanted = PutFile {
            path: "/f".into(),
            content: b"x".to_vec(),
            mode: None,
            owner: None,
            group: None,
            validate: None,
            keep: None,
        };
        assert_eq!(file(&facts, &wanted), None);
        let by_number = PutFile { owner: Some("0".into()), group: Some("www".into()), ..wanted.clone() };
        assert_eq!(file(&facts, &by_number), None);
        for other in [
            PutFile { content: b"y".to_vec(), ..wanted.clone() },
            PutFile { mode: Some("0600".into()), ..wanted.clone() },
            PutFile { owner: Some("deploy".into()), ..wanted.clone() },
            PutFile { path: "/g".into(), ..wanted.clone() },
        ] {
            assert!(file(&facts, &other).is_some(), "{other:?}");
        }
    }
}
