//! Variables that people give to compose and to containers, as scripts get them: under names of bgctl's, because theirs
//! may be those of a script's own variables. `variables_lib.sh` gives them their names again.

/// Under this with its name after it a variable's value comes, and under this one the names.
const VALUE: &str = "BGCTL_ENV_";
const NAMES: &str = "BGCTL_NAMES";

/// Variables that engines themselves go by, and how others of these begin.
const OF_ENGINES: [&str; 4] = ["PATH", "HOME", "TMPDIR", "REGISTRY_AUTH_FILE"];
const OF_ENGINES_BEGIN: [&str; 11] = [
    "DOCKER_",
    "COMPOSE_",
    "BUILDKIT_",
    "BUILDX_",
    "PODMAN_",
    "CONTAINER_",
    "CONTAINERS_",
    "XDG_",
    "BGCTL_",
    "LD_",
    "PYTHON",
];

/// Variables to which shells give a meaning, or a value.
const OF_SHELLS: [&str; 20] = [
    "PWD",
    "OLDPWD",
    "UID",
    "EUID",
    "PPID",
    "GROUPS",
    "IFS",
    "ENV",
    "SHELLOPTS",
    "LINENO",
    "RANDOM",
    "SRANDOM",
    "SECONDS",
    "EPOCHSECONDS",
    "EPOCHREALTIME",
    "OPTIND",
    "HISTCMD",
    "FUNCNAME",
    "DIRSTACK",
    "PIPESTATUS",
];

type Variables = [(String, String)];

/// The environment of a script that calls compose or an engine: for compose itself, as the shell of a person would
/// have it, and for containers.
pub(super) fn environment(compose: &Variables, container: &Variables) -> Vec<(String, String)> {
    let (mut all, named): (Vec<_>, Vec<_>) =
        compose.iter().cloned().partition(|(name, _)| is_of_engines(name));
    let looked_up = container.iter().filter(|(name, _)| !is_told(name)).cloned();
    let named: Vec<(String, String)> = named.into_iter().chain(looked_up).collect();
    if !named.is_empty() {
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        all.push((NAMES.to_owned(), names.join(" ")));
        all.extend(named.into_iter().map(|(name, value)| (format!("{VALUE}{name}"), value)));
    }
    all
}

/// Options that give a container its variables: `NAME`, whose value the engine looks up in its own environment; or
/// `NAME=VALUE`, where it would go by that value itself.
pub(super) fn options(option: &str, container: &Variables) -> Vec<String> {
    let text = |(name, value): &(String, String)| {
        if is_told(name) { format!("{name}={value}") } else { name.clone() }
    };
    container.iter().flat_map(|variable| [option.to_owned(), text(variable)]).collect()
}

fn is_told(name: &str) -> bool {
    is_of_engines(name) || OF_SHELLS.contains(&name) || name.starts_with("BASH")
}

fn is_of_engines(name: &str) -> bool {
    OF_ENGINES.contains(&name) || OF_ENGINES_BEGIN.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables<const N: usize>(all: [(&str, &str); N]) -> Vec<(String, String)> {
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn a_container_s_values_are_looked_up_but_for_those_that_engines_and_shells_go_by() {
        let container = variables([("name", "shop"), ("PATH", "/app"), ("TOKEN", "a b"), ("UID", "7")]);
        assert_eq!(
            options("-e", &container),
            ["-e", "name", "-e", "PATH=/app", "-e", "TOKEN", "-e", "UID=7"]
        );
        let wanted = [("BGCTL_NAMES", "name TOKEN"), ("BGCTL_ENV_name", "shop"), ("BGCTL_ENV_TOKEN", "a b")];
        assert_eq!(environment(&[], &container), variables(wanted));
    }

    #[test]
    fn compose_sees_both_and_goes_by_what_is_its_own() {
        let compose = variables([("DOCKER_HOST", "unix:///x"), ("name", "shop"), ("TAG", "1")]);
        let environment = environment(&compose, &variables([("TAG", "2"), ("HOME", "/x")]));
        let wanted = [
            ("DOCKER_HOST", "unix:///x"),
            ("BGCTL_NAMES", "name TAG TAG"),
            ("BGCTL_ENV_name", "shop"),
            ("BGCTL_ENV_TAG", "1"),
            ("BGCTL_ENV_TAG", "2"),
        ];
        assert_eq!(environment, variables(wanted));
    }
}
