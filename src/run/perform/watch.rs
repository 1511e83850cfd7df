//! After the switch: errors over the limit take it back.

use std::time::Duration;

use tokio::time::Instant;

use crate::event::StepError;
use crate::model::Watch;
use crate::remote::Exec;
use crate::scripts::WATCH;

use super::{Done, Performance, interrupted};

/// Between two probes.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Between two looks into the access log.
const READ_EVERY: Duration = Duration::from_secs(3);
/// Probes in a row that must not fail.
const FAILURES: u32 = 3;
/// Requests without which a share says nothing.
const ENOUGH: u64 = 20;
/// Of why it was not read, as much is told.
const LONGEST_WHY: usize = 500;
/// No place in a log needs more characters: two numbers.
const LONGEST_CURSOR: usize = 64;

impl Performance<'_> {
    pub(super) async fn watch(&self, watch: &Watch) -> Result<Done, StepError> {
        let began = Instant::now();
        let mut seen = Seen::default();
        let mut read_at: Option<Instant> = None;
        loop {
            self.probe_once(watch, &mut seen).await?;
            let over = began.elapsed() >= watch.window;
            if over || read_at.is_none_or(|at| at.elapsed() >= READ_EVERY) {
                self.read_log(watch, &mut seen).await;
                read_at = Some(Instant::now());
                seen.judge(watch)?;
            }
            if over {
                return Ok(seen.done());
            }
            let second = seconds(began.elapsed()).saturating_add(1);
            (self.waiting)(second.min(seconds(watch.window)), seconds(watch.window), seen.sentence());
            tokio::select! {
                () = tokio::time::sleep(PROBE_EVERY) => {}
                () = self.stop.cancelled() => return Err(interrupted()),
            }
        }
    }

    /// Asks once more whether the color is served; `Err` when that failed too often in a row.
    async fn probe_once(&self, watch: &Watch, seen: &mut Seen) -> Result<(), StepError> {
        seen.probes += 1;
        let met = match self.ask(&watch.check).await {
            Ok(Ok(())) => {
                seen.failures = 0;
                return Ok(());
            }
            Ok(Err(met)) => StepError { message: met, stderr: None, hint: None },
            Err(error) => error,
        };
        seen.failures += 1;
        if seen.failures < FAILURES {
            return Ok(());
        }
        let message = format!("{FAILURES} probes in a row failed after the switch: {}", met.message);
        Err(StepError { message, ..met })
    }

    async fn read_log(&self, watch: &Watch, seen: &mut Seen) {
        if watch.pointer.nginx().is_none() && watch.log.is_none() {
            seen.unread = Some("where it is stands nowhere: give its file as `watch: log:`".to_owned());
            return;
        }
        let args = [
            watch.state.folder.clone(),
            watch.run.clone(),
            watch.window.as_secs().to_string(),
            watch.pointer.path().to_owned(),
            watch.log.clone().unwrap_or_default(),
            seen.cursor.clone(),
        ];
        let mut env = watch.pointer.variables();
        env.extend(watch.state.variables());
        let exec = Exec::reads(WATCH).args(args).env(env);
        match self.run("read the access log", exec).await {
            Ok(output) => seen.read(&output.text()),
            // The next look reads what this one should have.
            Err(error) => seen.unread = Some(error.message),
        }
    }
}

/// Whether this is a place in a log, as the script writes it.
fn is_place(cursor: &str) -> bool {
    cursor.len() <= LONGEST_CURSOR && cursor.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ')
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// Requests, and those of them that were answered with 5xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Share {
    requests: u64,
    errors: u64,
}

impl Share {
    /// In hundredths of a percent.
    fn hundredths(self) -> u64 {
        let errors = self.errors.min(self.requests);
        let hundredths = (u128::from(errors) * 10_000).checked_div(u128::from(self.requests));
        u64::try_from(hundredths.unwrap_or(0)).unwrap_or(u64::MAX)
    }

    fn percent(self) -> String {
        percent(self.hundredths())
    }
}

