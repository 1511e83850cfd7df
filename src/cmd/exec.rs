//! `bgctl exec`: a command on a pattern of hosts.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use serde_json::json;

use crate::cli::ExecArgs;
use crate::model::{Endpoint, Escalation, HostName, Pattern};
use crate::paint::one_line;
use crate::remote::{Output, Remote, RemoteError};
use crate::run;

use super::failure::{Failure, FailureKind, unreachable_table};
use super::load::{self, Hosts};
use super::observe;
use super::session::{Session, now, written};

/// A command that a person waits for may take long; one that hangs shall not hang for ever.
const TIMEOUT: Duration = Duration::from_hours(1);

pub(super) async fn run(session: &Session, args: &ExecArgs) -> Result<u8, Failure> {
    let hosts = load::hosts(&session.cli, &session.environment)?;
    let endpoints = selected(&hosts, &args.pattern)?;
    let argv = match &args.shell {
        Some(text) => vec!["sh".to_owned(), "-c".to_owned(), text.clone()],
        None => args.argv.clone(),
    };
    let escalations: Vec<(HostName, Option<Escalation>)> =
        endpoints.iter().map(|endpoint| (endpoint.host.clone(), endpoint.escalate.clone())).collect();
    let (fleet, failed) = observe::connect_to(session, endpoints).await;
    if !failed.is_empty() {
        fleet.close().await;
        return Err(unreachable_table(&failed));
    }
    let runs = escalations.iter().map(|(host, escalate)| {
        let exec = run::command(&argv).escalate(escalate.clone()).timeout(TIMEOUT);
        let fleet = &fleet;
        async move { (host, fleet.exec(host, exec).await) }
    });
    let mut results = stream::iter(runs).buffered(usize::from(session.cli.globals.forks));
    let mut all_well = true;
    while let Some((host, result)) = results.next().await {
        all_well &= result.as_ref().is_ok_and(Output::success);
        show(session, host, &result)?;
    }
    drop(results);
    fleet.close().await;
    Ok(if all_well { 0 } else { FailureKind::Failed.exit_code() })
}

fn selected(hosts: &Hosts, pattern: &str) -> Result<Vec<Endpoint>, Failure> {
    let usage = |text: String| Failure::new(FailureKind::Usage, text);
    let pattern = Pattern::parse(pattern).map_err(|error| usage(error.to_string()))?;
    let selection = hosts.inventory.select(&pattern).map_err(|error| usage(error.to_string()))?;
    let limit = match &hosts.limit {
        None => None,
        Some(limit) => Some(hosts.inventory.select(limit).map_err(|error| usage(error.to_string()))?.hosts),
    };
    let inside = |host: &&HostName| limit.as_ref().is_none_or(|limit| limit.contains(host));
    let wanted: Vec<Endpoint> =
        selection.hosts.iter().filter(inside).filter_map(|host| hosts.endpoints.get(host).cloned()).collect();
    if wanted.is_empty() {
        return Err(usage(format!("no host matches {pattern}"))
            .hint("a pattern is a host, a group, or several with `:` between"));
    }
    Ok(wanted)
}

fn show(session: &Session, host: &HostName, result: &Result<Output, RemoteError>) -> Result<(), Failure> {
    if session.json() {
        return session.document(&format!("{}\n", line(session, host, result)));
    }
    let paint = session.ui.out_paint();
    match result {
        Ok(output) => {
            let mark = if output.success() {
                paint.green("ok")
            } else {
                paint.red(format!("exit status {}", output.status))
            };
            session.result(&paint.page([format!("{} | {mark}", paint.bold(host))]))?;
            written(session.ui.pass_on(&output.stdout))?;
            session.ui.pass_on_errors(&output.stderr);
            if output.cut {
                session.ui.say(&paint.page([format!(
                    "{host}: it wrote more than is kept here, which is 16 MiB, and 1 MiB of errors"
                )]));
            }
            Ok(())
        }
        Err(error) => {
            let why = paint.red(one_line(&error.to_string()));
            session.result(&paint.page([format!("{} | {why}", paint.bold(host))]))
        }
    }
}

fn line(session: &Session, host: &HostName, result: &Result<Output, RemoteError>) -> serde_json::Value {
    let mut line = json!({
        "time": now(), "run": session.run, "host": host, "phase": null, "task": "exec", "event": "executed",
    });
    let rest = match result {
        Ok(output) => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            json!({ "status": output.status, "stdout": output.text(), "stderr": stderr, "cut": output.cut })
        }
        Err(error) => json!({ "status": null, "error": error.to_string() }),
    };
    if let (Some(line), Some(rest)) = (line.as_object_mut(), rest.as_object()) {
        line.extend(rest.clone());
    }
    line
}
