//! How a command fails: what a person reads, and the exit code that a program reads.

use std::error::Error;

use crate::model::{HostName, host_list};
use crate::paint::{Paint, harmless, one_line, quoted};
use crate::remote::{KeyVerdict, RemoteError};
use crate::ui::NoAnswer;

/// What a caller may conclude from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Traffic is on the release it was on before.
    Failed,
    /// Wrong usage or an invalid file; no host was contacted.
    Usage,
    /// An undo failed, or load balancers disagree.
    NeedsPerson,
    /// A host could not be reached or trusted; nothing was changed.
    Unreachable,
    /// Another run holds the lock.
    Locked,
    /// The saved plan does not fit any more.
    StalePlan,
    /// Interrupted and undone.
    Interrupted,
}

impl FailureKind {
    /// The process's exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NeedsPerson => 3,
            Self::Unreachable => 4,
            Self::Locked => 5,
            Self::StalePlan => 6,
            Self::Interrupted => 130,
        }
    }
}

/// A failed command, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What may be concluded.
    pub kind: FailureKind,
    /// What failed, in one line.
    pub error: String,
    /// Why, each cause beneath the one before.
    pub causes: Vec<String>,
    /// What belongs to it as it is: a table, a snippet of a file.
    pub details: Vec<String>,
    /// What to do about it.
    pub hints: Vec<String>,
    /// What to run next.
    pub commands: Vec<String>,
}

impl Failure {
    /// A failure in one line, which names what was tried.
    #[must_use]
    pub fn new(kind: FailureKind, error: impl Into<String>) -> Self {
        let [causes, details, hints, commands] = [const { Vec::new() }; 4];
        Self { kind, error: error.into(), causes, details, hints, commands }
    }

    /// From an error and its sources.
    #[must_use]
    pub fn of(kind: FailureKind, error: &dyn Error) -> Self {
        Self::new(kind, error.to_string()).because(error.source())
    }

    /// A question that nobody was there to answer.
    #[must_use]
    pub fn unanswered(error: &NoAnswer, shows: &str) -> Self {
        Self::of(FailureKind::Usage, error)
            .hint(format!("say -y to go ahead without a question; {shows} shows what would be done"))
    }

    /// Caused by that error and its sources.
    #[must_use]
    pub fn because(mut self, error: Option<&dyn Error>) -> Self {
        let causes = std::iter::successors(error, |&error| error.source());
        self.causes.extend(causes.map(ToString::to_string));
        self
    }

    /// With text of ours that is shown as it is, line by line.
    #[must_use]
    pub fn detail(self, text: &str) -> Self {
        self.lines(text.lines())
    }

    /// With lines that are shown as they are, each of which stays one.
    #[must_use]
    pub fn lines<S: Into<String>>(mut self, lines: impl IntoIterator<Item = S>) -> Self {
        self.details.extend(lines.into_iter().map(Into::into));
        self
    }

    /// With what hosts said of themselves.
    #[must_use]
    pub fn said<'a>(self, said: impl IntoIterator<Item = &'a (HostName, String)>) -> Self {
        self.lines(said.into_iter().flat_map(|(host, why)| quoted(&format!("{host}: "), why)))
    }

    /// With advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With a command to run next.
    #[must_use]
    pub fn run(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    /// The text for stderr.
    #[must_use]
    pub fn render(&self, paint: Paint) -> String {
        let mut lines = vec![format!("{} {}", paint.red(paint.bold("error:")), one_line(&self.error))];
        let causes = self.causes.iter();
        lines.extend(causes.flat_map(|cause| labelled(&paint.red("caused by:"), "caused by:", cause)));
        if !self.details.is_empty() {
            lines.push(String::new());
            lines.extend(self.details.iter().map(|line| harmless(line)));
        }
        if !self.hints.is_empty() || !self.commands.is_empty() {
            lines.push(String::new());
        }
        lines.extend(self.hints.iter().flat_map(|hint| labelled(&paint.cyan("hint:"), "hint:", hint)));
        lines.extend(self.commands.iter().map(|command| format!("  {}", paint.bold(one_line(command)))));
        paint.page(lines)
    }
}

/// A label and a text whose further lines stand under its first one, marked so that none looks like a line of ours.
fn labelled(painted: &str, label: &str, text: &str) -> Vec<String> {
    let text = harmless(text.trim_end());
    let mut lines = text.lines();
    let first = format!("{painted} {}", lines.next().unwrap_or_default());
    let indent = " ".repeat(label.len() + 1);
    std::iter::once(first).chain(lines.map(|line| format!("{indent}| {line}"))).collect()
}

