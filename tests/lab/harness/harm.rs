//! What happens to hosts: power failures, services that die, full disks, clocks that are wrong. Each is mended when
//! its value ends, also when a test fails.

use std::path::Path;

use super::Lab;
use super::lab::run_docker;

/// Something wrong with a host, until this value ends.
pub(crate) struct Harm<'a> {
    lab: &'a Lab,
    host: String,
    mend: Mend,
}

enum Mend {
    PlugIn,
    Shell(&'static str),
}

/// What the lab's entrypoint starts.
const DOCKERD: &str = "rm -f /run/docker.pid /run/docker/containerd/containerd.pid
    setsid dockerd --cgroup-parent=\"/$LAB_CGROUP\" >>/var/log/dockerd.log 2>&1 </dev/null &
    i=0; until docker info >/dev/null 2>&1; do sleep 0.1; i=$((i + 1)); [ $i -lt 600 ] || exit 1; done";
const NGINX: &str = "pgrep nginx >/dev/null || { rm -f /run/nginx.pid; nginx; }";
const CLOCK: &str = "rm -f /etc/ld.so.preload /etc/faketimerc
    kill -9 $(pgrep nginx); rm -f /run/nginx.pid; nginx; kill -HUP $(pgrep -o -x sshd); sleep 0.3";

impl Lab {
    /// Ends a host at once, as a power failure does. It starts again, with its disk as it was, when the value ends.
    pub(crate) fn power_failure(&self, host: &str) -> Harm<'_> {
        run_docker(&["kill", self.container(host)]);
        self.harm(host, Mend::PlugIn)
    }

    /// Stops a host's Docker Engine, and with it its containers. It is started again when the value ends, and starts
    /// those again that ran.
    pub(crate) fn without_dockerd(&self, host: &str) -> Harm<'_> {
        let harm = self.harm(host, Mend::Shell(DOCKERD));
        self.on(host, "pkill -TERM -x dockerd; while pgrep -x dockerd >/dev/null; do sleep 0.1; done");
        harm
    }

    /// Kills a load balancer's nginx. It is started again when the value ends.
    pub(crate) fn without_nginx(&self, host: &str) -> Harm<'_> {
        let harm = self.harm(host, Mend::Shell(NGINX));
        self.on(host, "kill -9 $(pgrep nginx)");
        harm
    }

    /// Leaves no room in a folder of a host: a small file system is mounted over it, with what is in the folder.
    pub(crate) fn full_disk(&self, host: &str, folder: &str) -> Harm<'_> {
        self.on(
            host,
            &format!(
                "mkdir -p {folder} && cp -a {folder} /tmp/kept && mount -t tmpfs -o size=64k none {folder} &&
                 cp -a /tmp/kept/. {folder} && rm -r /tmp/kept && ln -sfn {folder} /tmp/full
                 head -c 1M /dev/zero >{folder}/ballast 2>/dev/null; ! echo more >>{folder}/ballast"
            ),
        );
        self.harm(host, Mend::Shell("umount \"$(readlink /tmp/full)\" && rm /tmp/full"))
    }

    /// Has every program of a load balancer that is started from now on, nginx and sshd among them, see a clock that
    /// is an hour slow. The machine's own clock is not touched.
    pub(crate) fn slow_clock(&self, host: &str) -> Harm<'_> {
        let library = format!("/usr/lib/{}-linux-gnu/faketime/libfaketime.so.1", std::env::consts::ARCH);
        assert!(Path::new(&library).exists(), "libfaketime is missing: scripts/setup installs it");
        run_docker(&["cp", &library, &format!("{}:/usr/local/lib/", self.container(host))]);
        let harm = self.harm(host, Mend::Shell(CLOCK));
        self.on(
            host,
            "echo -1h >/etc/faketimerc
             echo /usr/local/lib/libfaketime.so.1 >/etc/ld.so.preload
             kill -9 $(pgrep nginx); rm -f /run/nginx.pid; nginx; kill -HUP $(pgrep -o -x sshd); sleep 0.3",
        );
        harm
    }

    fn harm(&self, host: &str, mend: Mend) -> Harm<'_> {
        Harm { lab: self, host: host.to_owned(), mend }
    }
}

impl Drop for Harm<'_> {
    fn drop(&mut self) {
        let mended = match self.mend {
            Mend::PlugIn => self.lab.plug_in(&self.host),
            Mend::Shell(shell) => self.lab.try_on(&self.host, shell),
        };
        // A second panic would hide the first.
        assert!(mended || std::thread::panicking(), "{} could not be mended", self.host);
    }
}