fn percent(hundredths: u64) -> String {
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    probes: u32,
    /// Of those, the last ones that failed in a row.
    failures: u32,
    before: Share,
    after: Share,
    cursor: String,
    /// Why the log was not read, where it was not.
    unread: Option<String>,
}

impl Seen {
    /// Takes in what the script printed.
    fn read(&mut self, text: &str) {
        let unread = text.lines().find_map(|line| line.strip_prefix("unread "));
        self.unread = unread.map(|why| why.chars().take(LONGEST_WHY).collect());
        if self.unread.is_some() {
            return;
        }
        let share = |word: &str| -> Share {
            let line = text.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_default();
            let mut numbers = line.split(' ').map(|number| number.parse().unwrap_or(0));
            Share { requests: numbers.next().unwrap_or(0), errors: numbers.next().unwrap_or(0) }
        };
        if self.cursor.is_empty() {
            self.before = share("before ");
        }
        let added = share("after ");
        // A load balancer says what it likes.
        self.after.requests = self.after.requests.saturating_add(added.requests);
        self.after.errors = self.after.errors.saturating_add(added.errors);
        let cursor = text.lines().find_map(|line| line.strip_prefix("cursor "));
        match cursor.filter(|cursor| is_place(cursor)) {
            Some(cursor) => cursor.clone_into(&mut self.cursor),
            None => self.unread = Some("the load balancer does not say how far it has read".to_owned()),
        }
    }

    /// `Err` when errors are over the limit.
    fn judge(&self, watch: &Watch) -> Result<(), StepError> {
        let limit = u64::from(watch.limit);
        if self.after.requests < ENOUGH
            || self.after.hundredths() <= self.before.hundredths().saturating_add(limit)
        {
            return Ok(());
        }
        let message = format!(
            "errors rose from {} ({} of {} requests before the switch) to {} ({} of {} since); the limit is {} more",
            self.before.percent(),
            self.before.errors,
            self.before.requests,
            self.after.percent(),
            self.after.errors,
            self.after.requests,
            percent(limit),
        );
        let hint = "the access log of the load balancer tells which requests; traffic goes back".to_owned();
        Err(StepError { message, stderr: None, hint: Some(hint) })
    }

    fn sentence(&self) -> String {
        match &self.unread {
            Some(why) => format!("probes: {}; the access log was not read: {why}", self.probes),
            None => format!(
                "{} errors in {} requests since the switch ({}; before it {}); probes: {}",
                self.after.errors,
                self.after.requests,
                self.after.percent(),
                self.before.percent(),
                self.probes
            ),
        }
    }

