//! The lab's registry: Debian's own, with TLS and a password. Hosts know it as `registry.lab`.

use super::Lab;
use super::lab::{run_docker, run_script};

/// What the registry knows its user `deploy` by.
pub(crate) const TOKEN: &str = "lab-token-0123456789abcdefghijklmnopqrstu";
/// The same of its user `AWS`: as long a text in base64 as its kind of password file takes.
pub(crate) const ECR_TOKEN: &str = "eyJwYXlsb2FkIjoibGFiIiwiZGF0YWtleSI6IkFRSUIiLCJ2ZXJzaW9uIjoiMiJ9";

/// A lab's registry that is up.
pub(crate) struct Registry<'a> {
    lab: &'a Lab,
}

/// A registry that stands still, until this value ends.
pub(crate) struct Paused(String);

impl Lab {
    /// Its registry, up, with the demo app's releases in it; no host has an image from there.
    pub(crate) fn registry(&self) -> Registry<'_> {
        run_script("with-registry", &["--name", self.name()]);
        for host in self.servers() {
            self.on(host, "rm -rf /root/.docker; docker images --format '{{.Repository}}:{{.Tag}}' | grep -E '^(registry.lab/|big:|built:|loaded:)' | xargs -r docker rmi -f >/dev/null");
        }
        let registry = Registry { lab: self };
        for version in ["0.0.1", "0.0.2"] {
            registry.push(&format!("my-server:{version}"));
        }
        registry
    }
}

impl Registry<'_> {
    /// Gives it an image that the first app server has.
    pub(crate) fn push(&self, image: &str) {
        self.lab.on(
            self.lab.servers()[0],
            &format!(
                "export DOCKER_CONFIG=$(mktemp -d); trap 'rm -rf \"$DOCKER_CONFIG\"' EXIT
                 printf %s {TOKEN} | docker login -u deploy --password-stdin registry.lab 2>/dev/null
                 docker tag {image} registry.lab/{image} && docker push -q registry.lab/{image} && docker rmi registry.lab/{image}"
            ),
        );
    }

    /// Ends the registry, but not its machine: nobody listens there any more.
    pub(crate) fn stop(&self) {
        run_docker(&[
            "exec",
            &self.container(),
            "sh",
            "-c",
            "pkill docker-registr; while pgrep docker-registr; do sleep 0.1; done",
        ]);
    }

    /// Has it stand still: who asks it waits.
    pub(crate) fn pause(&self) -> Paused {
        run_docker(&["pause", &self.container()]);
        Paused(self.container())
    }

    fn container(&self) -> String {
        format!("bgctl-{}-registry", self.lab.name())
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        run_docker(&["unpause", &self.0]);
    }
}
