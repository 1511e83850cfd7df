//! Logins and images, and what is in the way of them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::StepError;
use crate::model::{BuildImage, DOCKER_HUB, Images, LoadImage, Login};
use crate::remote::{Exec, Output, Upload};
use crate::scripts::{BUILD, LOAD, LOGIN, PULL};

use super::variables::{environment, options};
use super::{COMPOSE_TIMEOUT, Done, Performance, failed, interrupted, told};

const LOGIN_TIMEOUT: Duration = Duration::from_mins(1);
/// A line may be slow; one that is dead is noticed long before.
const LOAD_TIMEOUT: Duration = Duration::from_hours(1);
/// Between two looks at how much of a file has gone, and how often at most that is told of one file.
const LOOK: Duration = Duration::from_millis(250);
const TOLD: u64 = 10;
/// Lines of a build that failed.
const LAST: usize = 40;

/// Why a registry did not give what was asked of it, as far as engines tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Refused,
    Missing,
    Untrusted,
    Down,
}

impl Performance<'_> {
    pub(super) async fn log_in(&self, login: &Login) -> Result<Done, StepError> {
        let what = format!("log in to {} as {}", login.place(), login.username);
        let registry = if login.registry == DOCKER_HUB { "" } else { &login.registry };
        let exec = Exec::changes(LOGIN)
            .args([registry, &login.username])
            .env(vec![answers(&[login])])
            .stdin(login.password.expose())
            .timeout(LOGIN_TIMEOUT);
        let output = self.exec(&what, exec).await?;
        if output.success() {
            return Ok(Done::default());
        }
        let (place, username) = (login.place(), &login.username);
        Err(match trouble(&output.errors()) {
            Some(Trouble::Refused) => StepError {
                message: format!("{place} refused the login of {username}"),
                hint: Some(
                    "is the password or token the right one, and still valid? a token needs the right to read packages; one of ECR ends after 12 hours".into(),
                ),
                ..failed(&what, &output)
            },
            trouble => explained(trouble, place, failed(&what, &output)),
        })
    }

    pub(super) async fn pull(&self, name: &str) -> Result<Done, StepError> {
        let what = format!("pull {name}");
        let exec = self.with_logins(Exec::changes(PULL).args([name]).timeout(COMPOSE_TIMEOUT));
        let output = self.exec(&what, exec).await?;
        if output.success() {
            return got(name, &output);
        }
        let error = failed(&what, &output);
        Err(match trouble(&output.errors()) {
            Some(Trouble::Missing) => StepError {
                message: format!("there is no {name} in {}", registry_of(name)),
                hint: Some("was it pushed? check the repository's name and the tag".into()),
                ..error
            },
            Some(Trouble::Refused) => StepError {
                message: format!("{} does not let this host pull {name}", registry_of(name)),
                hint: Some(
                    "log in before it, with `registry_login`, as a user who may read that repository".into(),
                ),
                ..error
            },
            trouble => explained(trouble, registry_of(name), error),
        })
    }

    pub(super) async fn load(&self, load: &LoadImage) -> Result<Done, StepError> {
        let what = format!("load {} from {}", load.name, load.file);
        let upload = Upload::new(load.path.clone());
        let exec = Exec::changes(LOAD).args([&load.name]).args(&load.ids).upload(upload.clone());
        let running = self.exec(&what, exec.timeout(LOAD_TIMEOUT));
        let output = self.watching(&upload, load.size, running).await?;
        if output.success() {
            return got(&load.name, &output);
        }
        let error = failed(&what, &output);
        Err(match upload.broken() {
            Some(why) => StepError {
                message: format!("{} cannot be read to its end: {why}", load.path.display()),
                hint: Some("did something else write it meanwhile? nothing of it was used".into()),
                ..error
            },
            None => error,
        })
    }

    pub(super) async fn build(&self, build: &BuildImage) -> Result<Done, StepError> {
        let what = format!("build {} in {}", build.name, build.dir);
        let mut options = options("--build-arg", &build.env);
        if let Some(file) = &build.dockerfile {
            options.extend(["-f".to_owned(), file.clone()]);
        }
        options.push(".".to_owned());
        let exec = Exec::changes(BUILD)
            .args([build.name.clone(), build.dir.clone()])
            .args(options)
            .env(environment(&[], &build.env))
            .timeout(COMPOSE_TIMEOUT);
        let output = self.exec(&what, self.with_logins(exec)).await?;
        if output.success() {
            return got(&build.name, &output);
        }
        let error = failed(&what, &output);
        Err(StepError { stderr: error.stderr.map(|said| last_lines(&said)), ..error })
    }

    /// With the logins that the steps before it on this host have made.
    pub(super) fn with_logins(&self, mut exec: Exec) -> Exec {
        if !self.logins.is_empty() {
            exec.env.push(answers(&self.logins));
        }
        exec
    }

    /// Tells how much of a file has gone while `work` sends it.
    async fn watching(
        &self,
        upload: &Upload,
        of: u64,
        work: impl Future<Output = Result<Output, StepError>>,
    ) -> Result<Output, StepError> {
        tokio::pin!(work);
        let mut told = 0;
        loop {
            tokio::select! {
                result = &mut work => return result,
                () = tokio::time::sleep(LOOK) => {}
                // Half a file is no harm: the host drops what it has of it.
                () = self.stop.cancelled() => return Err(interrupted()),
            }
            let bytes = upload.sent().min(of);
            let share = bytes.saturating_mul(TOLD) / of.max(1);
            if share > told {
                told = share;
                (self.sending)(bytes, of);
            }
        }
    }
}

