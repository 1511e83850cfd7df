//! Waiting for what others do: for a condition and not for a time, so that a busy machine makes tests slow, not wrong.

use std::fmt::{Display, from_fn};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Lab, Running, Served};

/// The longest wait. Whoever needs it has failed.
const PATIENCE: Duration = Duration::from_mins(1);
/// Who has not heard from a switch swaps back, and is gone then.
const DEAD_MAN: &str = "bgctl-dead-ma[n]";

/// Waits until it is so.
#[track_caller]
pub(crate) fn until(what: impl Display, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < PATIENCE, "in {} s it was never so: {what}", PATIENCE.as_secs());
        sleep(Duration::from_millis(20));
    }
}

impl Lab {
    /// Waits until the first load balancer serves this, in several answers in a row.
    #[track_caller]
    pub(crate) fn until_served(&self, wanted: &Served) {
        self.until_served_by(self.first_balancer(), wanted);
    }

    /// Waits until a load balancer serves this, in several answers in a row.
    #[track_caller]
    pub(crate) fn until_served_by(&self, balancer: &str, wanted: &Served) {
        let is = || (0..4).all(|_| self.glimpse(balancer).as_ref() == Some(wanted));
        until(format_args!("{balancer} serves {wanted}"), is);
    }

    /// Waits until the first load balancer serves a release, in whichever color.
    #[track_caller]
    pub(crate) fn until_release(&self, version: &str) {
        let balancer = self.first_balancer();
        let is = |served: Served| served.version() == version;
        let all = || (0..4).all(|_| self.glimpse(balancer).is_some_and(is));
        until(format_args!("{balancer} serves {version}"), all);
    }

    /// Waits until a run's journal says this, of a run that is under way.
    #[track_caller]
    pub(crate) fn until_journal_says(&self, text: &str) {
        let under_way = |journal: &String| !journal.contains("\"run_ended\"") && journal.contains(text);
        let journals = from_fn(|to| write!(to, "{text:?} in {}", self.journals()));
        until(journals, || self.each_journal().iter().any(under_way));
    }

    /// Waits until a load balancer's own watcher has done what it had to, and is gone.
    #[track_caller]
    pub(crate) fn until_nobody_watches(&self, balancer: &str) {
        self.until_on(balancer, &format!("! pgrep -f '{DEAD_MAN}'"));
    }

    /// Waits until shell text exits with 0 on a host.
    #[track_caller]
    pub(crate) fn until_on(&self, host: &str, shell: &str) {
        until(format_args!("`{shell}` exits with 0 on {host}"), || self.try_on(host, shell));
    }

    /// A deploy that has switched, and verifies for as long as nobody ends it.
    #[track_caller]
    pub(crate) fn verifying(&self, version: &str) -> Running {
        const VERIFY: &str = "X-Color: \"{{ color }}\" }";
        let endless = format!("{VERIFY}, successes: 100000");
        self.edit(self.playbook(), VERIFY, &endless);
        let run = self.start(&["apply", "-y", "-e", &format!("version={version}")]);
        self.until_journal_says("\"event\":\"switched\"");
        self.edit(self.playbook(), &endless, VERIFY);
        run
    }

    /// Has nginx read its configuration, as a person does, and waits until new workers have taken over.
    pub(crate) fn reload_nginx(&self, host: &str) {
        self.on(
            host,
            "workers() { pgrep -af 'nginx: worker process' | grep -v 'shutting down' | cut -d ' ' -f 1; }
             old=$(workers); nginx -s reload || exit 1
             i=0; until new=$(workers); [ -n \"$new\" ] && ! echo \"$new\" | grep -qxF \"$old\"; do
               sleep 0.02; i=$((i + 1)); [ $i -lt 3000 ] || exit 1
             done",
        );
    }
}