/// All hosts that were not reached or not trusted, in one table, with what to do for each kind of trouble.
#[must_use]
pub fn unreachable_table(hosts: &[(HostName, RemoteError)]) -> Failure {
    let noun = if hosts.len() == 1 { "host" } else { "hosts" };
    let error = format!("{} {noun} could not be reached or trusted; nothing was changed", hosts.len());
    let mut failure = Failure::new(FailureKind::Unreachable, error).detail(&table(hosts));
    for (verdict, alike) in by_verdict(hosts) {
        let names: Vec<&HostName> = alike.iter().map(|(host, _)| host).collect();
        let Some(hint) = alike.iter().find_map(|(_, error)| error.hint()) else { continue };
        let same = alike.iter().all(|(_, error)| error.hint() == Some(hint));
        let one =
            names.first().filter(|_| !same).map(|host| format!(", here for {host}")).unwrap_or_default();
        failure = failure.hint(format!("{verdict} on {}{one}: {hint}", host_list(&names)));
    }
    failure
}

fn by_verdict(hosts: &[(HostName, RemoteError)]) -> Vec<(&'static str, Vec<&(HostName, RemoteError)>)> {
    let mut groups: Vec<(&'static str, Vec<&(HostName, RemoteError)>)> = Vec::new();
    for host in hosts {
        let verdict = verdict(&host.1);
        match groups.iter_mut().find(|(other, _)| *other == verdict) {
            Some((_, alike)) => alike.push(host),
            None => groups.push((verdict, vec![host])),
        }
    }
    groups
}

const fn verdict(error: &RemoteError) -> &'static str {
    match error {
        RemoteError::Unreachable { .. } => "unreachable",
        RemoteError::Untrusted(untrusted) => match untrusted.verdict {
            KeyVerdict::Unknown => "unknown host key",
            KeyVerdict::OtherAlgorithm { .. } => "other key type",
            KeyVerdict::Changed { .. } => "HOST KEY CHANGED",
            KeyVerdict::Revoked { .. } => "HOST KEY REVOKED",
            KeyVerdict::Unreadable { .. } | KeyVerdict::Unread { .. } => "host key not judged",
            KeyVerdict::Unproved { .. } => "host key not proved",
        },
        RemoteError::Denied { .. } => "login refused",
        RemoteError::Refused(_) => "refused",
        RemoteError::Lost(_) => "connection lost",
        RemoteError::TimedOut(_) => "timed out",
        RemoteError::TooLong(_) => "answer too long",
    }
}

/// What the host showed, or what went wrong.
fn showed(error: &RemoteError) -> String {
    match error {
        RemoteError::Unreachable { address, reason, .. } => format!("{address}: {reason}"),
        RemoteError::Untrusted(untrusted) => match &untrusted.verdict {
            KeyVerdict::Unknown => format!("{} {}", untrusted.algorithm, untrusted.fingerprint),
            KeyVerdict::OtherAlgorithm { known } => {
                format!("{} {} (known: {known})", untrusted.algorithm, untrusted.fingerprint)
            }
            KeyVerdict::Changed { file, line } | KeyVerdict::Revoked { file, line } => {
                format!("{} {} (on record: {file}:{line})", untrusted.algorithm, untrusted.fingerprint)
            }
            KeyVerdict::Unreadable { .. } | KeyVerdict::Unread { .. } | KeyVerdict::Unproved { .. } => {
                error.to_string()
            }
        },
        RemoteError::Denied { address, user, reason, .. } => format!("{user} at {address}: {reason}"),
        other => other.to_string(),
    }
}