/// What the scripts are told of logins: a line for each, as their library reads it.
fn answers(logins: &[&Login]) -> (String, String) {
    let lines: Vec<String> = logins.iter().map(|login| login.answer().expose().to_owned()).collect();
    ("BGCTL_LOGINS".to_owned(), lines.join("\n"))
}

/// What a script that got an image says of it.
fn got(name: &str, output: &Output) -> Result<Done, StepError> {
    let text = output.text();
    let line = text.lines().find_map(|line| line.strip_prefix("image ")).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let wrong = |message: String| StepError { message, stderr: None, hint: None };
    let Some((id, digests)) = words.split_first() else {
        return Err(wrong(format!("the host did not say what {name} is")));
    };
    let image = told::image(id, digests)
        .map_err(|what| wrong(format!("the host does not say what {name} is, but {what}")))?;
    let (changed, detail) = (text.lines().any(|line| line == "new"), Some(image.named()));
    let images = Some(Images(BTreeMap::from([(name.to_owned(), image)])));
    Ok(Done { changed, detail, images, ..Done::default() })
}

/// The registry of an image, as people name it.
fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "Docker Hub",
    }
}

fn explained(trouble: Option<Trouble>, place: &str, error: StepError) -> StepError {
    let (message, hint) = match trouble {
        Some(Trouble::Down) => (
            format!("{place} does not answer"),
            "is the registry up, and can this host reach it? look there with `bgctl exec`",
        ),
        Some(Trouble::Untrusted) => (
            format!("{place} shows a certificate that this host does not trust"),
            "give its engine the CA: /etc/docker/certs.d/REGISTRY/ca.crt",
        ),
        _ => return error,
    };
    StepError { message, hint: Some(hint.to_owned()), ..error }
}

/// What to do about a pull inside of something larger.
pub(super) fn advice(stderr: &str) -> Option<String> {
    let hint = match trouble(stderr)? {
        Trouble::Refused => "log in before it, with `registry_login`, as a user who may read that repository",
        Trouble::Missing => "was the image pushed? check the repository's name and the tag",
        Trouble::Untrusted => "give the engine the registry's CA: /etc/docker/certs.d/REGISTRY/ca.crt",
        Trouble::Down => "is the registry up, and can this host reach it?",
    };
    Some(hint.to_owned())
}

