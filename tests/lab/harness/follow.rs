//! A command of `bgctl` whose events are met as they happen, so that a test can act between two of them.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Output, Stdio};
use std::thread::{JoinHandle, spawn};

use serde_json::Value;

use super::{Lab, Said};

/// A command under way, with `--output json`; it ends with this value.
pub(crate) struct Following {
    args: Vec<String>,
    child: Child,
    lines: BufReader<ChildStdout>,
    errors: Option<JoinHandle<Vec<u8>>>,
    text: String,
    /// The events so far.
    pub(crate) seen: Vec<Value>,
}

impl Lab {
    /// Starts `bgctl` with `--output json` added.
    pub(crate) fn follow(&self, args: &[&str]) -> Following {
        let args = [args, &["--output", "json"]].concat();
        let mut child = self.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let errors = spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Following { args, child, lines, errors: Some(errors), text: String::new(), seen: Vec::new() }
    }
}

impl Following {
    /// The next event; `None` when there are no more.
    pub(crate) fn next(&mut self) -> Option<&Value> {
        let mut line = String::new();
        if self.lines.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        self.text.push_str(&line);
        self.seen.push(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}")));
        self.seen.last()
    }

    /// Waits until an event is like this.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, is: impl Fn(&Value) -> bool) {
        while let Some(event) = self.next() {
            if is(event) {
                return;
            }
        }
        panic!("the run ended without {what}: {}", self.end().in_full());
    }

    /// Ends it as `kill -9` does, wherever it is.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        // What it had said until then; its last words may be torn.
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        self.seen.extend(rest.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()));
    }

    /// The most memory that it has had, in kB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> Said {
        while self.next().is_some() {}
        let status = self.child.wait().unwrap();
        let stderr = self.errors.take().map_or_else(Vec::new, |errors| errors.join().unwrap());
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        Said::new(&args, &Output { status, stdout: self.text.clone().into_bytes(), stderr })
    }

    /// The phase of the last event that has one, or what stands for none.
    pub(crate) fn phase(&self) -> String {
        let phases = self.seen.iter().rev().filter_map(|event| event["phase"].as_str());
        phases.map(str::to_owned).next().unwrap_or_else(|| "no phase yet".to_owned())
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
