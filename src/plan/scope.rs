//! What a template sees on a host: variables, the color's values, and what bgctl adds.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::facts::{Facts, Observed};
use crate::model::{
    Archive, Color, Context, EscalationWords, HostName, Inventory, Module, Pattern, Play, Playbook, Problem,
    Problems, Text, Vars, expand_known,
};

/// What people wrote, resolved: everything that a plan is made from beside the facts.
#[derive(Debug, Clone)]
pub struct Model {
    /// The inventory.
    pub inventory: Inventory,
    /// The playbook.
    pub playbook: Playbook,
    /// `-e`: they win over everything but bgctl's own.
    pub extra: Vars,
    /// `-l`.
    pub limit: Option<Pattern>,
    /// Whom tasks become on a host, unless they say otherwise.
    pub escalations: BTreeMap<HostName, Option<String>>,
    /// This run's id, as templates may show it.
    pub run: String,
    /// Archives of images by the names that the playbook gives them, or why they cannot be read.
    pub archives: BTreeMap<String, Result<Archive, String>>,
}

/// One color's view of the app, while planning for it.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) color: Color,
    pub(super) live: Option<Color>,
    pub(super) release: String,
    upstreams: Value,
    other_upstreams: Value,
}

impl Side {
    /// The color's `address:port` on every app server that has a port.
    pub(super) fn addresses(&self) -> Vec<String> {
        let all = self.upstreams.as_array().into_iter().flatten();
        let address = |upstream: &Value| {
            let address = upstream.get("address")?.as_str()?;
            let port = upstream.get("port").filter(|port| !port.is_null())?;
            let port = port.as_str().map_or_else(|| port.to_string(), str::to_owned);
            Some(if address.contains(':') {
                format!("[{address}]:{port}")
            } else {
                format!("{address}:{port}")
            })
        };
        all.filter_map(address).collect()
    }
}

