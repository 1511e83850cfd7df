//! A plan as one JSON document for programs: everything but contents.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Goal, Lane, Plan, Step, Undo, Wave};
use crate::model::{Action, Ask, Check, Draining, Run};

/// The plan for `plan --output json`. Contents are named by digest and size; of a `no_log` step not even
/// those, as a short secret could be guessed from them. Environment variables are named, never shown.
#[must_use]
pub fn to_json(plan: &Plan) -> Value {
    json!({
        "app": plan.app,
        "goal": match plan.goal {
            Goal::Switch(_) => json!("switch"),
            goal => json!(goal),
        },
        "live": plan.live,
        "target": plan.target,
        "release": plan.release,
        "changes": !plan.is_empty(),
        "counts": plan.counts(),
        "load_balancers": plan.load_balancers,
        "standings": plan.standings,
        "app_servers": plan.app_servers,
        "waves": plan.waves.iter().map(wave).collect::<Vec<_>>(),
        "notes": plan.notes,
    })
}

fn wave(wave: &Wave) -> Value {
    json!({
        "phase": wave.phase,
        "name": wave.name,
        "max_fail_percentage": wave.max_fail_percentage,
        "lanes": wave.lanes.iter().map(lane).collect::<Vec<_>>(),
    })
}

fn lane(lane: &Lane) -> Value {
    json!({
        "host": lane.host,
        "steps": lane.steps.iter().map(step).collect::<Vec<_>>(),
        "skipped": lane.skipped,
    })
}

fn step(step: &Step) -> Value {
    let before = step.before.as_ref().filter(|_| !step.no_log).map(|text| digest(text.as_bytes()));
    json!({
        "task": step.name,
        "action": action(&step.action, step.no_log),
        "undo": undo(step),
        "certainty": step.certainty,
        "become_user": step.escalate,
        "ignore_errors": step.ignore_errors,
        "no_log": step.no_log,
        "before": before,
    })
}

fn undo(step: &Step) -> Value {
    match &step.undo {
        Undo::Reverse(reverse) => action(reverse, step.no_log),
        Undo::NotNeeded => Value::Null,
        Undo::Impossible(why) => json!({ "do": "impossible", "why": why }),
    }
}

fn action(action: &Action, no_log: bool) -> Value {
    match action {
        Action::PutFile(file) => json!({
            "do": "put_file",
            "path": file.path,
            "content": if no_log { Value::Null } else { digest(&file.content) },
            "mode": file.mode,
            "owner": file.owner,
            "group": file.group,
            "validate": file.validate.as_ref().filter(|_| !no_log),
        }),
        Action::TestSite { path, content, .. } => json!({
            "do": "test_site",
            "path": path,
            "content": if no_log { Value::Null } else { digest(content.as_bytes()) },
        }),
        // It holds everything that was rendered, also what no log shows.
        Action::Keep(keep) => json!({ "do": "keep", "folder": keep.state.folder, "release": keep.release }),
        Action::Run(command) => tagged("run", run(command, no_log)),
        Action::ComposeRun(inside) => json!({
            "do": "compose_run",
            "project": without_env(serde_json::to_value(&inside.project).unwrap_or_default()),
            "service": inside.service,
            "run": run(&inside.run, no_log),
            "pull": inside.pull,
            "build": inside.build,
            "env_file": inside.env_file,
        }),
        Action::Login(_) if no_log => with(plain(action), "username", Value::Null),
        Action::Check(question) => tagged("check", check(question, no_log)),
        Action::Watch(watch) => with(plain(action), "check", check(&watch.check, no_log)),
        Action::Drain { of: Draining::Command(command), .. } => {
            with(plain(action), "of", json!({ "command": run(command, no_log) }))
        }
        Action::Swap(_) if no_log => with(plain(action), "pointer", Value::Null),
        other => plain(other),
    }
}

/// An action that holds nothing to hide but environments.
fn plain(action: &Action) -> Value {
    without_env(serde_json::to_value(action).unwrap_or_default())
}

fn with(mut value: Value, key: &str, part: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.insert(key.to_owned(), part);
    }
    value
}

fn check(check: &Check, no_log: bool) -> Value {
    json!({
        "ask": ask(&check.ask, no_log),
        "retries": check.retries,
        "delay": check.delay,
        "timeout": check.timeout,
        "successes": check.successes,
        "of": check.of,
    })
}

fn ask(ask: &Ask, no_log: bool) -> Value {
    match ask {
        Ask::Command(command) => json!({ "command": run(command, no_log) }),
        _ if no_log => Value::Null,
        Ask::Http(http) => {
            let mut shown = json!({ "http": http });
            if let Some(ca) = shown.pointer_mut("/http/tls/ca") {
                *ca = digest(ca.as_str().unwrap_or_default().as_bytes());
            }
            shown
        }
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}

fn run(run: &Run, no_log: bool) -> Value {
    if no_log {
        return json!({ "argv": null });
    }
    json!({
        "argv": run.argv,
        "chdir": run.chdir,
        "stdin": run.stdin.as_ref().map(|text| digest(text.as_bytes())),
        "env": run.env.iter().map(|(name, _)| name).collect::<Vec<_>>(),
    })
}

/// Replaces the pairs of every `env` in it by their names.
fn without_env(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let plain = |(key, value): (String, Value)| match value {
        Value::Array(pairs) if key == "env" => {
            let names = pairs.iter().map(|pair| pair.get(0).cloned().unwrap_or_default());
            (key, names.collect())
        }
        other => (key, without_env(other)),
    };
    Value::Object(fields.into_iter().map(plain).collect::<Map<_, _>>())
}

fn tagged(name: &str, mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.shift_insert(0, "do".to_owned(), json!(name));
    }
    value
}

fn digest(bytes: &[u8]) -> Value {
    json!({ "sha256": data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)), "size": bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HttpAsk, Tls};

    #[test]
    fn a_ca_is_named_by_its_digest() {
        let tls = Tls { name: "a.example".to_owned(), ca: Some("pem".to_owned()), validate_certs: true };
        let http = HttpAsk {
            url: "https://h/".to_owned(),
            host: "h".to_owned(),
            port: 443,
            path: "/".to_owned(),
            host_header: None,
            tls: Some(tls),
            status: Vec::new(),
            body: None,
            headers: Vec::new(),
        };
        let shown = ask(&Ask::Http(http), false);
        assert_eq!(shown["http"]["tls"]["name"], "a.example");
        assert_eq!(shown["http"]["tls"]["ca"]["size"], 3);
    }
}
