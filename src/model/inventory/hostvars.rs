//! Variables with the variables in their values filled in, and what every host sees of the others.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::Inventory;
use crate::model::source::{Location, Problems, Source};
use crate::model::template::{ENVIRONMENT, expand};
use crate::model::{HostName, Vars};

impl Inventory {
    /// A host's variables with every `{{ name }}` in their values filled in. What only a playbook or a fact can
    /// know is missing here, which is a problem: for a run, expand `vars` together with the playbook's.
    pub fn expanded(&self, host: &HostName) -> Result<Vars, Problems> {
        expand(&self.vars(host), &self.shared(), &|key| self.locate(host, key))
    }

    /// What all hosts see: `groups`, and as `hostvars` the expanded variables of every host. A value that the
    /// inventory alone cannot expand is left out, so that only who asks for it is told that it is missing.
    #[must_use]
    pub fn shared(&self) -> Arc<Vars> {
        Arc::clone(self.shared.get_or_init(|| Arc::new(self.hostvars())))
    }

    fn hostvars(&self) -> Vars {
        let groups: Vars = self.groups().iter().map(|(name, hosts)| (name.clone(), names(hosts))).collect();
        let mut shared = Vars::from_iter([("groups".to_owned(), Value::Object(groups))]);
        shared.insert(ENVIRONMENT.to_owned(), Value::Object(self.environment.clone()));
        let mut missing = usize::MAX;
        // Values may refer to `hostvars`, which this makes: go on as long as that makes more of them known.
        loop {
            let before = Arc::new(shared.clone());
            let known: Vec<_> = self.hosts().iter().map(|host| (host, self.known(host, &before))).collect();
            let still_missing = known.iter().map(|(_, (_, missing))| missing).sum();
            let hostvars = known.into_iter().map(|(host, (vars, _))| (host.to_string(), Value::Object(vars)));
            shared.insert("hostvars".to_owned(), Value::Object(hostvars.collect()));
            if still_missing == 0 || still_missing == missing {
                return shared;
            }
            missing = still_missing;
        }
    }

    /// A host's variables as far as they can be expanded, and how many cannot.
    fn known(&self, host: &HostName, shared: &Arc<Vars>) -> (Vars, usize) {
        let mut vars = self.vars(host);
        let all = vars.len();
        loop {
            // Here each value stands in a source named like its variable: so a problem tells whose it is.
            let named = |key: &str| Some(Location::new(&Source::new(key, ""), 0..0));
            match expand(&vars, shared, &named) {
                Ok(known) => {
                    let missing = all - known.len();
                    return (known, missing);
                }
                Err(Problems(problems)) => {
                    let failed: HashSet<&str> =
                        problems.iter().filter_map(|problem| Some(problem.source()?.name.as_str())).collect();
                    let before = vars.len();
                    vars.retain(|name, _| !failed.contains(name.as_str()));
                    if vars.len() == before {
                        vars.clear();
                    }
                }
            }
        }
    }
}

fn names(hosts: &[HostName]) -> Value {
    hosts.iter().map(HostName::as_str).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn inventory(text: &str, extra: &Value) -> Inventory {
        let source = Source::new("prod.yml", text);
        Inventory::parse(&[source], Path::new("/srv"), extra.as_object().unwrap()).unwrap()
    }

    fn host(name: &str) -> HostName {
        name.parse().unwrap()
    }

    #[test]
    fn a_host_sees_its_own_values_in_its_groups_templates() {
        let text = "web:\n  vars:\n    url: 'http://{{ inventory_hostname }}:{{ port }}/{{ app }}'\n    copy: '{{ port }}'\n  hosts:\n    w1: {port: 80}\n    w2: {port: 81}\n";
        let inventory = inventory(text, &json!({"app": "shop"}));
        let vars = inventory.expanded(&host("w2")).unwrap();
        assert_eq!(vars["url"], "http://w2:81/shop");
        assert_eq!(vars["copy"], 81);
    }

    #[test]
    fn a_missing_variable_is_told_where_it_is_asked_for() {
        let inventory =
            inventory("web:\n  hosts:\n    w1:\n      url: 'http://{{ hots }}/'\n", &json!({"host": "x"}));
        let problems = inventory.expanded(&host("w1")).unwrap_err();
        let shown = problems.0[0].render(false);
        assert_eq!(problems.0.len(), 1);
        assert!(shown.contains("prod.yml:4:") && shown.contains("hots"), "{shown}");
    }

    #[test]
    fn every_host_sees_the_groups_and_the_others() {
        let text = "lb: {hosts: {l1: {ip: 10.0.0.9}}}\nweb:\n  vars: {via: '{{ hostvars.l1.ip }}'}\n  hosts: {w1: , w2: {back: '{{ hostvars.w1.via }}'}}\n";
        let inventory = inventory(text, &json!({}));
        let shared = inventory.shared();
        assert_eq!(shared["groups"]["web"], json!(["w1", "w2"]));
        assert_eq!(shared["groups"]["all"], json!(["l1", "w1", "w2"]));
        assert_eq!(shared["hostvars"]["w1"]["via"], "10.0.0.9");
        assert_eq!(shared["hostvars"]["w2"]["back"], "10.0.0.9");
        assert_eq!(inventory.expanded(&host("w2")).unwrap()["back"], "10.0.0.9");
    }

    #[test]
    fn what_only_a_playbook_knows_is_left_out_for_the_others() {
        let text = "web:\n  hosts:\n    w1: {a: '{{ color }}', b: '{{ a }}/x', c: '{{ d }}', d: 4, e: '{{ hostvars.w2.f }}'}\n    w2: {f: '{{ hostvars.w1.e }}'}\n";
        let inventory = inventory(text, &json!({"g": "{{ nothing }}"}));
        let shared = inventory.shared();
        let seen = shared["hostvars"]["w1"].as_object().unwrap();
        let own: Vec<_> = seen.keys().filter(|key| key.len() == 1).collect();
        assert_eq!(own, ["c", "d"]);
        assert_eq!(seen["c"], 4);
        assert!(shared["hostvars"]["w2"].get("f").is_none());
    }
}
