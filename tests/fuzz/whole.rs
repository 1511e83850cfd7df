//! Ten million executions, over all targets: each in a process of its own, whose memory is bounded.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;

use crate::drive::{self, Told};

/// Of how many executions in ten thousand each target has its share: cheap ones most. Those that take longest come first.
const SHARES: [(&str, u64); 10] = [
    ("plans", 50),
    ("observed", 50),
    ("facts", 1200),
    ("known_hosts", 4000),
    ("records", 800),
    ("journals", 150),
    ("kept_releases", 400),
    ("archives", 200),
    ("answers", 150),
    ("access_logs", 3000),
];

/// All executions together.
const RUNS: u64 = 10_000_000;
/// What a process may take in address space, in KiB.
const ADDRESSES: u64 = 2 << 20;
/// By how much its memory may grow, in KiB.
const GROWTH: u64 = 256 << 10;

/// What became of a target.
struct Fuzzed {
    target: &'static str,
    told: Option<Told>,
    output: Output,
    trouble: Option<String>,
}

pub(crate) fn run() {
    let runs = drive::setting("RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let left: Mutex<Vec<(&str, u64)>> = Mutex::new(SHARES.into_iter().rev().collect());
    let done = Mutex::new(Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let side_by_side = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..side_by_side {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().pop();
                    let Some((target, share)) = next else { break };
                    let fuzzed = one(target, runs * share / 10_000, folder.path());
                    done.lock().unwrap().push(fuzzed);
                }
            });
        }
    });
    report(&done.into_inner().unwrap());
}

fn one(target: &'static str, runs: u64, folder: &Path) -> Fuzzed {
    let progress = folder.join(target);
    let output = process(target, &[("RUNS", runs.to_string()), ("PROGRESS", progress.display().to_string())]);
    let told = Told::read(&String::from_utf8_lossy(&output.stdout));
    let trouble = match &told {
        _ if !output.status.success() => Some(fell(target, &output, &progress)),
        Some(told) if told.growth > GROWTH => Some(format!("its memory grew by {} MiB", told.growth >> 10)),
        Some(_) => None,
        None => Some("it told nothing".to_owned()),
    };
    Fuzzed { target, told, output, trouble }
}

/// A target by itself, in a process that is given no more than so much memory.
fn process(target: &str, settings: &[(&str, String)]) -> Output {
    let limited = format!("ulimit -v {ADDRESSES}; exec \"$@\"");
    Command::new("sh")
        .args(["-c", &limited, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", target, "--nocapture", "--test-threads", "1"])
        .env("BGCTL_FUZZ_SEED", drive::seed().to_string())
        .env("RUST_BACKTRACE", "0")
        .envs(settings.iter().map(|(name, value)| (format!("BGCTL_FUZZ_{name}"), value)))
        .output()
        .unwrap()
}

/// What is to be said of a process that fell. One that was ended, by its memory or its stack, kept nothing: its last
/// input is made again.
fn fell(target: &str, output: &Output, progress: &Path) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    if let Some((_, command)) = text.split_once("; again: ") {
        return command.lines().next().unwrap_or_default().to_owned();
    }
    let bytes = std::fs::read(progress).unwrap_or_default();
    let Ok(index) = bytes.try_into().map(u64::from_le_bytes) else { return output.status.to_string() };
    let settings = [("FROM", index), ("RUNS", 1), ("KEEP", 1)].map(|(name, value)| (name, value.to_string()));
    process(target, &settings);
    let path = drive::folder().join(format!("{target}-{}-{index}", drive::seed()));
    format!("{}; again: {}", output.status, drive::again(target, &path))
}

#[expect(clippy::disallowed_macros, reason = "the table is the result")]
fn report(done: &[Fuzzed]) {
    let mut table = format!(
        "seed {}\n{:<15} {:>11} {:>8} {:>14} {:>13}\n",
        drive::seed(),
        "target",
        "executions",
        "seconds",
        "largest input",
        "memory grew"
    );
    let mut all = 0;
    for Fuzzed { target, told, .. } in done {
        let Some(told) = told else { continue };
        all += told.executions;
        let Told { executions, seconds, largest, growth } = told;
        writeln!(table, "{target:<15} {executions:>11} {seconds:>8} {largest:>12} B {growth:>9} KiB")
            .unwrap();
    }
    writeln!(table, "{:<15} {all:>11}", "together").unwrap();
    println!("\n{table}");
    let fallen: Vec<String> =
        done.iter().filter_map(|fuzzed| Some((fuzzed, fuzzed.trouble.as_ref()?))).map(of).collect();
    assert!(fallen.is_empty(), "{}", fallen.join("\n"));
}

fn of((fuzzed, trouble): (&Fuzzed, &String)) -> String {
    let errors = String::from_utf8_lossy(&fuzzed.output.stderr);
    let last: Vec<&str> = errors.lines().rev().take(12).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    format!("{}: {trouble}\n{}\n", fuzzed.target, last.join("\n"))
}
