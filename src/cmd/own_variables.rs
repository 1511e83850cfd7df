//! bgctl's own variables in an inventory: a misspelt one would be passed over, and something else be deployed.

use crate::model::source::suggestion;
use crate::model::{BadVariable, Vars};

const KNOWN: [&str; 3] = ["bgctl_playbook", "bgctl_address", "bgctl_state_dir"];

/// What is wrong with a host's variables that begin with `bgctl_`.
pub(super) fn check(vars: &Vars) -> Vec<BadVariable> {
    let own = vars.iter().filter(|(name, _)| name.starts_with("bgctl_"));
    let problem = |name: &str, value: &serde_json::Value| match name {
        "bgctl_state_dir" if !value.as_str().is_some_and(|path| path.starts_with('/')) => {
            Some("it is a folder on the host, which begins with /".to_owned())
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
            problems(json!({ "bgctl_playbook": "a.yml", "bgctl_state_dir": "/x", "other": 1 })),
            Vec::<String>::new()
        );
        assert_eq!(
            problems(json!({ "bgctl_playbok": "a.yml", "bgctl_state_dir": "x" })),
            [
                "bgctl_playbok: there is no such variable of bgctl's; did you mean `bgctl_playbook`?",
                "bgctl_state_dir: it is a folder on the host, which begins with /",
            ]
        );
    }
}
