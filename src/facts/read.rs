//! The one script that asks a host, and what its answer means.

use std::collections::BTreeSet;

use data_encoding::BASE64;

use crate::model::Image;

use super::subject::Subject;
use super::{Armed, Compose, Container, DeadMan, Detected, Facts, File, Link, Nginx, Owner, Post, Questions};

/// POSIX `sh`; its arguments are [`Questions::args`], its stdout is what [`read`] reads.
pub use crate::scripts::FACTS as SCRIPT;

/// An answer has no more lines; each image, container and file has one.
const MOST_LINES: usize = 50_000;
/// A line has no more fields: an image's digests, or the folders that a file lacks.
const MOST_FIELDS: usize = 1000;

/// The host's answer is not what the script prints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// The last line is missing: the script did not come to its end.
    #[error("the answer breaks off")]
    Cut,
    /// A line that makes no sense.
    #[error("a line of the answer makes no sense: {0:?}")]
    Line(String),
    /// Two answers to one question.
    #[error("the answer tells of {0} twice")]
    Twice(String),
    /// Its key is none. What stands in its place may be most of one, so it is not told.
    #[error(
        "the file `key` in the folder of the app's state cannot be read, or holds no key: look whose it is, and what became of it"
    )]
    Key,
    /// More than any host has to say.
    #[error("the answer has more than {0}")]
    Long(String),
}

/// What a host answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answered {
    /// What it was asked.
    pub facts: Facts,
    /// What it told without having been asked, in words: none of it counts.
    pub unasked: Vec<String>,
}

/// Reads the script's stdout. A host has a say about what it was asked alone.
pub fn read(stdout: &str, asked: &Questions) -> Result<Answered, BadAnswer> {
    let (mut answered, mut told) = (Answered::default(), BTreeSet::new());
    for (index, line) in stdout.lines().enumerate() {
        if line == "end" {
            return Ok(answered);
        }
        if index >= MOST_LINES {
            return Err(BadAnswer::Long(format!("{MOST_LINES} lines")));
        }
        if line.split(' ').nth(MOST_FIELDS).is_some() {
            return Err(BadAnswer::Long(format!("{MOST_FIELDS} fields in a line")));
        }
        let fields: Vec<&str> = line.split(' ').collect();
        let senseless = || match *fields {
            ["key", ..] => BadAnswer::Key,
            _ => BadAnswer::Line(line.chars().take(120).collect()),
        };
        let subject = Subject::of(&fields).ok_or_else(senseless)?;
        if !asked.cover(&subject) {
            answered.unasked.push(subject.words());
            continue;
        }
        read_line(&mut answered.facts, &fields).ok_or_else(senseless)?;
        if subject.is_told_once() && told.contains(&subject) {
            return Err(BadAnswer::Twice(subject.words()));
        }
        told.insert(subject);
    }
    Err(BadAnswer::Cut)
}

fn read_line(facts: &mut Facts, fields: &[&str]) -> Option<()> {
    match *fields {
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
                mode: octal(mode)?,
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
        ["kept", release, seconds] => {
            let seconds = seconds.parse().ok()?;
            // A folder of another name is none of bgctl's.
            facts.kept.extend(text(release)?.parse().ok().map(|release| (release, seconds)));
        }
        ["holder", holder] => facts.records.holder = Some(text(holder)?),
        ["last-run", record] => facts.records.last_run = Some(text(record)?),
        ["plan", plan] => facts.records.plan = Some(text(plan)?),
        ["closed", why] => facts.records.closed = Some(text(why)?),
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
        ["key", key] => facts.records.key = Some(text(key)?.parse().ok()?),
        ["trouble", what] => facts.trouble.push(text(what)?),
        _ => return None,
    }
    Some(())
}