    fn done(self) -> Done {
        let notice = self.unread.as_ref().map(|why| format!("probes alone watched the switch: {why}"));
        Done { detail: Some(self.sentence()), notice, ..Done::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ask, Check, Pointer, StateDir};

    fn watch(limit: u32) -> Watch {
        let ask = Ask::Tcp { host: "h".to_owned(), port: 1 };
        let second = Duration::from_secs(1);
        Watch {
            check: Check {
                ask,
                of: None,
                retries: 0,
                delay: second,
                timeout: second,
                successes: 1,
                rest: second,
            },
            window: second * 30,
            limit,
            log: None,
            pointer: Pointer::Link { link: "/l".to_owned(), nginx: Box::default() },
            state: StateDir::of_one("/f"),
            run: "r".to_owned(),
        }
    }

    fn seen(lines: &[&str]) -> Seen {
        let mut seen = Seen::default();
        for text in lines {
            seen.read(text);
        }
        seen
    }

    #[test]
    fn what_is_read_bit_by_bit_adds_up() {
        let seen = seen(&["before 200 2\nafter 10 0\ncursor 1 2\n", "before 0 0\nafter 90 5\ncursor 1 9\n"]);
        assert_eq!(
            (seen.before, seen.after),
            (Share { requests: 200, errors: 2 }, Share { requests: 100, errors: 5 })
        );
        assert_eq!(seen.cursor, "1 9");
    }

    /// A load balancer that counts beyond all measure comes to its own verdict, and to no other end.
    #[test]
    fn no_count_is_too_large_and_no_place_is_anything_else() {
        let most = u64::MAX;
        for numbers in [format!("{most} {most}"), format!("1 {most}"), format!("{most} 0"), "-1 x".to_owned()]
        {
            let text = format!("before {numbers}\nafter {numbers}\ncursor 1 1\n");
            let seen = seen(&[&text, &text]);
            assert!(seen.judge(&watch(u32::MAX)).is_ok() && seen.sentence().len() < 200, "{numbers}");
        }
        for cursor in ["$(id)", "1;2", "-1", &"1".repeat(100)] {
            let seen = seen(&[&format!("before 1 0\nafter 1 0\ncursor {cursor}\n")]);
            assert!(seen.cursor.is_empty() && seen.unread.is_some(), "{cursor}");
        }
    }

    #[test]
    fn only_a_rise_over_the_limit_counts_and_only_of_enough_requests() {
        let judged = |before: &str, after: &str, limit| {
            seen(&[&format!("before {before}\nafter {after}\ncursor 1 1")]).judge(&watch(limit))
        };
        assert!(judged("100 0", "100 1", 100).is_ok(), "at the limit");
        assert!(judged("100 0", "100 2", 100).is_err());
        assert!(judged("100 50", "100 51", 100).is_ok(), "it was as bad before");
        assert!(judged("100 0", "19 19", 100).is_ok(), "too few");
        assert!(judged("0 0", "20 1", 0).is_err());
        assert_eq!(
            judged("1000 1", "80 20", 100).unwrap_err().message,
            "errors rose from 0.10 % (1 of 1000 requests before the switch) to 25.00 % (20 of 80 since); \
             the limit is 1.00 % more"
        );
    }

    #[test]
    fn numbers_of_any_size_are_counted() {
        let most = u64::MAX;
        let lines = format!("before 1 {most}\nafter {most} {most}\ncursor 1 2\n");
        let seen = seen(&[&lines, &lines]);
        assert_eq!(seen.after, Share { requests: most, errors: most });
        assert_eq!((seen.after.hundredths(), seen.before.hundredths()), (10_000, 10_000));
        assert!(seen.judge(&watch(1)).is_ok() && seen.sentence().contains("100.00 %"), "{}", seen.sentence());
    }

    #[test]
    fn the_real_script_counts_by_the_times_that_lines_bear() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let switch = "run 1\ntoken\n1\nboot\n0\n2026-03-01T00:00:01Z\n/l\na\nb\n";
        std::fs::write(path("confirmed"), switch).unwrap();
        let lines = [
            r#"h - - [28/Feb/2026:23:59:50 +0000] "GET / HTTP/1.1" 500 5 "-" "before the window""#,
            r#"h - - [28/Feb/2026:23:59:51 +0000] "GET / HTTP/1.1" 500 5 "-" "x""#,
            r#"h - - [01/Mar/2026:01:00:00 +0100] "GET /\x22 500 x HTTP/1.1" 200 5 "-" "x""#,
            r#"h - - [01/Mar/2026:00:00:01 +0000] "GET / HTTP/1.1" 500 5 "-" "in the second of the switch""#,
            r#"{"at": "2026-03-01T00:00:03+00:00", "status": "502"}"#,
            r#"{"at": "2026-02-28T23:00:03-01:00", "status": 204}"#,
        ];
        std::fs::write(path("log"), lines.join("\n") + "\n").unwrap();
        #[expect(clippy::disallowed_methods, reason = "the test is the host")]
        let output = std::process::Command::new("sh")
            .args(["-c", WATCH, "watch", &path(""), "run 1", "10", "/l", &path("log"), ""])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let seen = seen(&[&text]);
        let share = |requests, errors| Share { requests, errors };
        assert_eq!((seen.before, seen.after), (share(2, 1), share(2, 1)), "{text}");
    }

    #[test]
    fn a_log_that_is_not_read_is_told() {
        let done = seen(&["unread access_log is off\n"]).done();
        assert_eq!(done.notice.unwrap(), "probes alone watched the switch: access_log is off");
    }
}
