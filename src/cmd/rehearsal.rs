//! A rehearsal for a person.

use crate::model::{HostName, host_list};
use crate::paint::{Paint, harmless};
use crate::run::{Rehearsed, Would};

/// What would pass and what would not, hosts that are alike on one line; then the verdict.
pub(super) fn text(steps: &[Rehearsed], reasons: &[String], paint: Paint) -> String {
    let mut lines = vec![String::new(), paint.bold("rehearsal")];
    for (hosts, step) in alike(steps) {
        let hosts = host_list(&hosts);
        let (word, why) = match &step.would {
            Would::Pass => (paint.green("would pass"), String::new()),
            Would::Fail(error) => {
                let said =
                    error.stderr.as_ref().map(|said| format!("\n{}", indented(said))).unwrap_or_default();
                (paint.red("would FAIL"), format!(": {}{said}", harmless(&error.message)))
            }
            Would::Unknown(why) => (paint.yellow("not tested"), format!(": {}", harmless(why))),
        };
        lines.push(format!("  {word}  {}: {}{why}", paint.bold(hosts), harmless(&step.task)));
    }
    lines.push(String::new());
    if reasons.is_empty() {
        lines.push(paint.bold("A rollback would succeed, as far as can be told without making it."));
    } else {
        lines.push(paint.bold(paint.red("A rollback would not succeed:")));
        lines.extend(reasons.iter().map(|reason| format!("  {}", harmless(reason))));
    }
    lines.join("\n") + "\n"
}

fn indented(said: &str) -> String {
    harmless(said).lines().map(|line| format!("      | {line}")).collect::<Vec<_>>().join("\n")
}

fn alike(steps: &[Rehearsed]) -> Vec<(Vec<&HostName>, &Rehearsed)> {
    let mut groups: Vec<(Vec<&HostName>, &Rehearsed)> = Vec::new();
    for step in steps {
        match groups.iter_mut().find(|(_, first)| first.task == step.task && first.would == step.would) {
            Some((hosts, _)) => hosts.push(&step.host),
            None => groups.push((vec![&step.host], step)),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::StepError;

    #[test]
    fn hosts_that_are_alike_share_a_line_and_what_fails_is_told_in_full() {
        let step = |host: &str, task: &str, would: Would| Rehearsed {
            host: host.parse().unwrap(),
            task: task.to_owned(),
            would,
        };
        let refused = StepError {
            message: "nginx refuses it".to_owned(),
            stderr: Some("nginx: [emerg] no \u{1b}[31mhost\nfailed".to_owned()),
            hint: None,
        };
        let steps = [
            step("app1", "Answers for itself", Would::Pass),
            step("app2", "Answers for itself", Would::Pass),
            step(
                "app2",
                "Asks",
                Would::Unknown("a command may change its host, so it is not run".to_owned()),
            ),
            step("lb1", "Test", Would::Fail(refused)),
        ];
        insta::assert_snapshot!(text(&steps, &["lb1: Test: nginx refuses it".to_owned()], Paint::PLAIN));
        assert!(text(&steps[..3], &[], Paint::PLAIN).contains("would succeed"));
    }
}
