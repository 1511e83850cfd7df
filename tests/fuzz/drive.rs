//! One target, fed for a while: its numbers, and the input on which it fell.

use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::mutate::Rng;

/// Something that is given to bgctl from outside, and must never be more than an error.
pub(crate) trait Target {
    /// An input. The same numbers make the same one.
    fn input(&self, rng: &mut Rng) -> Vec<u8>;

    /// Takes an input in, and panics where a promise is broken. Returns how many executions that was.
    fn take(&mut self, input: &[u8]) -> u64;
}

/// What a target came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) executions: u64,
    pub(crate) seconds: u64,
    pub(crate) largest: usize,
    /// How much more memory was in use at the most than before, in KiB.
    pub(crate) growth: u64,
}

/// How a line with them begins.
const TOLD: &str = "fuzzed: ";

impl Told {
    fn line(&self) -> String {
        format!("{TOLD}{} {} {} {}", self.executions, self.seconds, self.largest, self.growth)
    }

    /// From what a process printed.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.split_once(TOLD))?.1;
        let numbers: Vec<u64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
        let [executions, seconds, largest, growth] = numbers[..] else { return None };
        Some(Self { executions, seconds, largest: usize::try_from(largest).ok()?, growth })
    }
}

/// The numbers from which everything is drawn, where nobody says others.
const SEED: u64 = 1;

pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(format!("BGCTL_FUZZ_{name}")).ok().filter(|value| !value.is_empty())
}

pub(crate) fn seed() -> u64 {
    setting("SEED").map_or(SEED, |seed| seed.parse().expect("BGCTL_FUZZ_SEED is no number"))
}

/// Where inputs are kept on which a target fell.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz")
}

/// A folder for files that are written over and over: in memory, where there is one.
pub(crate) fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// The command that gives a target an input again.
pub(crate) fn again(target: &str, path: &Path) -> String {
    format!("BGCTL_FUZZ_INPUT={} cargo test --profile fuzz --test fuzz -- --exact {target}", path.display())
}

/// Feeds a target: as often as `BGCTL_FUZZ_RUNS` says, else `few` times; or with the file `BGCTL_FUZZ_INPUT` alone.
pub(crate) fn run(name: &str, target: &mut dyn Target, few: u64) {
    count_panics();
    if let Some(path) = setting("INPUT") {
        target.take(&std::fs::read(path).unwrap());
        return;
    }
    let seed = seed();
    let runs = setting("RUNS").map_or(few, |runs| runs.parse().expect("BGCTL_FUZZ_RUNS is no number"));
    let first = setting("FROM").map_or(0, |from| from.parse().expect("BGCTL_FUZZ_FROM is no number"));
    // The process that waits for this one reads how far it came, if it ends as no panic does.
    let progress = setting("PROGRESS").map(|path| std::fs::File::create(path).unwrap());
    let (began, before) = (Instant::now(), memory_now());
    let mut told = Told { executions: 0, seconds: 0, largest: 0, growth: 0 };
    for index in first.. {
        if told.executions >= runs {
            break;
        }
        let input = target.input(&mut Rng::of(seed, name, index));
        told.largest = told.largest.max(input.len());
        if let Some(progress) = &progress {
            progress.write_at(&index.to_le_bytes(), 0).unwrap();
        }
        let keep = || {
            let path = folder().join(format!("{name}-{seed}-{index}"));
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, &input).unwrap();
            path
        };
        if setting("KEEP").is_some() {
            keep();
        }
        let panics = PANICS.load(Ordering::Relaxed);
        let taken = catch_unwind(AssertUnwindSafe(|| target.take(&input)));
        // A panic may be caught on its way: the engine makes one of a host a failure of that host.
        let fell = PANICS.load(Ordering::Relaxed) > panics;
        match taken {
            Ok(executions) if !fell => told.executions += executions,
            _ => {
                let path = keep();
                panic!("{name} fell on execution {index} of seed {seed}; again: {}", again(name, &path));
            }
        }
    }
    told.seconds = began.elapsed().as_secs();
    told.growth = memory_most().saturating_sub(before);
    tell(&told.line());
}

#[expect(clippy::disallowed_macros, reason = "these numbers are a result")]
fn tell(line: &str) {
    println!("\n{line}");
}

static PANICS: AtomicU64 = AtomicU64::new(0);

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            usual(info);
        }));
    });
}

/// The memory of this process in KiB; from here on the most of it is counted anew.
fn memory_now() -> u64 {
    // Where that is not allowed, more is counted, not less.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    memory("VmRSS:")
}

fn memory_most() -> u64 {
    memory("VmHWM:")
}

fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