/// In the words of Docker, containerd and Podman.
fn trouble(stderr: &str) -> Option<Trouble> {
    let said = stderr.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&["x509:", "certificate signed by unknown", "server gave http response to https"]) {
        Some(Trouble::Untrusted)
    } else if says(&[
        "unauthorized",
        "incorrect username or password",
        "no basic auth credentials",
        "authentication required",
        "access denied",
        "access to the resource is denied",
        "denied: ",
        "403 forbidden",
        "invalid username/password",
    ]) {
        Some(Trouble::Refused)
    } else if says(&["manifest unknown", "name unknown", "manifest for ", "failed to resolve reference"])
        && says(&["not found", "unknown"])
    {
        Some(Trouble::Missing)
    } else if says(&[
        "connection refused",
        "no such host",
        "i/o timeout",
        "tls handshake timeout",
        "no route to host",
        "network is unreachable",
        "server misbehaving",
        "connection reset",
        "client.timeout exceeded",
        "context deadline exceeded",
        "service unavailable",
        "bad gateway",
    ]) {
        Some(Trouble::Down)
    } else {
        None
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LAST)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_engines_say_is_understood() {
        for (said, trouble_is) in [
            (
                "Error response from daemon: login attempt to https://r/v2/ failed with status: 401 Unauthorized",
                Trouble::Refused,
            ),
            (
                "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": unauthorized: incorrect username or password",
                Trouble::Refused,
            ),
            (
                "Error response from daemon: Head \"https://r/v2/a/manifests/1\": no basic auth credentials",
                Trouble::Refused,
            ),
            (
                "Error response from daemon: pull access denied for a, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                Trouble::Refused,
            ),
            (
                "Error response from daemon: manifest for r/a:9 not found: manifest unknown: manifest unknown",
                Trouble::Missing,
            ),
            ("failed to resolve reference \"r/a:9\": r/a:9: not found", Trouble::Missing),
            (
                "Error response from daemon: Get \"https://r/v2/\": dial tcp 1.2.3.4:443: connect: connection refused",
                Trouble::Down,
            ),
            (
                "Error response from daemon: Get \"https://r/v2/\": dial tcp: lookup r on 127.0.0.11:53: no such host",
                Trouble::Down,
            ),
            (
                "Error response from daemon: Get \"https://r/v2/\": net/http: TLS handshake timeout",
                Trouble::Down,
            ),
            (
                "Error response from daemon: Get \"https://r/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
                Trouble::Untrusted,
            ),
        ] {
            assert_eq!(trouble(said), Some(trouble_is), "{said}");
        }
        assert_eq!(trouble("no space left on device"), None);
        assert_eq!(advice("no space left on device"), None);
    }

    #[test]
    fn a_registry_is_named_by_its_images() {
        assert_eq!(registry_of("ghcr.io/me/app:1"), "ghcr.io");
        assert_eq!(registry_of("localhost/app"), "localhost");
        assert_eq!(registry_of("r:5000/app"), "r:5000");
        assert_eq!(registry_of("me/app:1"), "Docker Hub");
        assert_eq!(registry_of("app"), "Docker Hub");
    }

    #[test]
    fn what_was_got_is_told_with_its_digests() {
        let output = |text: &str| Output { stdout: text.as_bytes().to_vec(), ..Output::default() };
        let done = got("r/a:1", &output("image sha256:0123456789abcdef r/a@sha256:fedcba9876543210\nnew\n"))
            .unwrap();
        assert!(done.changed);
        assert_eq!(done.detail.unwrap(), "sha256:0123456789ab (r/a@sha256:fedcba987654)");
        assert!(!got("r/a:1", &output("image sha256:01\n")).unwrap().changed);
        for odd in ["", "image", "image $(id)", "image \u{1b}]0;x", "image sha256:01 `id`"] {
            assert!(got("r/a:1", &output(odd)).is_err(), "{odd}");
        }
        assert!(got("r/a:1", &output(&format!("image {}", "a ".repeat(1 << 20)))).is_err());
        assert!(got("r/a:1", &output("")).is_err());
    }

    #[test]
    fn of_a_long_build_the_end_is_shown() {
        let text: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        let end = last_lines(&text.join("\n"));
        assert!(end.starts_with("60\n") && end.ends_with("\n99"), "{end}");
        assert_eq!(last_lines("one"), "one");
    }

    /// The library as a host's shell runs it: asked as an engine asks, with an own configuration beside it.
    #[test]
    fn the_helper_answers_and_nothing_of_the_password_is_in_a_file() {
        let home = tempfile::tempdir().unwrap();
        let own = home.path().join(".docker");
        std::fs::create_dir_all(own.join("contexts")).unwrap();
        std::fs::write(own.join("config.json"), "{\n\t\"currentContext\": \"far\"\n}\n").unwrap();
        let login = Login::new("r.lab:5000", "me", "it's \"secret\" \\n $(x)").unwrap();
        let other = Login::new("", "me", "other").unwrap();
        let script = concat!(
            include_str!("../scripts/end_lib.sh"),
            include_str!("../scripts/registry_lib.sh"),
            "log_in || exit 1\n",
            "printf '%s' \"$1\" | docker-credential-bgctl get\n",
            "printf '%s' nowhere | docker-credential-bgctl get\n",
            "printf '%s' '{}' | docker-credential-bgctl store\n",
            "cat \"$DOCKER_CONFIG/config.json\"; ls \"$DOCKER_CONFIG\"; grep -rl secret \"$DOCKER_CONFIG\"\n",
            "echo \"$DOCKER_CONFIG\""
        );
        let (name, answers) = answers(&[&login, &other]);
        #[expect(clippy::disallowed_methods, reason = "the test is the host")]
        let output = std::process::Command::new("sh")
            .args(["-c", script, "log_in", "r.lab:5000"])
            .env("HOME", home.path())
            .env_remove("DOCKER_CONFIG")
            .env(name, answers)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let [answer, unknown, config, bin, shown, contexts, folder] = lines.as_slice() else {
            panic!("{text}")
        };
        assert!(answer.contains(r#""Secret":"it's \"secret\" \\n $(x)""#), "{answer}");
        assert_eq!(*unknown, "credentials not found in native keychain");
        let config: serde_json::Value = serde_json::from_str(config).unwrap();
        assert_eq!(config["currentContext"], "far");
        assert_eq!(config["credHelpers"]["r.lab:5000"], "bgctl");
        assert_eq!(config["credHelpers"][DOCKER_HUB], "bgctl");
        assert_eq!((*bin, *shown, *contexts), ("bin", "config.json", "contexts"));
        assert!(!std::path::Path::new(folder).exists(), "{folder} stays");
        assert!(std::fs::read_to_string(own.join("config.json")).unwrap().contains("far"));
    }
}
