//! nginx's access log, in which strangers write: the script counts what a second count finds, and no line keeps
//! another one from being counted.

use std::path::Path;
use std::process::Command;

use bgctl::scripts::WATCH;
use tempfile::TempDir;

use crate::drive::Target;
use crate::mutate::{Corpus, Rng};

/// When traffic moved, in seconds of Unix time: 2026-03-01T00:00:01Z.
const SWITCHED: i64 = 1_772_323_201;
/// What is looked at before it.
const WINDOW: i64 = 600;

/// Logs of many lines, each of which is an execution.
pub(crate) struct Logs {
    lines: Corpus,
    /// In one log.
    count: usize,
    folder: TempDir,
    /// Where other programs called `awk` are, each in a folder of its own.
    paths: Vec<String>,
    taken: usize,
}

/// Requests and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Share {
    requests: u64,
    errors: u64,
}

/// What must be counted, and what may be.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    certain: Share,
    perhaps: u64,
}

impl Logs {
    pub(crate) fn new(count: usize) -> Self {
        let request = r#""GET /?q=1 HTTP/1.1""#;
        let line = |time: &str, status: &str| {
            format!(r#"10.0.0.1 - me [{time}] {request} {status} 612 "-" "curl/8""#)
        };
        let json = |time: &str, status: &str| {
            format!(r#"{{"at": "{time}", "request": "GET / HTTP/1.1", "status": {status}, "bytes": 5}}"#)
        };
        let lines = [
            line("28/Feb/2026:23:50:00 +0000", "200"),
            line("28/Feb/2026:23:50:01 +0000", "500"),
            line("01/Mar/2026:00:00:00 +0000", "500"),
            line("01/Mar/2026:00:00:01 +0000", "500"),
            line("01/Mar/2026:00:00:03 +0000", "502"),
            line("28/Feb/2026:23:55:00 +0000", "200"),
            line("28/Feb/2026:23:59:50 +0000", "502"),
            line("01/Mar/2026:00:00:02 +0000", "500"),
            line("01/Mar/2026:00:00:04 +0000", "200"),
            line("01/Mar/2026:01:00:09 +0100", "503"),
            line("28/Feb/2026:19:00:30 -0500", "304"),
            line("01/Mar/2026:00:00:31 +0000", "404"),
            line("01/Mar/2026:00:01:00 +0000", "505"),
            line("28/Feb/2026:12:00:00 +0000", "200"),
            json("2026-03-01T00:00:04+00:00", "200"),
            json("2026-03-01T00:00:05Z", r#""502""#),
            json("2026-02-28T18:59:55-05:00", "500"),
            r#"10.0.0.1 - - [01/Mar/2026:00:02:00 +0000] "GET /\x22 500 x HTTP/1.1" 200 5 "-" "x""#
                .to_owned(),
            r#"10.0.0.1 - - [01/Mar/2026:00:02:00 +0000] "GET / HTTP/1.1" 502 5 "-" "-" ups="502""#
                .to_owned(),
            String::new(),
        ];
        let words = [
            "500",
            "\" 500 ",
            "\"status\": 500",
            "[01/Mar/2026:00:00:04 +0000]",
            "ups=",
            "Z",
            "+9999",
            "Feb",
            "%s",
        ];
        let folder = tempfile::tempdir().unwrap();
        let switch = "run 1\ntoken\n1\nboot\n0\n2026-03-01T00:00:01Z\n/l\na\nb\n";
        std::fs::write(folder.path().join("confirmed"), switch).unwrap();
        let paths = awks(folder.path());
        Self { lines: Corpus::new(lines, &words), count, folder, paths, taken: 0 }
    }
}

/// Folders with an `awk` to be found first: the usual one in none, and busybox's, where there is one.
fn awks(folder: &Path) -> Vec<String> {
    let mut paths = vec![String::new()];
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    if let Some(busybox) = busybox {
        let place = folder.join("busybox");
        std::fs::create_dir(&place).unwrap();
        std::os::unix::fs::symlink(busybox, place.join("awk")).unwrap();
        paths.push(format!("{}:", place.display()));
    }
    paths
}

impl Target for Logs {
    /// Two lines in three as nginx writes them: they are counted whatever stands between them. In every other log, of all
    /// lines it is certain what they count.
    fn input(&self, rng: &mut Rng) -> Vec<u8> {
        let (mut log, all_certain) = (Vec::new(), rng.one_in(2));
        for _ in 0..self.count {
            let line = if rng.one_in(3) { self.lines.changed(rng) } else { self.lines.text(rng) };
            let line = if all_certain && !is_certain(&line) { Vec::new() } else { line };
            // The log of a day fits in what is read of it.
            log.extend_from_slice(&line[..line.len().min(8192)]);
            log.push(b'\n');
        }
        log
    }

    fn take(&mut self, input: &[u8]) -> u64 {
        let log = self.folder.path().join("log");
        std::fs::write(&log, input).unwrap();
        let path = &self.paths[self.taken % self.paths.len()];
        self.taken += 1;
        let output = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .args([
                self.folder.path(),
                Path::new("run 1"),
                Path::new("600"),
                Path::new("/l"),
                &log,
                Path::new(""),
            ])
            .env("PATH", format!("{path}{}", std::env::var("PATH").unwrap_or_default()))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let mut bounds = [Bounds::default(); 2];
        for line in input.split(|byte| *byte == b'\n') {
            count(line, &mut bounds);
        }
        for (word, Bounds { certain, perhaps }) in ["before ", "after "].into_iter().zip(bounds) {
            let told = share(&text, word).unwrap_or_else(|| panic!("no {word}: {text} {output:?}"));
            let fits = |told: u64, certain: u64| (certain..=certain + perhaps).contains(&told);
            assert!(
                fits(told.requests, certain.requests) && fits(told.errors, certain.errors),
                "{word}with {path:?}: it counts {told:?}, where {certain:?} and perhaps {perhaps} more are there"
            );
        }
        self.count as u64
    }
}

fn share(text: &str, word: &str) -> Option<Share> {
    let mut numbers = text.lines().find_map(|line| line.strip_prefix(word))?.split(' ').map(str::parse);
    Some(Share { requests: numbers.next()?.ok()?, errors: numbers.next()?.ok()? })
}

/// Counts a line in `[before, after]`. Of one that holds bytes which programs read differently, or tells more than
/// nginx's own format, nothing is certain.
fn count(line: &[u8], bounds: &mut [Bounds; 2]) {
    let text = String::from_utf8_lossy(line);
    let is_plain = line.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let other = !is_plain || text.contains("ups=") || text.contains("upstream_status");
    let (Some(time), Some(status)) = (time(line), status(line)) else {
        if other {
            anywhere(bounds);
        }
        return;
    };
    // What nginx may have answered by itself.
    let own = matches!(status, 100..=199 | 400..=499 | 501 | 505..=599);
    // An impossible day, hour or zone: some second.
    let Time::At(time) = time else {
        anywhere(bounds);
        return;
    };
    let which = match time {
        _ if other => None,
        time if (SWITCHED - WINDOW..SWITCHED).contains(&time) => Some(0),
        time if time >= SWITCHED + 2 => Some(1),
        _ => return,
    };
    match which {
        Some(which) if !own => {
            bounds[which].certain.requests += 1;
            bounds[which].certain.errors += u64::from(status >= 500);
        }
        Some(which) => bounds[which].perhaps += 1,
        None => anywhere(bounds),
    }
}

fn is_certain(text: &[u8]) -> bool {
    let mut bounds = [Bounds::default(); 2];
    text.split(|byte| *byte == b'\n').for_each(|line| count(line, &mut bounds));
    bounds.iter().all(|bounds| bounds.perhaps == 0)
}

fn anywhere(bounds: &mut [Bounds; 2]) {
    for bounds in bounds {
        bounds.perhaps += 1;
    }
}

enum Time {
    At(i64),
    /// No calendar has it.
    Odd,
}

/// `0` stands for a digit, `A` and `a` for letters, `+` for a sign, all else for itself.
fn matches(pattern: &str, text: &[u8]) -> bool {
    text.len() >= pattern.len()
        && pattern.bytes().zip(text).all(|(wanted, byte)| match wanted {
            b'0' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            b'a' => byte.is_ascii_lowercase(),
            b'+' => matches!(byte, b'+' | b'-'),
            wanted => wanted == *byte,
        })
}

fn first<'t>(patterns: &[&str], text: &'t [u8]) -> Option<&'t [u8]> {
    let starts = 0..text.len();
    starts.map(|start| &text[start..]).find(|rest| patterns.iter().any(|pattern| matches(pattern, rest)))
}

/// nginx's usual time: the last one ahead of the request, else the first one anywhere.
fn common(line: &[u8]) -> Option<&[u8]> {
    const FORM: &str = "00/Aaa/0000:00:00:00 +0000";
    let mut rest = line.split(|byte| *byte == b'"').next().unwrap_or_default();
    let mut last = None;
    while let Some(found) = first(&[FORM], rest) {
        last = Some(found);
        rest = &found[FORM.len()..];
    }
    last.or_else(|| first(&[FORM], line))
}

fn number(text: &[u8]) -> i64 {
    text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}

fn time(line: &[u8]) -> Option<Time> {
    if let Some(found) = common(line) {
        let months = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        let month = months.chunks(3).position(|month| *month == found[3..6]);
        let Some(month) = month.and_then(|month| i8::try_from(month + 1).ok()) else {
            return Some(Time::Odd);
        };
        return Some(moment([&found[7..11], &found[..2]], month, &found[12..20], &found[21..26]));
    }
    let found =
        first(&["0000-00-00T00:00:00Z", "0000-00-00T00:00:00+0000", "0000-00-00T00:00:00+00:00"], line)?;
    let month = i8::try_from(number(&found[5..7])).unwrap();
    let zone = match &found[19..] {
        [b'Z', ..] => b"+0000".to_vec(),
        zone if zone[3] == b':' => [&zone[..3], &zone[4..6]].concat(),
        zone => zone[..5].to_vec(),
    };
    Some(moment([&found[..4], &found[8..10]], month, &found[11..19], &zone))
}

fn moment([year, day]: [&[u8]; 2], month: i8, clock: &[u8], zone: &[u8]) -> Time {
    let [hour, minute, second] = [0, 3, 6].map(|at| number(&clock[at..at + 2]));
    let offset = number(&zone[1..3]) * 3600 + number(&zone[3..5]) * 60;
    let offset = if zone[0] == b'-' { -offset } else { offset };
    let date = jiff::civil::Date::new(
        i16::try_from(number(year)).unwrap(),
        month,
        i8::try_from(number(day)).unwrap(),
    );
    match date {
        Ok(date) if number(year) > 0 => {
            let days = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
            Time::At(days + hour * 3600 + minute * 60 + second - offset)
        }
        _ => Time::Odd,
    }
}

fn status(line: &[u8]) -> Option<i64> {
    let is_status = |text: &[u8]| matches("000", text) && (b'1'..=b'5').contains(&text[0]);
    let key = b"\"status\":";
    for start in 0..line.len() {
        let Some(rest) = line[start..].strip_prefix(key) else { continue };
        let spaces = rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len());
        let rest = &rest[spaces..];
        let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
        if is_status(rest) {
            return Some(number(&rest[..3]));
        }
    }
    let spaced = |start: usize| line[start..].strip_prefix(b"\" ").filter(|rest| is_status(rest));
    let found = (0..line.len()).filter_map(spaced).find(|rest| rest.get(3) == Some(&b' '))?;
    Some(number(&found[..3]))
}
