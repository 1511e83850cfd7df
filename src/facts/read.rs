//! The one script that asks a host, and what its answer means.

use data_encoding::BASE64;

use crate::model::{Image, NginxSetup};

use super::{Armed, Compose, Container, DeadMan, Detected, Facts, File, Link, Nginx, Owner, Post};

/// POSIX `sh`; its arguments are [`Questions::args`], its stdout is what [`parse`] reads.
pub use crate::scripts::FACTS as SCRIPT;

/// What one host is asked, all in one go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Questions {
    /// Files whose content, mode and owner matter.
    pub files: Vec<String>,
    /// Paths that may exist.
    pub exists: Vec<String>,
    /// Compose projects whose containers matter; any of them makes Docker be asked about.
    pub projects: Vec<String>,
    /// Images by name that may be there.
    pub images: Vec<String>,
    /// The symlink or file that nginx reads, on a load balancer.
    pub site: Option<String>,
    /// The command that prints the live color, on a load balancer that is switched by commands.
    pub detect: Option<String>,
    /// How nginx runs there.
    pub nginx: NginxSetup,
    /// The folder with the app's lock and last run, on a load balancer.
    pub records: Option<String>,
    /// Also the plan of the run that is under way or was left, in the same folder.
    pub plan: bool,
    /// Also what earlier runs came to.
    pub history: bool,
    /// The folder with the app's kept releases.
    pub kept: Option<String>,
    /// Whom the script becomes; `None`: nobody else.
    pub escalate: Option<String>,
}

impl Questions {
    /// The script's arguments.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        let mut args = Vec::new();
        let mut ask = |what: &str, about: &str| args.extend([what.to_owned(), about.to_owned()]);
        self.files.iter().for_each(|path| ask("file", path));
        self.exists.iter().for_each(|path| ask("exists", path));
        if !self.projects.is_empty() || !self.images.is_empty() {
            ask("docker", "-");
        }
        self.projects.iter().for_each(|name| ask("project", name));
        self.images.iter().for_each(|name| ask("image", name));
        self.nginx.container.iter().for_each(|name| ask("nginx-container", name));
        self.nginx.binary.iter().for_each(|name| ask("nginx-binary", name));
        self.nginx.config.iter().for_each(|path| ask("nginx-config", path));
        self.site.iter().for_each(|path| ask("nginx", path));
        self.detect.iter().for_each(|command| ask("detect", command));
        if let Some(folder) = &self.kept {
            ask("kept", folder);
        }
        if let Some(folder) = &self.records {
            ask("records", folder);
            let more = [(self.plan, "plan"), (self.history, "history")];
            more.iter().filter(|(wanted, _)| *wanted).for_each(|(_, what)| ask(what, folder));
        }
        args
    }
}

/// The host's answer is not what the script prints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// The last line is missing: the script did not come to its end.
    #[error("the answer breaks off")]
    Cut,
    /// A line that makes no sense.
    #[error("a line of the answer makes no sense: {0:?}")]
    Line(String),
}

/// Reads the script's stdout.
pub fn parse(stdout: &str) -> Result<Facts, BadAnswer> {
    let mut facts = Facts::default();
    for line in stdout.lines() {
        if line == "end" {
            return Ok(facts);
        }
        read_line(&mut facts, line).ok_or_else(|| BadAnswer::Line(line.chars().take(120).collect()))?;
    }
    Err(BadAnswer::Cut)
}

fn read_line(facts: &mut Facts, line: &str) -> Option<()> {
    let fields: Vec<&str> = line.split(' ').collect();
    match *fields.as_slice() {
        ["facts", "1"] => {}
        ["system", key, value] => {
            facts.system.insert(key.to_owned(), text(value)?);
        }
        ["missing", path, ref folders @ ..] => {
            let folders = folders.iter().map(|folder| text(folder)).collect::<Option<_>>()?;
            facts.files.insert(text(path)?, File::Missing { folders });
        }
        ["odd", path, why] => {
            facts.files.insert(text(path)?, File::Odd(text(why)?));
        }
        ["file", path, mode, owner, uid, group, gid, content] => {
            let file = File::Present {
                mode: format!("{mode:0>4}"),
                owner: Owner { name: owner.to_owned(), id: uid.to_owned() },
                group: Owner { name: group.to_owned(), id: gid.to_owned() },
                content: bytes(content)?,
            };
            facts.files.insert(text(path)?, file);
        }
        ["exists", path] => {
            facts.existing.insert(text(path)?);
        }
        ["docker", version] => facts.docker = Some(text(version)?),
        ["compose", kind] => facts.compose = Some(compose(kind)?),
        ["image", name, id, ref digests @ ..] => {
            let digests = digests.iter().map(|digest| (*digest).to_owned()).collect();
            facts
                .images
                .insert(text(name)?, Image { ids: [id.to_owned()].into(), digests, ..Image::default() });
        }
        ["container", project, service, image, image_id, tag_id, state, health] => {
            facts.containers.push(Container {
                project: text(project)?,
                service: text(service)?,
                image: text(image)?,
                image_id: image_id.to_owned(),
                tag_id: given(tag_id),
                state: state.to_owned(),
                health: given(health),
            });
        }
        ["nginx", version, master, target] => {
            facts.nginx =
                Some(Nginx { version: text(version)?, master: master.parse().ok(), link: link_of(target)? });
        }
        ["detected", status, said] => {
            facts.detected = Some(Detected { status: status.parse().ok()?, said: text(said)? });
        }
        ["kept", release, seconds] => facts.kept.push((text(release)?, seconds.parse().ok()?)),
        ["holder", holder] => facts.records.holder = Some(text(holder)?),
        ["last-run", record] => facts.records.last_run = Some(text(record)?),
        ["plan", plan] => facts.records.plan = Some(text(plan)?),
        ["history", record] => facts.records.history.push(text(record)?),
        ["armed", post, left, run, time, from, to] => {
            facts.records.armed = Some(Armed {
                post: post_of(post)?,
                left: left.parse().ok()?,
                run: text(run)?,
                time: text(time)?,
                from: Some(text(from)?).filter(|from| !from.is_empty()),
                to: Some(text(to)?).filter(|to| !to.is_empty()),
            });
        }
        // A file that was cut off by a full disk tells nothing.
        ["dead-man", record] => facts.records.dead_man = DeadMan::parse(&text(record)?),
        ["trouble", what] => facts.trouble.push(text(what)?),
        _ => return None,
    }
    Some(())
}

