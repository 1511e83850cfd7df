//! bgctl's own variables in an inventory: a misspelt one would be passed over, and something else be deployed.

use crate::model::source::suggestion;
use crate::model::{BadVariable, StateGroup, Vars};

const KNOWN: [&str; 4] = ["bgctl_playbook", "bgctl_address", "bgctl_state_dir", "bgctl_state_group"];

/// What is wrong with a host's variables that begin with `bgctl_`.
pub(super) fn check(vars: &Vars) -> Vec<BadVariable> {
    let own = vars.iter().filter(|(name, _)| name.starts_with("bgctl_"));
    let problem = |name: &str, value: &serde_json::Value| match name {
        "bgctl_state_dir" if !value.as_str().is_some_and(|path| path.starts_with('/')) => {
            Some("it is a folder on the host, which begins with /".to_owned())
        }
        "bgctl_state_group" if !value.is_null() => {
            value.as_str().unwrap_or_default().parse::<StateGroup>().err()
        }
        _ if KNOWN.contains(&name) => None,
        _ => Some(match suggestion(name, KNOWN) {
            Some(near) => format!("there is no such variable of bgctl's; did you mean `{near}`?"),
            None => format!("there is no such variable of bgctl's; there are {}", KNOWN.join(", ")),
        }),
    };
    own.filter_map(|(name, value)| {
        problem(name, value).map(|problem| BadVariable { variable: name.clone(), problem })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(vars: serde_json::Value) -> Vec<String> {
        let vars: Vars = serde_json::from_value(vars).unwrap();
        check(&vars).into_iter().map(|bad| format!("{}: {}", bad.variable, bad.problem)).collect()
    }

    #[test]
    fn what_is_misspelt_is_told_with_what_was_meant() {
        assert_eq!(
            problems(json!({
                "bgctl_playbook": "a.yml", "bgctl_state_dir": "/x", "bgctl_state_group": "web", "other": 1
            })),
            Vec::<String>::new()
        );
        assert_eq!(
            problems(json!({ "bgctl_playbok": "a.yml", "bgctl_state_dir": "x", "bgctl_state_group": 1000 })),
            [
                "bgctl_playbok: there is no such variable of bgctl's; did you mean `bgctl_playbook`?",
                "bgctl_state_dir: it is a folder on the host, which begins with /",
                "bgctl_state_group: it is the name of a group on the host: letters, digits, `.`, `_` and `-`, at \
                 most 32",
            ]
        );
    }
}
