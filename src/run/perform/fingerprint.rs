//! What a color runs on a host, and whether its files are as they were rendered.

use crate::event::StepError;
use crate::model::{Fingerprint, Image, Images};
use crate::remote::Exec;
use crate::scripts::FINGERPRINT;

use super::{Done, Performance, project_args, told};

/// The script's answer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Service and image of each container.
    images: Vec<(String, Image)>,
    /// Of each file, in the order in which it was asked about: its digest, or a word.
    files: Vec<String>,
}

impl Performance<'_> {
    pub(super) async fn fingerprint(&self, wanted: &Fingerprint) -> Result<Done, StepError> {
        let name = wanted.project.clone().unwrap_or_default();
        let args = project_args(wanted.compose, &name, "");
        let paths = wanted.files.iter().map(|file| file.path.clone());
        let exec = Exec::reads(FINGERPRINT).args(args).args(paths);
        let output = self.run("read images and files", exec).await?;
        let seen = parse(&output.text())
            .map_err(|what| wrong(&format!("the answer about images and files makes no sense: {what}")))?;
        let images = images(&seen).map_err(|what| wrong(&what))?;
        if wanted.project.is_some() && images.0.is_empty() {
            return Err(wrong(&format!("no container of {name} runs")));
        }
        let stray: Vec<String> =
            images.0.iter().filter_map(|(service, now)| wanted.was.as_ref()?.stray(service, now)).collect();
        if !stray.is_empty() {
            return Err(StepError {
                message: format!("{name} does not run what it was live with: {}", stray.join(", ")),
                stderr: None,
                hint: Some("deploy the release that you want with `bgctl apply`".into()),
            });
        }
        let odd = odd_files(wanted, &seen);
        if !odd.is_empty() {
            return Err(StepError {
                message: format!("not as this release renders them: {}", odd.join(", ")),
                stderr: None,
                hint: Some(
                    "something changed them after they were written; find out what, then apply again".into(),
                ),
            });
        }
        let detail = images.0.iter().map(|(service, image)| format!("{service} {}", image.short()));
        let detail = Some(detail.collect::<Vec<_>>().join(", ")).filter(|detail| !detail.is_empty());
        Ok(Done { detail, images: wanted.project.is_some().then_some(images), ..Done::default() })
    }
}

fn wrong(message: &str) -> StepError {
    StepError { message: message.to_owned(), stderr: None, hint: None }
}

/// Reads the answer whole; else what is wrong with it.
fn parse(text: &str) -> Result<Seen, String> {
    let (mut seen, mut bytes) = (Seen::default(), 0);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["image", service, id, name, digests @ ..] => {
                bytes += line.len();
                if bytes > told::MOST_BYTES {
                    return Err(format!("it tells more than {} KiB of images", told::MOST_BYTES >> 10));
                }
                let mut image = told::image(id, digests)?;
                if *name != "-" {
                    image.names.insert(told::word(name)?);
                }
                seen.images.push((told::word(service)?, image));
            }
            ["file", digest] => seen.files.push((*digest).to_owned()),
            ["end"] => return Ok(seen),
            _ => return Err(format!("{:?} is no line of it", line.chars().take(40).collect::<String>())),
        }
    }
    Err("it breaks off".to_owned())
}

/// One image for each service: replicas of different images are two releases at once.
fn images(seen: &Seen) -> Result<Images, String> {
    let mut images = Images::default();
    for (service, image) in &seen.images {
        match images.0.get(service) {
            Some(other) if !other.is(image) => {
                let (one, two) = (other.short(), image.short());
                return Err(format!("{service} runs from two images at once: {one} and {two}"));
            }
            _ => images.0.insert(service.clone(), image.clone()),
        };
    }
    Ok(images)
}

fn odd_files(wanted: &Fingerprint, seen: &Seen) -> Vec<String> {
    let mut odd = Vec::new();
    for (file, found) in wanted.files.iter().zip(&seen.files) {
        match found.as_str() {
            "missing" => odd.push(format!("{} is gone", file.path)),
            "foreign" => odd.push(format!("{} leads through another user's link", file.path)),
            "unreadable" => odd.push(format!("{} cannot be read", file.path)),
            digest if !file.sha256.is(digest) => odd.push(format!("{} differs", file.path)),
            _ => {}
        }
    }
    if seen.files.len() < wanted.files.len() {
        odd.push("not all files were answered for".to_owned());
    }
    odd
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Compose, Digest, Rendered};

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let seen = parse("image web sha256:1 r:9 r@sha256:2 r@sha256:3\nfile f00\nend\n").unwrap();
        assert_eq!(seen.images[0].1.digests.len(), 2);
        assert_eq!(seen.files, ["f00"]);
        assert_eq!(seen.images[0].1.names, ["r:9".to_owned()].into());
        assert_eq!(parse("image web sha256:1 -\nend\n").unwrap().images[0].1.names, [].into());
        assert!(parse("image web sha256:1 -\n").is_err());
        assert!(parse("Welcome!\nend\n").is_err());
        assert_eq!(parse("end\n"), Ok(Seen::default()));
    }

    /// It comes into the record on every load balancer, and before people.
    #[test]
    fn what_names_nothing_or_is_too_long_is_refused() {
        for line in ["w$(id) 1 -", "web \u{1b}[2J -", "web 1 <b>", "web 1 - r@sha256:1 `id`"] {
            assert!(parse(&format!("image {line}\nend\n")).is_err(), "{line}");
        }
        let many = |count: usize| parse(&format!("{}end\n", "image web sha256:1 -\n".repeat(count)));
        assert!(many(3000).is_ok() && many(4000).is_err());
        assert!(parse(&format!("image {} 1 -\nend\n", "w".repeat(1 << 20))).is_err());
    }

    #[test]
    fn replicas_of_different_images_are_refused() {
        assert!(images(&parse("image web 1 a\nimage web 1 a\nimage db 2 b\nend\n").unwrap()).is_ok());
        assert!(images(&parse("image web 1 a\nimage web 2 a\nend\n").unwrap()).is_err());
    }

    #[test]
    fn a_file_that_differs_is_gone_or_was_not_answered_for_is_odd() {
        let files = ["/a", "/b", "/c", "/d"]
            .map(|path| Rendered { path: path.to_owned(), sha256: Digest::new("f00".to_owned(), false) });
        let wanted = Fingerprint { project: None, compose: Compose::V2, files: files.to_vec(), was: None };
        let odd = odd_files(&wanted, &parse("file foreign\nend\n").unwrap());
        assert_eq!(odd[0], "/a leads through another user's link");
        let odd = odd_files(&wanted, &parse("file f00\nfile ba5\nfile missing\nend\n").unwrap());
        assert_eq!(odd, ["/b differs", "/c is gone", "not all files were answered for"]);
        assert!(odd_files(&wanted, &parse(&("file f00\n".repeat(4) + "end\n")).unwrap()).is_empty());
    }
}
