//! The binary, run in the folder with nothing of the developer's environment.

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::Lab;

/// What a command of `bgctl` said, and how it ended.
pub(crate) struct Said {
    command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    /// Runs `bgctl` to its end. The folder's inventory and playbook are given where `args` names no inventory.
    pub(crate) fn bgctl(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        Said::new(args, &output)
    }

    /// The same on another machine: one that has a copy of the files and has never heard of any run.
    pub(crate) fn elsewhere(&self, args: &[&str]) -> Said {
        let there = self.path("elsewhere");
        std::fs::create_dir_all(&there).unwrap();
        let files = ["inventory.yml", "playbook.yml", "templates"].map(|name| self.path(name));
        let copied = Command::new("cp").arg("-r").args(files).arg(&there).status().unwrap();
        assert!(copied.success());
        let mut command = self.command(args);
        let output = command.current_dir(&there).env("XDG_STATE_HOME", there.join("state")).output().unwrap();
        Said::new(args, &output)
    }

    /// The same on a machine whose disk takes no file of more than so many KiB.
    pub(crate) fn short_of_room(&self, kib: u32, args: &[&str]) -> Said {
        let command = self.command(args);
        let mut short = Command::new("sh");
        // Without the trap the kernel would end the process in place of refusing what it writes.
        short.args([
            "-c",
            "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"",
            "sh",
            &(kib * 2).to_string(),
        ]);
        short.arg(command.get_program()).args(command.get_args()).env_clear().stdin(Stdio::null());
        short.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        short.current_dir(self.folder.path());
        Said::new(args, &short.output().unwrap())
    }

    /// Deploys a release without asking.
    pub(crate) fn deploy(&self, version: &str) -> Said {
        self.bgctl(&["apply", "-y", "-e", &format!("version={version}")])
    }

    /// Starts `bgctl` and leaves it running; `kill` and [`Running::said`] are for later.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { args: args.iter().map(|&arg| arg.to_owned()).collect(), child }
    }

    /// Every journal in the operator's home, one after another.
    pub(crate) fn journals(&self) -> String {
        self.each_journal().concat()
    }

    pub(crate) fn each_journal(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.path("state/bgctl/my-server")) else { return Vec::new() };
        folder.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bgctl"));
        let (name, rest) = args.split_first().unwrap();
        command.arg(name);
        if !args.contains(&"-i") {
            command.args(self.inventory());
        }
        command
            .args(rest)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("USER", "tester")
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("state"))
            .envs(&*self.environment.lock().unwrap());
        command
    }
}

impl Said {
    pub(super) fn new(args: &[&str], output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            command: format!("bgctl {}", args.join(" ")),
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// It ended with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.in_full());
        self
    }

    /// It said this, on stdout or stderr.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "no {text:?} in {}",
            self.in_full()
        );
        self
    }

    /// It said nothing like this, neither on stdout nor on stderr.
    #[track_caller]
    pub(crate) fn hides(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "{text:?} in {}", self.in_full());
        self
    }

    /// Its stdout as one document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {}", self.in_full()))
    }

    /// Its stdout as events, those of one kind.
    #[track_caller]
    pub(crate) fn events(&self, kind: &str) -> Vec<Value> {
        let lines = self.stdout.lines().map(|line| {
            serde_json::from_str::<Value>(line)
                .unwrap_or_else(|error| panic!("{error} in {}", self.in_full()))
        });
        lines.filter(|event| event["event"] == kind).collect()
    }

    /// All of it, for a person who looks at a failed test.
    pub(crate) fn in_full(&self) -> String {
        let Self { command, code, stdout, stderr } = self;
        format!("`{command}` (exit {code:?})\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// A command of `bgctl` under way; it ends with this value.
pub(crate) struct Running {
    args: Vec<String>,
    child: Child,
}

impl Running {
    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn said(mut self) -> Said {
        use std::io::Read;
        let (mut stdout, mut stderr) = (self.child.stdout.take().unwrap(), self.child.stderr.take().unwrap());
        let errors = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).unwrap();
        let status = self.child.wait().unwrap();
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        Said::new(&args, &Output { status, stdout: bytes, stderr: errors.join().unwrap() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
