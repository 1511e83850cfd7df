//! The services of a compose file.

use super::{Scalars, Source, parse};

/// The names of the services that a compose file starts by default: those without a profile. None of a text
/// that is no compose file, which compose itself will complain about.
#[must_use]
pub fn service_names(text: &str) -> Vec<String> {
    let Ok(root) = parse(&Source::new("compose file", text), Scalars::Yaml11) else { return Vec::new() };
    let entry = |map: &super::Node, name: &str| {
        map.as_map().and_then(|entries| {
            entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone())
        })
    };
    let Some(services) = entry(&root, "services") else { return Vec::new() };
    let services = services.as_map().unwrap_or_default();
    let by_default = services.iter().filter(|(_, service)| entry(service, "profiles").is_none());
    by_default.map(|(name, _)| name.key_text()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_with_a_profile_are_not_started_by_default() {
        let text =
            "services:\n  web: {image: a}\n  debug: {image: b, profiles: [dev]}\n  db:\n    image: c\n";
        assert_eq!(service_names(text), ["web", "db"]);
        assert!(service_names("- no\n").is_empty());
        assert!(service_names("a: [").is_empty());
    }
}
