//! The hosts of a lab, as `tests/lab/up` made them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab");

/// A lab that is up, and the folder of the person who deploys to it.
pub(crate) struct Lab {
    name: String,
    /// `LAB_HOSTS`, `LAB_LB1` and the like, as `up` wrote them.
    facts: BTreeMap<String, String>,
    pub(super) folder: TempDir,
    /// What `bgctl` finds in its environment beside the usual.
    pub(super) environment: Mutex<BTreeMap<String, String>>,
    /// Whether it ends with this value.
    ours: bool,
    /// The lab is ours until this file is closed: tests of several processes take turns.
    _turn: File,
}

impl Lab {
    /// The default lab or its twin, whichever is free, its hosts as new, and a new folder.
    pub(crate) fn fresh() -> Self {
        if let Ok(name) = std::env::var("BGCTL_LAB") {
            return Self::named(&name);
        }
        let up = ["lab", "twin6"].into_iter().filter(|name| run_folder(name).join("env").exists());
        let free = up.into_iter().find_map(|name| Some((name, free_turn(name)?)));
        let (name, turn) = free.unwrap_or_else(|| ("lab", turn("lab")));
        Self::in_turn(name, turn)
    }

    /// A lab by its name, its hosts as new, and a new folder.
    pub(crate) fn named(name: &str) -> Self {
        Self::in_turn(name, turn(name))
    }

    fn in_turn(name: &str, turn: File) -> Self {
        let file = std::fs::read_to_string(run_folder(name).join("env")).unwrap_or_default();
        let words = shlex::split(&file).unwrap();
        let facts = words.iter().filter_map(|word| word.split_once('='));
        let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let folder = TempDir::new().unwrap();
        let lab = Self {
            name: name.to_owned(),
            facts,
            folder,
            environment: Mutex::default(),
            ours: false,
            _turn: turn,
        };
        lab.check_up();
        lab.reset();
        lab.fill_folder();
        lab
    }

    /// A lab with two load balancers: the default one, where it has two, else one of its own.
    pub(crate) fn with_two_load_balancers() -> Self {
        let name = std::env::var("BGCTL_LAB").unwrap_or_else(|_| "lab".to_owned());
        let env = std::fs::read_to_string(run_folder(&name).join("env")).unwrap_or_default();
        if env.contains("LAB_LBS=2") {
            Self::named(&name)
        } else {
            Self::brought_up("pair5", &["--lbs", "2"])
        }
    }

    /// A lab of another kind, brought up with these options if it is not up; taken down afterwards only then.
    pub(crate) fn brought_up(name: &str, options: &[&str]) -> Self {
        let ours = !run_folder(name).join("env").exists();
        expect_success(Command::new(format!("{TESTS}/up")).args(["--name", name]).args(options));
        let mut lab = Self::named(name);
        lab.ours = ours;
        lab
    }

    /// Every host answers on its SSH port.
    fn check_up(&self) {
        let answers = |host: &&str| {
            let address: SocketAddr =
                format!("{}:{}", self.address(host), self.facts["LAB_SSH_PORT"]).parse().unwrap();
            TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok()
        };
        let hosts = self.hosts();
        let is_up = !hosts.is_empty() && hosts.iter().all(answers);
        assert!(is_up, "lab {0} is not up: run `make lab-up` (or tests/lab/up --name {0})", self.name);
    }

