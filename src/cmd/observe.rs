//! One connection per host, one round of facts, side by side with the probes.

use std::collections::BTreeMap;

use futures::future::{join, join_all};

use zeroize::Zeroizing;

use crate::facts::{self, Facts, Observed, Questions, Served};
use crate::model::{Ask, Check, Color, Endpoint, Escalation, HostName, Key};
use crate::plan;
use crate::remote::ssh::{Settings, SshFleet};
use crate::remote::{Answer, Exec, Probe, Remote, RemoteError, meets};
use crate::run;

use super::failure::{Failure, FailureKind, unreachable_table};
use super::load::{Loaded, wrong};
use super::session::Session;
use super::unfinished;

/// What every host is asked. Made before anything is contacted, so that what is wrong in files is found first.
pub(super) struct Round {
    questions: BTreeMap<HostName, Questions>,
    probes: BTreeMap<HostName, Vec<(Color, Check)>>,
    /// The app's key, should no load balancer have one: the same however often they are asked.
    fresh: Key,
}

impl Round {
    pub(super) fn prepare(loaded: &Loaded) -> Result<Self, Failure> {
        let questions = plan::questions(&loaded.model).map_err(wrong)?;
        let probes = plan::probes(&loaded.model).map_err(wrong)?;
        if questions.is_empty() {
            let error = "the playbook's hosts patterns match no host of the inventory";
            return Err(Failure::new(FailureKind::Usage, error).hint("do the groups' names agree?"));
        }
        Ok(Self { questions, probes, fresh: fresh_key()? })
    }

    /// Also asks the load balancers for the plan of the run that is under way or was left.
    pub(super) fn with_plan(mut self) -> Self {
        self.questions.values_mut().for_each(|questions| questions.of_state_mut().plan = true);
        self
    }

    /// Also asks the load balancers what earlier runs came to, and nothing else of anybody.
    pub(super) fn only_history(mut self) -> Self {
        self.questions.retain(|_, questions| questions.of_state().records.is_some());
        for questions in self.questions.values_mut() {
            let Questions { records, escalate, .. } = std::mem::take(questions.of_state_mut());
            *questions = Questions { records, escalate, history: true, ..Questions::default() };
        }
        self.probes.clear();
        self
    }

    /// Leaves hosts alone.
    pub(super) fn without(mut self, hosts: &[HostName]) -> Self {
        self.questions.retain(|host, _| !hosts.contains(host));
        self
    }

    /// Asks them all; failures by host.
    pub(super) async fn ask(
        &self,
        remote: &dyn Remote,
        loaded: &Loaded,
    ) -> (Observed, Vec<(HostName, String)>) {
        let asking = self.questions.iter().map(|(host, questions)| async move {
            let probes = self.probes.get(host).map_or(&[][..], Vec::as_slice);
            let (facts, served) =
                join(facts_of(remote, loaded, host, questions), served_by(remote, host, probes)).await;
            (host.clone(), facts, served)
        });
        let (mut observed, mut failures) = (Observed::default(), Vec::new());
        for (host, facts, served) in join_all(asking).await {
            match facts {
                Ok(facts) => {
                    observed.hosts.insert(host.clone(), facts);
                }
                Err(why) => failures.push((host.clone(), why)),
            }
            if let Some(served) = served {
                observed.served.insert(host, served);
            }
        }
        // Where they differ, `all` says so.
        observed.key = run::agreed_key(&observed).ok().flatten().unwrap_or_else(|| self.fresh.clone());
        (observed, failures)
    }
}

/// Connects to all hosts of a round; the failures are for the caller to tell.
pub(super) async fn connect(
    session: &Session,
    loaded: &Loaded,
    round: &Round,
) -> (SshFleet, Vec<(HostName, RemoteError)>) {
    let endpoints = round.questions.keys().filter_map(|host| loaded.endpoints.get(host).cloned()).collect();
    connect_to(session, endpoints).await
}

/// Connects to all hosts of a round, or fails with one table of those that failed.
pub(super) async fn connect_all(
    session: &Session,
    loaded: &Loaded,
    round: &Round,
) -> Result<SshFleet, Failure> {
    let (fleet, failed) = connect(session, loaded, round).await;
    if failed.is_empty() {
        return Ok(fleet);
    }
    fleet.close().await;
    Err(unreachable_table(&failed))
}

/// Connects to these hosts.
pub(super) async fn connect_to(
    session: &Session,
    endpoints: Vec<Endpoint>,
) -> (SshFleet, Vec<(HostName, RemoteError)>) {
    let agent_socket = session.environment.ssh_auth_sock.clone();
    SshFleet::connect(endpoints, Settings { agent_socket, ..Settings::default() }).await
}

/// A key that nobody has.
fn fresh_key() -> Result<Key, Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|error| {
        Failure::new(FailureKind::Failed, format!("the system gives no random bytes: {error}"))
    })?;
    Ok(Key::new(bytes))
}