fn post_of(field: &str) -> Option<Post> {
    match field {
        "watched" => Some(Post::Watched),
        "rebooted" => Some(Post::Rebooted),
        "lost" => Some(Post::Lost),
        _ => None,
    }
}

fn link_of(field: &str) -> Option<Link> {
    Some(match field {
        "none" => Link::Missing,
        "other" => Link::NotALink,
        _ => Link::To(text(field)?),
    })
}

fn compose(kind: &str) -> Option<Compose> {
    match kind {
        "v2" => Some(Compose::V2),
        "v1" => Some(Compose::V1),
        "podman" => Some(Compose::Podman),
        _ => None,
    }
}

fn given(field: &str) -> Option<String> {
    (field != "-").then(|| field.to_owned())
}

fn bytes(field: &str) -> Option<Vec<u8>> {
    BASE64.decode(field.strip_prefix('.')?.as_bytes()).ok()
}

/// A field that was plain enough to come as it is, or base64.
fn text(field: &str) -> Option<String> {
    if !field.starts_with('.') && !field.is_empty() {
        return Some(field.to_owned());
    }
    Some(String::from_utf8_lossy(&bytes(field)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        format!(".{}", BASE64.encode(text.as_bytes()))
    }

    #[test]
    fn an_answer_without_its_end_is_refused() {
        assert_eq!(parse("facts 1\n"), Err(BadAnswer::Cut));
        assert!(parse("facts 1\nend\n").is_ok());
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        assert_eq!(parse("Welcome to app1!\nend\n"), Err(BadAnswer::Line("Welcome to app1!".into())));
    }

    #[test]
    fn a_missing_file_names_the_folders_that_lack() {
        let answer =
            format!("missing {} {} {}\nend\n", encoded("/a/b c/d"), encoded("/a/b c"), encoded("/a"));
        let facts = parse(&answer).unwrap();
        assert_eq!(facts.files["/a/b c/d"], File::Missing { folders: vec!["/a/b c".into(), "/a".into()] });
    }

    #[test]
    fn a_container_without_health_or_tag_has_none() {
        let [p, s, i] = ["p", "s", "i:1"].map(encoded);
        let facts = parse(&format!("container {p} {s} {i} sha256:1 - running -\nend\n")).unwrap();
        assert_eq!(facts.containers[0].health, None);
        assert_eq!(facts.containers[0].tag_id, None);
        assert!(facts.containers[0].is_well());
    }

    #[test]
    fn an_image_has_an_id_and_digests() {
        let facts = parse("image a:1 sha256:1\nimage .Yjox sha256:2 r@sha256:3 s@sha256:3\nend\n").unwrap();
        assert_eq!(facts.images["a:1"].digests.len(), 0);
        assert_eq!((facts.images["b:1"].ids.len(), facts.images["b:1"].digests.len()), (1, 2));
    }

    #[test]
    fn a_plain_field_comes_as_it_is_and_an_empty_one_is_none() {
        let facts = parse("system os debian\ndocker .MjYuMQ==\nend\n").unwrap();
        assert_eq!((facts.system["os"].as_str(), facts.docker.as_deref()), ("debian", Some("26.1")));
        assert!(parse("docker \nend\n").is_err());
    }

    #[test]
    fn the_real_script_answers_on_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("a b'$(touch owned)é\n.txt");
        std::fs::write(&odd, "x\ny").unwrap();
        let path = odd.to_str().unwrap().to_owned();
        let gone = dir.path().join("no/such/file").to_str().unwrap().to_owned();
        let questions = Questions {
            files: vec![path.clone(), gone.clone()],
            exists: vec![path.clone()],
            ..Questions::default()
        };
        #[expect(clippy::disallowed_methods, reason = "the test is the host")]
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(SCRIPT)
            .arg("facts")
            .args(questions.args())
            .output()
            .unwrap();
        let facts = parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
        assert!(matches!(&facts.files[&path], File::Present { content, .. } if content == b"x\ny"));
        assert!(matches!(&facts.files[&gone], File::Missing { folders } if folders.len() == 2));
        assert!(facts.existing.contains(&path));
        assert!(facts.system.contains_key("arch"));
    }
}