/// Builds contexts; what is the same for all of them is made once.
pub(super) struct Scope<'a> {
    pub(super) model: &'a Model,
    pub(super) observed: &'a Observed,
    /// Hosts that are left out of the upstreams.
    left_out: &'a [HostName],
    shared: Arc<Vars>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(model: &'a Model, observed: &'a Observed, left_out: &'a [HostName]) -> Self {
        Self { model, observed, left_out, shared: model.inventory.shared() }
    }

    /// Whether a host failed and shall get no traffic.
    pub(super) fn leaves_out(&self, host: &HostName) -> bool {
        self.left_out.contains(host)
    }

    /// The hosts of a pattern, in inventory order, `-l` not yet applied.
    pub(super) fn hosts(&self, pattern: &Pattern) -> Result<Vec<HostName>, Problems> {
        let selection = self.model.inventory.select(pattern);
        selection
            .map(|selection| selection.hosts)
            .map_err(|error| Problems(vec![Problem::anywhere(error.to_string())]))
    }

    /// The hosts that the app runs on: those of every stage play with a compose task.
    pub(super) fn app_servers(&self) -> Result<Vec<HostName>, Problems> {
        let mut found = Vec::new();
        for play in &self.model.playbook.stage {
            if play.tasks.iter().any(|task| matches!(task.module, Module::Compose(_))) {
                found.extend(self.hosts(&play.hosts)?);
            }
        }
        let all = self.model.inventory.hosts();
        Ok(all.iter().filter(|host| found.contains(host)).cloned().collect())
    }

    pub(super) fn load_balancers(&self) -> Result<Vec<HostName>, Problems> {
        self.hosts(&self.model.playbook.switch.hosts)
    }

    /// A color's view; `live` is what templates shall see as `live_color`.
    pub(super) fn side(&self, color: Color, live: Option<Color>, release: &str) -> Result<Side, Problems> {
        let upstreams = self.upstreams(color)?;
        let other_upstreams = self.upstreams(color.other())?;
        Ok(Side { color, live, release: release.to_owned(), upstreams, other_upstreams })
    }

    fn upstreams(&self, color: Color) -> Result<Value, Problems> {
        let none = Side {
            color,
            live: None,
            release: String::new(),
            upstreams: json!([]),
            other_upstreams: json!([]),
        };
        let mut list = Vec::new();
        for host in self.app_servers()? {
            if self.left_out.contains(&host) {
                continue;
            }
            let context = self.context_for_others(&host, &none, None);
            refuse_facts(&context)?;
            let vars = context.vars;
            // The host's own variable of that name is no address of bgctl's.
            let address = ["bgctl_address", "ansible_host"].into_iter().find_map(|name| vars.get(name));
            let address = address.and_then(Value::as_str).unwrap_or(host.as_str()).to_owned();
            let port = vars.get("port").cloned().unwrap_or(Value::Null);
            list.push(json!({ "host": host, "address": address, "port": port }));
        }
        Ok(Value::Array(list))
    }

    /// Everything that a template or text sees on a host. Later entries win; `-e` over all that people
    /// wrote, bgctl's own over that. A value that cannot be expanded is left out: who needs it is told.
    pub(super) fn context(&self, host: &HostName, side: &Side, play: Option<&Play>) -> Context {
        self.filled(host, side, play, self.own(host, side))
    }

    /// The same without what the host says of itself: that is for itself alone, and enters nothing that is asked of
    /// others.
    pub(super) fn context_for_others(&self, host: &HostName, side: &Side, play: Option<&Play>) -> Context {
        let mut own = self.own(host, side);
        own.remove("facts");
        self.filled(host, side, play, own)
    }

    fn filled(&self, host: &HostName, side: &Side, play: Option<&Play>, own: Vars) -> Context {
        let playbook = &self.model.playbook;
        let mut vars = self.model.inventory.vars(host);
        let written = [
            Some(&playbook.vars),
            Some(playbook.color_vars(side.color)),
            play.map(|play| &play.vars),
            Some(&self.model.extra),
        ];
        for layer in written.into_iter().flatten() {
            vars.extend(layer.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        if !vars.contains_key("address") {
            vars.insert("address".to_owned(), json!(address(&vars, host)));
        }
        let locate = |name: &str| {
            let above = [playbook.color_vars(side.color), &self.model.extra];
            if above.into_iter().chain(play.map(|play| &play.vars)).any(|vars| vars.contains_key(name)) {
                return None;
            }
            playbook.var_places.get(name).cloned().or_else(|| self.model.inventory.locate(host, name))
        };
        let mut context = expand_known(&vars, own, &self.shared, &locate);
        self.add_preview(side, &mut context);
        context
    }

    /// `preview`: null, or who may look and at what. What is wrong with it is told to whoever asks for it.
    fn add_preview(&self, side: &Side, context: &mut Context) {
        let name = "preview".to_owned();
        match self.model.playbook.switch.preview.as_ref().map(|preview| preview.allowed(context)) {
            None => drop(context.vars.insert(name, Value::Null)),
            Some(Ok(allow)) => {
                let colors = Color::BOTH.map(|color| {
                    let upstreams = if color == side.color { &side.upstreams } else { &side.other_upstreams };
                    json!({ "color": color, "upstreams": upstreams })
                });
                context.vars.insert(name, json!({ "allow": allow, "colors": colors }));
            }
            Some(Err(problem)) => {
                context.vars.remove(&name);
                context.broken.insert(name, problem);
            }
        }
    }

    fn own(&self, host: &HostName, side: &Side) -> Vars {
        let color = |color: Option<Color>| color.map_or(Value::Null, |color| json!(color));
        let own = json!({
            "app": self.model.playbook.name,
            "color": side.color,
            "live_color": color(side.live),
            "release": side.release,
            "run_id": self.model.run,
            "upstreams": side.upstreams,
            "other_upstreams": side.other_upstreams,
            "facts": self.observed.hosts.get(host).map_or_else(unknown_facts, facts_value),
        });
        match own {
            Value::Object(own) => own,
            _ => Vars::new(),
        }
    }
}

/// Refuses an address that a host would give itself: the load balancers' traffic would go where it says.
fn refuse_facts(context: &Context) -> Result<(), Problems> {
    let names = ["bgctl_address", "ansible_host", "port"];
    let mut broken = names.into_iter().filter_map(|name| context.broken.get(name));
    let is_of_facts = |problem: &&Problem| problem.message().contains("`facts");
    let Some(problem) = broken.find(is_of_facts) else { return Ok(()) };
    let help = "what a host says of itself is for itself alone: write where load balancers reach it";
    Err(Problems(vec![problem.clone().help(help)]))
}

/// Where load balancers reach a host: the text of a variable's value, as templates see it.
fn address(vars: &Vars, host: &HostName) -> String {
    let is_set = |name: &str| vars.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    match ["bgctl_address", "ansible_host"].into_iter().find(|name| is_set(name)) {
        Some(name) => format!("{{{{ {name} }}}}"),
        None => host.to_string(),
    }
}

/// Whom a step becomes: the task's words, the play's, then the host's.
pub(super) fn escalate<F>(
    model: &Model,
    host: &HostName,
    words: [&EscalationWords; 2],
    text: F,
) -> Result<Option<String>, Problem>
where
    F: Fn(&Text) -> Result<String, Problem>,
{
    let by_default = model.escalations.get(host).cloned().flatten();
    let wanted = words.iter().find_map(|words| words.escalate).unwrap_or(by_default.is_some());
    if !wanted {
        return Ok(None);
    }
    match words.iter().find_map(|words| words.user.as_ref()) {
        Some(user) => text(user).map(Some),
        None => Ok(Some(by_default.unwrap_or_else(|| "root".to_owned()))),
    }
}

/// Facts before the host was asked: every name is there, so that a misspelt one is found.
fn unknown_facts() -> Value {
    json!({
        "hostname": "", "kernel": "", "arch": "", "os": "", "os_version": "",
        "docker": "", "compose": "", "nginx": "",
    })
}

/// What `when` and templates may ask for as `facts.…`.
fn facts_value(facts: &Facts) -> Value {
    let mut value = json!(facts.system);
    if let Value::Object(map) = &mut value {
        map.insert("docker".to_owned(), json!(facts.docker));
        map.insert("compose".to_owned(), json!(facts.compose));
        map.insert("nginx".to_owned(), json!(facts.nginx.as_ref().map(|nginx| &nginx.version)));
    }
    value
}
