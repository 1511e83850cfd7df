//! Registries of images, and what lets a host into one.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Secret;

/// Docker Hub, as engines name it where they look for a login.
pub const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A registry, a user, and the password or token that proves who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The registry as engines name it: `HOST[:PORT]`, or [`DOCKER_HUB`].
    pub registry: String,
    /// The user.
    pub username: String,
    /// The password, which is written down nowhere, not even as a hash: whoever opens a plan fills it in.
    #[serde(skip)]
    pub password: Secret,
}

impl Login {
    /// A login, or what is wrong with it.
    pub fn new(registry: &str, username: &str, password: &str) -> Result<Self, String> {
        let registry = registry_of(registry)?;
        if username.is_empty() || username.contains(|letter: char| letter == ':' || letter.is_control()) {
            return Err("`username` is empty, or has a `:` or a line break in it".to_owned());
        }
        // As `docker login --password-stdin`: a file or a variable often ends with a line break.
        let password = password.trim_end_matches(['\n', '\r']);
        if password.is_empty() {
            return Err("`password` is empty: is the variable set that it comes from?".to_owned());
        }
        Ok(Self { registry, username: username.to_owned(), password: Secret::new(password) })
    }

    /// The registry as people name it.
    #[must_use]
    pub fn place(&self) -> &str {
        if self.registry == DOCKER_HUB { "Docker Hub" } else { &self.registry }
    }

    /// What a credential helper answers to an engine that asks for this registry, with the registry in front of it.
    #[must_use]
    pub fn answer(&self) -> Secret {
        let answer = json!({ "ServerURL": self.registry, "Username": self.username, "Secret": self.password.expose() });
        Secret::new(format!("{} {answer}", self.registry))
    }
}

/// A registry as engines name it, from any of the ways in which people do.
fn registry_of(text: &str) -> Result<String, String> {
    let text = text.trim();
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let host = host.split('/').next().unwrap_or_default();
    if text.is_empty()
        || ["docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com"].contains(&host)
    {
        return Ok(DOCKER_HUB.to_owned());
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_plain) {
        return Err(format!("`registry` is HOST or HOST:PORT, as in ghcr.io, and this is {text:?}"));
    }
    Ok(host.to_owned())
}

/// An image's name as engines take it, or what is wrong with it.
pub fn image_name(name: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@[]".contains(&byte);
    if name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) && name.bytes().all(is_plain) {
        return Ok(name.to_owned());
    }
    Err(format!("{name:?} is no image's name: write REPOSITORY:TAG, as in ghcr.io/me/app:1.2"))
}

/// An image that comes out of an archive on the operator's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadImage {
    /// Its name.
    pub name: String,
    /// The archive as the playbook names it.
    pub file: String,
    /// The archive's size in bytes.
    pub size: u64,
    /// The ids that engines may give the image.
    pub ids: Vec<String>,
    /// The archive on this machine: whoever opens a plan fills it in.
    #[serde(skip)]
    pub path: std::path::PathBuf,
}

/// An image that is built on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildImage {
    /// Its name.
    pub name: String,
    /// The folder on the host.
    pub dir: String,
    /// The Dockerfile, where it is not the folder's own.
    pub dockerfile: Option<String>,
    /// `ARG`s of the Dockerfile. No list of processes shows their values, but for names that engines go by themselves.
    pub env: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_known_by_any_of_its_names() {
        for name in ["", "docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"] {
            assert_eq!(Login::new(name, "me", "x").unwrap().registry, DOCKER_HUB, "{name:?}");
        }
        for (name, known) in [
            ("ghcr.io", "ghcr.io"),
            ("https://ghcr.io/", "ghcr.io"),
            ("ghcr.io/owner", "ghcr.io"),
            ("registry.lab:5000", "registry.lab:5000"),
            ("1234.dkr.ecr.eu-west-1.amazonaws.com", "1234.dkr.ecr.eu-west-1.amazonaws.com"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(Login::new(name, "me", "x").unwrap().registry, known);
        }
        for name in ["a b", "a\"b", "https://", "$(x)"] {
            assert!(Login::new(name, "me", "x").is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_login_is_whole_and_keeps_its_password_to_itself() {
        assert!(Login::new("ghcr.io", "", "x").is_err());
        assert!(Login::new("ghcr.io", "a:b", "x").is_err());
        assert!(Login::new("ghcr.io", "me", "\n").unwrap_err().contains("is the variable set"));
        let login = Login::new("ghcr.io", "me", "it's \"secret\"\\\n").unwrap();
        assert_eq!(
            login.answer().expose(),
            r#"ghcr.io {"ServerURL":"ghcr.io","Username":"me","Secret":"it's \"secret\"\\"}"#
        );
        let written = serde_json::to_string(&login).unwrap() + &format!("{login:?}");
        assert!(!written.contains("secret"), "{written}");
    }

    #[test]
    fn an_image_is_named_as_engines_name_it() {
        for name in ["app", "ghcr.io/me/app:1.2", "registry.lab:5000/a@sha256:00ff", "a__b"] {
            assert_eq!(image_name(name).unwrap(), name);
        }
        for name in ["", "-v", "a b", "a;b", "$(x)", "a\nb"] {
            assert!(image_name(name).is_err(), "{name:?}");
        }
    }
}
