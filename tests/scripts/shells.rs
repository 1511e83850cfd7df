//! The shells of hosts, each with programs as its hosts have them, and the users that meet there.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use bgctl::scripts::LOCK;
use tempfile::TempDir;

/// Programs that come with busybox where it is the shell.
const APPLETS: [&str; 26] = [
    "awk", "base64", "cat", "chgrp", "chmod", "cut", "dirname", "find", "grep", "head", "id", "ls", "mkdir",
    "mktemp", "mv", "readlink", "rm", "rmdir", "sed", "sleep", "sort", "stat", "tail", "timeout", "tr", "wc",
];

/// A shell that is called as `sh`, as every host calls its own.
pub(crate) struct Shell {
    name: &'static str,
    /// Comes first in PATH.
    programs: TempDir,
}

impl Shell {
    /// Debian's, Alpine's, Red Hat's.
    pub(crate) fn all() -> [Self; 3] {
        ["dash", "busybox", "bash"].map(|name| {
            let programs = open_folder();
            let place = |program: &str| {
                let found =
                    Command::new("sh").args(["-c", "command -v \"$1\"", "sh", program]).output().unwrap();
                let path = String::from_utf8(found.stdout).unwrap();
                assert!(path.starts_with('/'), "{program} is not installed");
                PathBuf::from(path.trim())
            };
            symlink(place(name), programs.path().join("sh")).unwrap();
            if name == "busybox" {
                for applet in APPLETS {
                    symlink(place(name), programs.path().join(applet)).unwrap();
                }
            }
            Self { name, programs }
        })
    }

    /// A program that scripts find before the host's own.
    pub(crate) fn program(&self, name: &str, text: &str) {
        let path = self.programs.path().join(name);
        // It may be a link to a program of this machine.
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// A script of a host, as another user where one is named by number and group.
    pub(crate) fn script(&self, user: Option<(u32, u32)>, text: &str, args: &[&str]) -> Command {
        let shell = self.programs.path().join("sh");
        let mut command = match user {
            None => Command::new(&shell),
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={user}"), format!("--regid={group}")]);
                command.arg("--clear-groups").arg(&shell);
                command
            }
        };
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.programs.path().display()));
        command.args(["-c", text, "script"]).args(args).stdin(Stdio::null());
        command
    }

    /// Runs a script to its end.
    pub(crate) fn run(&self, text: &str, args: &[&str]) -> Said {
        Said::of(self.script(None, text, args).output().unwrap(), self)
    }

    /// Runs a script to its end as a stranger.
    pub(crate) fn run_as(&self, user: (u32, u32), text: &str, args: &[&str]) -> Said {
        Said::of(self.script(Some(user), text, args).output().unwrap(), self)
    }
}

impl Shell {
    /// What a lock's script answers to these lines, by a user and for a group; one that refuses no longer listens.
    pub(crate) fn tell_lock(
        &self,
        user: Option<(u32, u32)>,
        umask: &str,
        args: [&str; 2],
        group: &str,
        lines: &str,
    ) -> Said {
        let mut command = self.script(user, &format!("umask {umask}\n{LOCK}"), &args);
        command.env("BGCTL_STATE_GROUP", group);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
        Said::of(child.wait_with_output().unwrap(), self)
    }
}

/// Waits for what comes by itself.
#[track_caller]
pub(crate) fn until(what: impl fmt::Display, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl fmt::Display for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// `nobody`, and the group that bears no name of anybody.
pub(crate) const NOBODY: (u32, u32) = (65534, 65534);

/// What a script said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) errors: String,
    shell: &'static str,
}

impl Said {
    pub(crate) fn of(output: Output, shell: &Shell) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Self { code, out: text(output.stdout), errors: text(output.stderr), shell: shell.name }
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}: {}{}", self.shell, self.out, self.errors);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        let said = format!("{}{}", self.out, self.errors);
        assert!(said.contains(words), "{}: no {words:?} in {said}", self.shell);
        self
    }

    #[track_caller]
    pub(crate) fn hides(self, words: &str) -> Self {
        let said = format!("{}{}", self.out, self.errors);
        assert!(!said.contains(words), "{}: {words:?} in {said}", self.shell);
        self
    }
}

/// A folder that others can reach.
pub(crate) fn open_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

/// Several users meet in these tests, so they need one that may become the others.
#[track_caller]
pub(crate) fn needs_root() {
    let id = Command::new("id").arg("-u").output().unwrap();
    assert_eq!(id.stdout, b"0\n", "this test plays several users of a host: run it as root");
}

/// Gives a path to a user and a group.
#[track_caller]
pub(crate) fn give(path: &Path, (user, group): (u32, u32)) {
    std::os::unix::fs::lchown(path, Some(user), Some(group)).unwrap();
}

/// Sets the mode of a path.
#[track_caller]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// A path as text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Every path in a folder, the folder itself too, with its type, mode, owner and group, in order.
pub(crate) fn listed(folder: &Path) -> Vec<String> {
    let args = ["-printf", "%P %y %m %U:%G\n"];
    let found = Command::new("/usr/bin/find").arg(folder).args(args).output().unwrap();
    let mut lines: Vec<String> =
        String::from_utf8(found.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Parts of the texts that hosts get, one behind the other.
pub(crate) fn parts(names: &[&str]) -> String {
    let text = |name: &&str| {
        let path = format!("{}/src/run/scripts/{name}.sh", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    names.iter().map(text).collect()
}
