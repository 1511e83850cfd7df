//! What is true on the hosts, seen without `bgctl`.

use std::fmt;

use super::{Lab, http};

/// What the load balancer's answers come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Served {
    version: String,
    color: String,
}

impl Served {
    /// Its release.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Its color.
    pub(crate) fn color(&self) -> &str {
        &self.color
    }

    pub(crate) fn new(version: &str, color: &str) -> Self {
        Self { version: version.to_owned(), color: color.to_owned() }
    }

    /// From the app's answer to `/`: `version=0.0.1 color=blue`.
    pub(crate) fn read(body: &str) -> Option<Self> {
        let (version, color) = body.trim_end().strip_prefix("version=")?.split_once(" color=")?;
        Some(Self::new(version, color))
    }
}

impl fmt::Display for Served {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.version, self.color)
    }
}

/// A container of a color, as its host's Docker tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) image: String,
    pub(crate) running: bool,
}

impl Lab {
    /// The release and color that the first load balancer serves, the same in several answers in a row.
    #[track_caller]
    pub(crate) fn served(&self) -> Served {
        self.served_by(self.first_balancer())
    }

    /// The release and color that a load balancer serves, the same in several answers in a row.
    #[track_caller]
    pub(crate) fn served_by(&self, balancer: &str) -> Served {
        let answers: Vec<String> = (0..4).map(|_| self.get_from(balancer, "/")).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "several releases at once: {answers:?}");
        Served::read(&answers[0]).unwrap_or_else(|| panic!("no answer of the app: {}", answers[0]))
    }

    /// The release and color that a load balancer serves now, if it serves any.
    pub(crate) fn glimpse(&self, balancer: &str) -> Option<Served> {
        Served::read(&http::get(self.front_of(balancer), "/").ok()?.text())
    }

    /// What the first load balancer answers, which must be 200.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        self.get_from(self.first_balancer(), path)
    }

    /// What a load balancer answers, which must be 200.
    #[track_caller]
    pub(crate) fn get_from(&self, balancer: &str, path: &str) -> String {
        let answer = http::get(self.front_of(balancer), path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.text()
    }

    /// The names of the app servers that requests reach through the load balancer, sorted.
    pub(crate) fn serving_hosts(&self) -> Vec<String> {
        let answer = |_| http::get(self.front(), "/").unwrap().header("x-host").unwrap_or_default();
        let hosts: std::collections::BTreeSet<String> = (0..12).map(answer).collect();
        hosts.into_iter().collect()
    }

    /// Containers of a color on a host.
    pub(crate) fn containers(&self, host: &str, color: &str) -> Vec<Container> {
        let listed = self.on(
            host,
            &format!(
                "docker ps -a --no-trunc --filter label=com.docker.compose.project=my-server-{color} \
                 --format '{{{{.ID}}}} {{{{.Image}}}} {{{{.State}}}}'"
            ),
        );
        let container = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            Container { id: words[0].to_owned(), image: words[1].to_owned(), running: words[2] == "running" }
        };
        listed.lines().map(container).collect()
    }

    /// The image that a color runs on a host; `None` where nothing of it runs.
    pub(crate) fn running(&self, host: &str, color: &str) -> Option<String> {
        let all = self.containers(host, color);
        all.into_iter().find(|container| container.running).map(|container| container.image)
    }

    /// Writes a file of a host, as a person does: the same file, with its owner and mode.
    pub(crate) fn put(&self, host: &str, path: &str, text: &str) {
        let [text, path] = [text, path].map(|word| shlex::try_quote(word).unwrap());
        self.on(host, &format!("printf %s {text} >{path}"));
    }

    /// What a file of a host contains.
    pub(crate) fn content(&self, host: &str, path: &str) -> String {
        self.on(host, &format!("cat {}", shlex::try_quote(path).unwrap()))
    }

    /// Where the symlink of the first load balancer's nginx points.
    pub(crate) fn link(&self) -> String {
        self.link_of("lb1")
    }

    /// Where the symlink of a load balancer's nginx points.
    pub(crate) fn link_of(&self, balancer: &str) -> String {
        self.on(balancer, "readlink /etc/nginx/sites-enabled/my-server.conf").trim_end().to_owned()
    }
}
