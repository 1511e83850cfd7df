//! Variables of a container, as its engine takes them.

/// Variables that say to an engine, or to the shell that starts it, what it shall do itself.
const OF_THE_ENGINE: [&str; 16] = [
    "PATH",
    "HOME",
    "PWD",
    "OLDPWD",
    "UID",
    "EUID",
    "PPID",
    "GROUPS",
    "IFS",
    "ENV",
    "TMPDIR",
    "SHELLOPTS",
    "LINENO",
    "RANDOM",
    "SECONDS",
    "REGISTRY_AUTH_FILE",
];
/// With these such names begin.
const OF_THE_ENGINE_BEGIN: [&str; 11] = [
    "DOCKER_",
    "COMPOSE_",
    "BUILDKIT_",
    "BUILDX_",
    "PODMAN_",
    "CONTAINER_",
    "CONTAINERS_",
    "BGCTL_",
    "LD_",
    "PYTHON",
    "BASH",
];

/// Options of an engine, and the environment in which it looks up the values that they do not show.
#[derive(Default)]
pub(super) struct Handed {
    pub(super) options: Vec<String>,
    /// Names and values in turn.
    pub(super) environment: Vec<String>,
}

/// Hands variables to an engine by an option that takes `NAME` or `NAME=VALUE`.
pub(super) fn hand_over(option: &str, variables: &[(String, String)]) -> Handed {
    let mut handed = Handed::default();
    for (name, value) in variables {
        let shown = is_the_engine_s(name);
        let text = if shown { format!("{name}={value}") } else { name.clone() };
        handed.options.extend([option.to_owned(), text]);
        if !shown {
            handed.environment.extend([name.clone(), value.clone()]);
        }
    }
    handed
}

fn is_the_engine_s(name: &str) -> bool {
    OF_THE_ENGINE.contains(&name) || OF_THE_ENGINE_BEGIN.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::hand_over;

    #[test]
    fn values_are_looked_up_but_for_those_that_would_lead_the_engine_astray() {
        let variables = [("name", "shop"), ("PATH", "/app"), ("TOKEN", "a b"), ("DOCKER_HOST", "tcp://x")];
        let handed = hand_over("-e", &variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(
            handed.options,
            ["-e", "name", "-e", "PATH=/app", "-e", "TOKEN", "-e", "DOCKER_HOST=tcp://x"]
        );
        assert_eq!(handed.environment, ["name", "shop", "TOKEN", "a b"]);
    }
}
