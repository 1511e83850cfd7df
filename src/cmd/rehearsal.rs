//! A rehearsal for a person.

use crate::event::StepError;
use crate::model::{HostName, host_list};
use crate::paint::{Paint, harmless, one_line};
use crate::run::{Rehearsed, Would};

/// What would pass and what would not, hosts that are alike on one line; then the verdict.
pub(super) fn text(steps: &[Rehearsed], reasons: &[String], paint: Paint) -> String {
    let mut lines = vec![String::new(), paint.bold("rehearsal")];
    for (hosts, step) in alike(steps) {
        let hosts = host_list(&hosts);
        let (word, why) = match &step.would {
            Would::Pass => (paint.green("would pass"), String::new()),
            Would::Fail(error) => (paint.red("would FAIL"), format!(": {}", one_line(&error.message))),
            Would::Unknown(why) => (paint.yellow("not tested"), format!(": {}", one_line(why))),
        };
        lines.push(format!("  {word}  {}: {}{why}", paint.bold(hosts), one_line(&step.task)));
        if let Would::Fail(StepError { stderr: Some(said), .. }) = &step.would {
            lines.extend(harmless(said).lines().map(|line| format!("      | {line}")));
        }
    }
    lines.push(String::new());
    if reasons.is_empty() {
        lines.push(paint.bold("A rollback would succeed, as far as can be told without making it."));
    } else {
        lines.push(paint.bold(paint.red("A rollback would not succeed:")));
        lines.extend(reasons.iter().map(|reason| format!("  {}", one_line(reason))));
    }
    paint.page(lines)
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
    use crate::paint::hostile::{assert_tame, hostile};

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

    #[test]
    fn nothing_that_hosts_said_steers_or_passes_for_a_line_of_it() {
        let [task, message, why] = std::array::from_fn(|_| hostile());
        let error = StepError { message, stderr: Some(hostile()), hint: Some(hostile()) };
        let step = |would| Rehearsed { host: "app1".parse().unwrap(), task: task.clone(), would };
        let steps = [step(Would::Pass), step(Would::Fail(error)), step(Would::Unknown(why))];
        for paint in [Paint::PLAIN, Paint::new(true)] {
            assert_tame(&text(&steps, &[hostile()], paint));
        }
    }
}