    /// Puts the hosts back to how they were made: no containers, no sites, nothing of bgctl.
    fn reset(&self) {
        expect_success(Command::new(format!("{TESTS}/reset")).args(["--name", &self.name]));
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Gives whoever deploys, with `bgctl` or with a script, a variable of their environment from now on.
    pub(crate) fn knows(&self, name: &str, value: &str) {
        self.environment.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// All hosts, load balancers first.
    pub(crate) fn hosts(&self) -> Vec<&str> {
        self.facts.get("LAB_HOSTS").map_or_else(Vec::new, |hosts| hosts.split(' ').collect())
    }

    /// A host's loopback address on this machine.
    pub(crate) fn address(&self, host: &str) -> &str {
        &self.facts[&format!("LAB_{}", host.to_uppercase())]
    }

    /// Where the first load balancer answers on this machine.
    pub(crate) fn front(&self) -> SocketAddr {
        self.front_of(self.first_balancer())
    }

    /// The first load balancer: `lb1`, or the one host of a lab of solo hosts.
    pub(super) fn first_balancer(&self) -> &str {
        self.balancers()[0]
    }

    /// Where a load balancer answers on this machine.
    pub(crate) fn front_of(&self, balancer: &str) -> SocketAddr {
        format!("{}:{}", self.address(balancer), self.facts["LAB_HTTP_PORT"]).parse().unwrap()
    }

    /// The container that is a host.
    pub(super) fn container(&self, host: &str) -> &str {
        &self.facts[&format!("LAB_{}_CONTAINER", host.to_uppercase())]
    }

    /// What shell text prints on a host, run as root, by way of Docker. It must exit 0.
    pub(crate) fn on(&self, host: &str, shell: &str) -> String {
        let said = expect_success(docker().args(["exec", self.container(host), "sh", "-c", shell]));
        String::from_utf8(said.stdout).unwrap()
    }

    /// Gives a host's own Docker an image of this machine's, if it lacks it.
    pub(crate) fn lend_image(&self, image: &str, host: &str) {
        let there =
            docker().args(["exec", self.container(host), "docker", "image", "inspect", image]).output();
        if there.unwrap().status.success() {
            return;
        }
        let mut saving = docker().args(["save", image]).stdout(Stdio::piped()).spawn().unwrap();
        let image = saving.stdout.take().unwrap();
        expect_success(
            docker().args(["exec", "-i", self.container(host), "docker", "load", "-q"]).stdin(image),
        );
        assert!(saving.wait().unwrap().success());
    }

    /// Sets a host's network `down`, as a cable that is pulled does, or `up` again. The kernel forgets its routes with
    /// it; the way out of its network is put back.
    pub(crate) fn cable(&self, host: &str, state: &str) {
        self.on(
            host,
            &format!(
                "out=$(ip route show default); [ -z \"$out\" ] || echo \"$out\" >/run/way-out
                 ip link set eth0 {state}
                 [ {state} = down ] || xargs ip route replace </run/way-out"
            ),
        );
    }

    /// Whether shell text exits with 0 on a host.
    pub(super) fn try_on(&self, host: &str, shell: &str) -> bool {
        docker().args(["exec", self.container(host), "sh", "-c", shell]).output().unwrap().status.success()
    }

    /// Starts a host again, with its disk as it was; whether its services answered in time.
    pub(super) fn plug_in(&self, host: &str) -> bool {
        expect_success(docker().args(["start", self.container(host)]));
        self.try_on(
            host,
            "answers() { ss -Hltn 'sport = :22' | grep -q . &&
                 { ! command -v nginx || kill -0 \"$(cat /run/nginx.pid)\"; } && { ! command -v dockerd || docker info; }; }
             i=0; until answers >/dev/null 2>&1; do sleep 0.1; i=$((i + 1)); [ $i -lt 600 ] || exit 1; done",
        )
    }

    /// Hosts that a test that failed has left in ruins: started again, and as new.
    pub(crate) fn rebuild(&self) {
        let balancers = self.balancers().len().to_string();
        expect_success(Command::new(format!("{TESTS}/up")).args(["--name", &self.name, "--lbs", &balancers]));
        self.reset();
        self.fill_folder();
    }

    /// The load balancers. A solo host is one, too.
    pub(crate) fn balancers(&self) -> Vec<&str> {
        self.hosts().into_iter().filter(|host| !host.starts_with("app")).collect()
    }

    /// The app servers. A solo host is one, too.
    pub(crate) fn servers(&self) -> Vec<&str> {
        self.hosts().into_iter().filter(|host| !host.starts_with("lb")).collect()
    }

    /// Where a host's SSH server answers on this machine.
    pub(crate) fn ssh(&self, host: &str) -> SocketAddr {
        format!("{}:{}", self.address(host), self.facts["LAB_SSH_PORT"]).parse().unwrap()
    }

    /// Where the lab's keys and its own inventory are.
    pub(crate) fn run_folder(&self) -> PathBuf {
        run_folder(&self.name)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.ours {
            let _ = Command::new(format!("{TESTS}/down")).args(["--name", &self.name]).output();
        }
    }
}

fn run_folder(name: &str) -> PathBuf {
    Path::new(TESTS).join("run").join(name)
}

/// Waits until no other test works on the lab.
fn turn(name: &str) -> File {
    let file = turn_file(name);
    file.lock().unwrap();
    file
}

/// Its turn, if nobody else has it.
fn free_turn(name: &str) -> Option<File> {
    let file = turn_file(name);
    file.try_lock().is_ok().then_some(file)
}

fn turn_file(name: &str) -> File {
    File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.turn"))).unwrap()
}

/// Runs one of the lab's scripts, which must succeed.
pub(super) fn run_script(name: &str, args: &[&str]) {
    expect_success(Command::new(format!("{TESTS}/{name}")).args(args));
}

/// Runs a command of this machine's Docker, which must succeed.
pub(super) fn run_docker(args: &[&str]) {
    expect_success(docker().args(args));
}

/// This machine's Docker, through sudo where its socket is not ours to open.
fn docker() -> Command {
    match UnixStream::connect("/var/run/docker.sock") {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let mut command = Command::new("sudo");
            command.arg("docker");
            command
        }
        _ => Command::new("docker"),
    }
}

fn expect_success(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}:\n{said}", output.status);
    output
}