/// Everything that was asked, or a failure that names every host that did not answer, every load balancer whose state
/// may not be read, or load balancers that have different keys.
pub(super) fn all((observed, failures): (Observed, Vec<(HostName, String)>)) -> Result<Observed, Failure> {
    if failures.is_empty() {
        refuse_closed(&observed)?;
        run::agreed_key(&observed).map_err(|error| unfinished::unusable(&error))?;
        return Ok(observed);
    }
    let failure =
        Failure::new(FailureKind::Unreachable, "hosts could not say what is there; nothing was changed");
    Err(failure.said(&failures).hint("can the user run `sh` there, and sudo where become is set?"))
}

/// State that cannot be read is not as if there were none: a run may have been left, a switch may be waiting.
fn refuse_closed(observed: &Observed) -> Result<(), Failure> {
    let closed =
        observed.hosts.iter().filter_map(|(host, facts)| Some((host, facts.records.closed.as_ref()?)));
    let closed: Vec<(HostName, String)> = closed.map(|(host, why)| (host.clone(), why.clone())).collect();
    if closed.is_empty() {
        return Ok(());
    }
    let error = "what earlier runs left on load balancers cannot be read; nothing was changed";
    Err(Failure::new(FailureKind::NeedsPerson, error).said(&closed))
}

/// What a host says, to each user who is asked there.
async fn facts_of(
    remote: &dyn Remote,
    loaded: &Loaded,
    host: &HostName,
    questions: &Questions,
) -> Result<Facts, String> {
    let of_tasks = ask(remote, loaded, host, questions);
    match &questions.of_switch {
        None => of_tasks.await,
        Some(of_switch) => {
            let (facts, more) = join(of_tasks, ask(remote, loaded, host, of_switch)).await;
            Ok(facts?.and(more?))
        }
    }
}

async fn ask(
    remote: &dyn Remote,
    loaded: &Loaded,
    host: &HostName,
    questions: &Questions,
) -> Result<Facts, String> {
    let escalate = questions
        .escalate
        .clone()
        .map(|user| Escalation { user, password: loaded.passwords.get(host).cloned() });
    let exec = Exec::reads(facts::SCRIPT).args(questions.args()).escalate(escalate);
    let output = remote.exec(host, exec).await.map_err(|error| match error.hint() {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    })?;
    let answered = facts::read(&output.text(), questions).map_err(|error| {
        let said = output.errors();
        if said.is_empty() { error.to_string() } else { format!("{error}: {said}") }
    })?;
    for what in &answered.unasked {
        tracing::info!(%host, "told of {what}, which it was not asked: that does not count");
    }
    Ok(answered.facts)
}

/// Which color a load balancer serves, by the proof that the verify probe asks for.
async fn served_by(remote: &dyn Remote, host: &HostName, probes: &[(Color, Check)]) -> Option<Served> {
    if probes.is_empty() {
        return None;
    }
    let (mut found, mut met) = (Vec::new(), String::new());
    let mut answers: Vec<(Probe, Result<Answer, RemoteError>)> = Vec::new();
    for (color, check) in probes {
        let Ask::Http(ask) = &check.ask else { continue };
        let probe = Probe::asking(ask, check.timeout);
        // Both colors are usually asked for at one address: one request tells.
        let known = answers.iter().find(|(asked, _)| *asked == probe).map(|(_, answer)| answer.clone());
        let answer = if let Some(answer) = known { answer } else { remote.probe(host, probe.clone()).await };
        answers.push((probe, answer.clone()));
        match answer.map_err(|error| error.to_string()).and_then(|answer| meets(ask, &answer)) {
            Ok(()) => found.push(*color),
            Err(why) => met = why,
        }
    }
    Some(match found.as_slice() {
        [] => Served::Neither(met),
        [color] => Served::Color(*color),
        _ => Served::Both,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Records;

    #[test]
    fn every_process_has_a_key_of_its_own() {
        assert_ne!(fresh_key().unwrap(), fresh_key().unwrap());
        assert_ne!(fresh_key().unwrap(), Key::default());
    }

    #[test]
    fn state_that_cannot_be_read_is_not_as_if_there_were_none() {
        let records = Records { closed: Some("/s is root's: become root".to_owned()), ..Records::default() };
        let facts = Facts { records, ..Facts::default() };
        let observed = Observed { hosts: [("lb1".parse().unwrap(), facts)].into(), ..Observed::default() };
        let failure = all((observed, Vec::new())).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 3);
        let text = failure.render(crate::paint::Paint::PLAIN);
        assert!(text.contains("lb1") && text.contains("become root"), "{text}");
    }

    #[test]
    fn load_balancers_with_different_keys_stop_whoever_reads_them() {
        let mut observed = Observed::default();
        for (host, byte) in [("lb1", "ab"), ("lb2", "cd")] {
            let records = Records { key: byte.repeat(32).parse().ok(), ..Records::default() };
            observed.hosts.insert(host.parse().unwrap(), Facts { records, ..Facts::default() });
        }
        let failure = all((observed, Vec::new())).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 3);
        let text = failure.render(crate::paint::Paint::PLAIN);
        assert!(text.contains("lb1: one key") && text.contains("lb2: another one"), "{text}");
        assert!(!text.contains("abab") && !text.contains("cdcd"), "{text}");
    }
}