fn table(hosts: &[(HostName, RemoteError)]) -> String {
    let width =
        |texts: &mut dyn Iterator<Item = &str>| texts.map(console::measure_text_width).max().unwrap_or(0);
    let host_width = width(&mut hosts.iter().map(|(host, _)| host.as_str()).chain(["HOST"]));
    let verdict_width = width(&mut hosts.iter().map(|(_, error)| verdict(error)).chain(["TROUBLE"]));
    let row = |host: &str, verdict: &str, text: &str| {
        format!("  {host:<host_width$}  {verdict:<verdict_width$}  {}\n", one_line(text))
    };
    let head = row("HOST", "TROUBLE", "WHAT IT SHOWED");
    let rows = hosts.iter().map(|(host, error)| row(host.as_str(), verdict(error), &showed(error)));
    head + &rows.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paint::hostile::{assert_tame, hostile};
    use crate::remote::Untrusted;

    #[test]
    fn a_failure_reads_from_what_to_why_to_what_next() {
        let broken = std::io::Error::other("disk full");
        let failure = Failure::new(FailureKind::Failed, "cannot write the journal")
            .because(Some(&broken))
            .hint("free some space in the state folder,\nor name another one with XDG_STATE_HOME")
            .run("bgctl status -i prod.yml");
        insta::assert_snapshot!(failure.render(Paint::PLAIN), @"
        error: cannot write the journal
        caused by: disk full

        hint: free some space in the state folder,
              | or name another one with XDG_STATE_HOME
          bgctl status -i prod.yml
        ");
    }

    #[test]
    fn a_failure_without_advice_is_one_line() {
        let failure = Failure::new(FailureKind::Usage, "no such playbook: \x1b[2Jx.yml");
        assert_eq!(failure.render(Paint::PLAIN), "error: no such playbook: \\x1b[2Jx.yml\n");
    }

    #[test]
    fn no_part_of_a_failure_steers_or_passes_for_another() {
        let host: HostName = "app1".parse().unwrap();
        let untrusted = |verdict| {
            let [host, algorithm, fingerprint, line, hint] = std::array::from_fn(|_| hostile());
            RemoteError::Untrusted(Box::new(Untrusted { host, verdict, algorithm, fingerprint, line, hint }))
        };
        let [address, user, reason, hint] = std::array::from_fn(|_| hostile());
        let errors = [
            RemoteError::Unreachable { address: hostile(), reason: hostile(), hint: hostile() },
            untrusted(KeyVerdict::Unknown),
            untrusted(KeyVerdict::OtherAlgorithm { known: hostile() }),
            untrusted(KeyVerdict::Changed { file: hostile(), line: 1 }),
            untrusted(KeyVerdict::Revoked { file: hostile(), line: 1 }),
            RemoteError::Denied { address, user, reason, hint },
            RemoteError::Refused(hostile()),
            RemoteError::Lost(hostile()),
        ];
        let hosts: Vec<(HostName, RemoteError)> = errors.map(|error| (host.clone(), error)).to_vec();
        let broken = std::io::Error::other(hostile());
        let failure = Failure::new(FailureKind::Failed, hostile())
            .because(Some(&broken))
            .lines([hostile()])
            .said(&[(host, hostile())])
            .hint(hostile())
            .run(hostile());
        for paint in [Paint::PLAIN, Paint::new(true)] {
            assert_tame(&failure.render(paint));
            assert_tame(&unreachable_table(&hosts).render(paint));
        }
    }

    #[test]
    fn who_cannot_be_asked_is_told_how_to_answer() {
        let failure = Failure::unanswered(&NoAnswer::NobodyThere, "bgctl plan");
        assert_eq!(failure.kind.exit_code(), 2);
        insta::assert_snapshot!(failure.render(Paint::PLAIN), @"
        error: cannot ask: stdin is not a terminal

        hint: say -y to go ahead without a question; bgctl plan shows what would be done
        ");
    }

    #[test]
    fn exit_codes_are_the_contract() {
        use FailureKind::{Failed, Interrupted, Locked, NeedsPerson, StalePlan, Unreachable, Usage};
        let kinds = [Failed, Usage, NeedsPerson, Unreachable, Locked, StalePlan, Interrupted];
        assert_eq!(kinds.map(FailureKind::exit_code), [1, 2, 3, 4, 5, 6, 130]);
    }

    fn untrusted(host: &str, verdict: KeyVerdict) -> RemoteError {
        RemoteError::Untrusted(Box::new(Untrusted {
            host: host.to_owned(),
            verdict,
            algorithm: "ssh-ed25519".to_owned(),
            fingerprint: format!("SHA256:{}", host.repeat(4)),
            line: format!("{host} ssh-ed25519 AAAA"),
            hint: format!("compare the fingerprint on {host}, then add its key to ~/.ssh/known_hosts"),
        }))
    }

    #[test]
    fn all_hosts_stand_in_one_table_with_one_hint_for_each_trouble() {
        let unreachable = RemoteError::Unreachable {
            address: "10.0.0.9:22".to_owned(),
            reason: "connection refused".to_owned(),
            hint: "is sshd running there, and is the port right?".to_owned(),
        };
        let changed = KeyVerdict::Changed { file: "/home/anna/.ssh/known_hosts".to_owned(), line: 7 };
        let hosts = [
            ("app1", untrusted("app1", KeyVerdict::Unknown)),
            ("app2.example.com", untrusted("app2", KeyVerdict::Unknown)),
            ("app3", untrusted("app3", changed)),
            ("lb1", unreachable),
        ];
        let hosts = hosts.map(|(host, error)| (host.parse().unwrap(), error));
        let failure = unreachable_table(&hosts);
        assert_eq!(failure.kind.exit_code(), 4);
        insta::assert_snapshot!(failure.render(Paint::PLAIN));
    }
}
