//! A folder that stands for a host, and the shells that hosts have as `sh`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A user whom root does not know.
pub(crate) const STRANGER: u32 = 65534;
/// Another one.
pub(crate) const OTHER: u32 = 65533;
/// One of the other one's group.
pub(crate) const FELLOW: u32 = 65532;
/// What nobody but root may read.
pub(crate) const SECRET: &str = "root:$6$secret\n";

pub(crate) struct Host {
    shell: &'static str,
    dir: TempDir,
    /// Programs of its own: with busybox as `sh`, all that busybox has.
    tools: TempDir,
}

/// What a script came to.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.status, Some(0), "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn refused(self, words: &[&str]) -> Self {
        assert_eq!(self.status, Some(1), "{self:?}");
        assert!(words.iter().all(|word| self.stderr.contains(word)), "{words:?} in {self:?}");
        self
    }
}

/// Plays on a new host for each shell. Only root can play strangers.
pub(crate) fn everywhere(play: impl Fn(&Host)) {
    assert!(rustix::process::geteuid().is_root(), "a host with several users can be played by root alone");
    for shell in ["dash", "busybox", "bash"] {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let host = Host { shell, dir, tools: tempfile::tempdir().unwrap() };
        fs::set_permissions(host.tools.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if shell == "busybox" {
            let made = Command::new(shell).args(["--install", "-s"]).arg(host.tools.path()).status();
            assert!(made.unwrap().success());
        }
        play(&host);
    }
}

impl Host {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A folder of somebody's.
    pub(crate) fn folder(&self, name: &str, owner: u32, mode: u32) {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        own(&path, owner, mode);
    }

    /// A file of somebody's.
    pub(crate) fn file(&self, name: &str, owner: u32, mode: u32, content: &str) {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        own(&path, owner, mode);
    }

    /// A symlink of somebody's.
    pub(crate) fn link(&self, name: &str, owner: u32, target: impl AsRef<Path>) {
        symlink(target, self.path(name)).unwrap();
        lchown(self.path(name), Some(owner), Some(owner)).unwrap();
    }

    /// A file of root's that nobody else may read, in a folder of root's.
    pub(crate) fn secret(&self) -> String {
        self.folder("etc", 0, 0o755);
        self.file("etc/shadow", 0, 0o600, SECRET);
        self.text("etc/shadow")
    }

    #[track_caller]
    pub(crate) fn secret_is_whole(&self) {
        assert_eq!(self.read("etc/shadow"), SECRET);
        assert_eq!(self.like("etc/shadow"), (0, 0o600));
        assert_eq!(self.names("etc"), ["shadow"]);
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Owner and mode; of a symlink, its own.
    pub(crate) fn like(&self, name: &str) -> (u32, u32) {
        let data = fs::symlink_metadata(self.path(name)).unwrap();
        (data.uid(), data.mode() & 0o7777)
    }

    /// What is in a folder.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Starts a script as somebody, with pipes to it.
    pub(crate) fn start(&self, user: u32, script: &str, args: &[&str]) -> Child {
        let mut command = Command::new(self.shell);
        match self.shell {
            "busybox" => command.arg("sh"),
            // As where bash is what is called `sh`.
            "bash" => command.arg0("sh"),
            _ => &mut command,
        };
        command.env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", self.tools.path().display()));
        command.args(["-c", script, "sh"]).args(args).current_dir("/").process_group(0);
        if user != 0 {
            command.uid(user).gid(if user == FELLOW { OTHER } else { user });
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    pub(crate) fn run(&self, user: u32, script: &str, args: &[&str], stdin: &str) -> Said {
        let mut child = self.start(user, script, args);
        // Who refuses does not read.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Said {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Where a run keeps what a path's undo needs.
    pub(crate) fn kept(&self, name: &str, run: &str) -> String {
        self.text(&format!("state/app/undo/0123456789abcdef.{name}.{run}.bgctl"))
    }

    /// Writes a file as somebody, keeping what it replaces.
    pub(crate) fn put(&self, user: u32, path: &str, content: &str, keep: &str) -> Said {
        self.put_as(user, path, content, ["", "", "", "", keep])
    }

    /// The same with mode, owner, group, a command that validates, and what is kept.
    pub(crate) fn put_as(&self, user: u32, path: &str, content: &str, words: [&str; 5]) -> Said {
        let (path, size) = (self.text(path), content.len().to_string());
        let args = [&[path.as_str(), size.as_str()], words.as_slice()].concat();
        self.run(user, bgctl::scripts::PUT, &args, content)
    }

    pub(crate) fn restore(&self, user: u32, path: &str, kept: &str) -> Said {
        self.run(user, bgctl::scripts::RESTORE, &[&self.text(path), kept], "")
    }
}

fn own(path: &Path, owner: u32, mode: u32) {
    chown(path, Some(owner), Some(owner)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