/// A file's mode, as four digits.
fn octal(field: &str) -> Option<String> {
    let is_mode = (1..=4).contains(&field.len()) && field.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    is_mode.then(|| format!("{field:0>4}"))
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
pub(super) fn text(field: &str) -> Option<String> {
    if !field.starts_with('.') && !field.is_empty() {
        return Some(field.to_owned());
    }
    Some(String::from_utf8_lossy(&bytes(field)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(stdout: &str) -> Result<Facts, BadAnswer> {
        let all = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let asked = Questions {
            files: all(&["/a/b c/d"]),
            projects: all(&["p"]),
            images: all(&["a:1", "b:1"]),
            ..Questions::default()
        };
        read(stdout, &asked).map(|answered| answered.facts)
    }

    fn encoded(text: &str) -> String {
        format!(".{}", BASE64.encode(text.as_bytes()))
    }

    #[test]
    fn an_answer_without_its_end_is_refused() {
        assert_eq!(parse("facts 1\n"), Err(BadAnswer::Cut));
        assert!(parse("facts 1\nend\n").is_ok());
    }

    #[test]
    fn an_answer_that_no_host_has_is_refused() {
        let lines = |count: usize| parse(&format!("{}end\n", "trouble t\n".repeat(count)));
        assert!(lines(MOST_LINES).is_ok());
        assert_eq!(lines(MOST_LINES + 1), Err(BadAnswer::Long("50000 lines".into())));
        let fields = |count: usize| parse(&format!("image a:1 b{}\nend\n", " c".repeat(count)));
        assert!(fields(MOST_FIELDS - 3).is_ok());
        assert_eq!(fields(MOST_FIELDS), Err(BadAnswer::Long("1000 fields in a line".into())));
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
        let answered = read(&String::from_utf8(output.stdout).unwrap(), &questions).unwrap();
        assert_eq!(answered.unasked, [""; 0]);
        let facts = answered.facts;
        assert!(matches!(&facts.files[&path], File::Present { content, .. } if content == b"x\ny"));
        assert!(matches!(&facts.files[&gone], File::Missing { folders } if folders.len() == 2));
        assert!(facts.existing.contains(&path));
        assert!(facts.system.contains_key("arch"));
    }

    /// A line of each kind.
    const EVERYTHING: &str = "facts 1\nsystem os debian\nsystem shell zsh\nfile /f 644 root 0 root 0 .eA==\n\
        missing /g\nodd /h why\nexists /e\ndocker 26\ncompose v2\nimage a:1 sha256:1\n\
        container p s i sha256:1 - running -\nnginx 1.26 7 /l\ndetected 0 blue\nkept 0123456789ab 7\n\
        holder h\nlast-run r\narmed watched 3 run time /a /b\ndead-man d\nplan p\nhistory r\n\
        key 0000000000000000000000000000000000000000000000000000000000000000\ntrouble t\nend\n";

    /// What nobody asked for is dropped, and told of: a host has a say about itself alone.
    #[test]
    fn what_was_not_asked_does_not_count() {
        let answered = read(EVERYTHING, &Questions::default()).unwrap();
        let system = [("os".to_owned(), "debian".to_owned())].into();
        let nothing = Facts { system, trouble: vec!["t".to_owned()], ..Facts::default() };
        assert_eq!((answered.facts, answered.unasked.len()), (nothing, 19));
        // An app server is asked for no record, and may have been asked for all else.
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let server = Questions {
            files: list(&["/f", "/g", "/h"]),
            exists: list(&["/e"]),
            projects: list(&["p"]),
            images: list(&["a:1"]),
            kept: Some("/k".to_owned()),
            plan: true,
            history: true,
            ..Questions::default()
        };
        let answered = read(EVERYTHING, &server).unwrap();
        assert_eq!(answered.facts.records, super::super::Records::default());
        assert_eq!((answered.facts.nginx, answered.facts.detected), (None, None));
        assert_eq!(answered.facts.files.len(), 3);
        assert_eq!(answered.unasked.len(), 10, "{:?}", answered.unasked);
    }

    #[test]
    fn two_answers_to_one_question_are_none() {
        let asked = Questions { records: Some("/r".to_owned()), ..Questions::default() };
        let error = read("last-run a\nlast-run b\nend\n", &asked);
        assert_eq!(error, Err(BadAnswer::Twice("last-run of a run".to_owned())));
        assert!(
            parse("container p s i sha256:1 - running -\ncontainer p s i sha256:1 - running -\nend\n")
                .is_ok()
        );
    }

    /// What stands in its place may be most of it, so no line of it is told.
    #[test]
    fn a_key_is_one_or_the_host_has_failed() {
        let asked = Questions { records: Some("/r".to_owned()), ..Questions::default() };
        let ask = |lines: &str| read(&format!("{lines}\nend\n"), &asked);
        let hex = "ab".repeat(32);
        let answered = ask(&format!("key {hex}")).unwrap();
        assert_eq!(answered.facts.records.key, Some(hex.parse().unwrap()));
        assert!(!format!("{answered:?}").contains("abab"), "{answered:?}");
        assert!(!serde_json::to_string(&answered.facts).unwrap().contains("abab"));
        for bad in
            [format!("{hex}a"), hex[1..].to_owned(), format!("{hex} {hex}"), ".".to_owned(), String::new()]
        {
            let error = ask(&format!("key {bad}")).unwrap_err();
            assert!(
                error == BadAnswer::Key && !format!("{error} {error:?}").contains("abab"),
                "{bad}: {error}"
            );
        }
        let error = ask(&format!("key {hex}\nkey {hex}")).unwrap_err();
        assert_eq!(error, BadAnswer::Twice("the app's key".to_owned()));
    }

    #[test]
    fn names_and_modes_are_what_they_are_called() {
        let asked =
            Questions { kept: Some("/k".to_owned()), files: vec!["/f".to_owned()], ..Questions::default() };
        let kept = |name: &str| read(&format!("kept {} 7\nend\n", encoded(name)), &asked).unwrap().facts.kept;
        assert_eq!(kept("0123456789ab").len(), 1);
        assert_eq!(kept("../../../etc"), []);
        for mode in ["4755;id", "9", "", "07777"] {
            assert!(read(&format!("file /f {mode} root 0 root 0 .eA==\nend\n"), &asked).is_err(), "{mode}");
        }
    }
}
