//! Watching a switch: a release that only its users find bad goes back by itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use crate::harness::{Lab, Served, get};

/// A lab where 0.0.1 is live on blue, and switches are watched for 10 s.
fn watched() -> Lab {
    let lab = Lab::fresh();
    lab.on("lb1", "rm -f /var/log/nginx/access.log*; nginx -s reopen");
    lab.until_on("lb1", "test -e /var/log/nginx/access.log");
    lab.deploy("0.0.1").exits(0);
    lab.edit(
        "playbook.yml",
        "# watch: { for: 30s, max_error_percentage: 1 }",
        "watch: { for: 10s, max_error_percentage: 1 }",
    );
    lab
}

/// Clients that ask for these, one after the other, until this value ends.
struct Users {
    stop: Arc<AtomicBool>,
    client: Option<JoinHandle<()>>,
}

impl Users {
    fn new(address: SocketAddr, paths: &'static [&'static str]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let client = spawn(move || {
            for path in paths.iter().cycle().take_while(|_| !ended.load(Ordering::Relaxed)) {
                let _ = get(address, path);
                sleep(Duration::from_millis(20));
            }
        });
        // Something is known of the time before.
        sleep(Duration::from_secs(3));
        Self { stop, client: Some(client) }
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.client.take().map(JoinHandle::join);
    }
}

#[test]
fn a_release_that_fails_its_users_goes_back_and_a_good_one_stays() {
    let lab = watched();
    let users = Users::new(lab.front(), &["/", "/", "/", "/fragile"]);
    let said =
        lab.deploy("0.0.6-fragile").exits(1).says("errors rose from 0.00 % (0 of ").says("blue is live");
    assert!(said.stderr.contains(" since); the limit is 1.00 % more"), "{}", said.stderr);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(lab.link(), "/etc/nginx/sites-available/my-server-blue.conf");

    lab.deploy("0.0.2").exits(0).says("0 errors in ").hides("probes alone");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    drop(users);

    // As bad as before is not worse.
    let _users = Users::new(lab.front(), &["/", "/slow?ms=1", "/nowhere"]);
    lab.deploy("0.0.4").exits(0).says(" errors in ");
}

#[test]
fn a_log_that_is_rotated_meanwhile_is_read_all_the_same() {
    let lab = watched();
    let _users = Users::new(lab.front(), &["/", "/", "/", "/fragile"]);
    lab.edit("playbook.yml", "for: 10s", "for: 14s");
    let run = lab.start(&["apply", "-y", "-e", "version=0.0.2"]);
    lab.until_journal_says("\"task\":\"Watch for errors\"");
    sleep(Duration::from_secs(4));
    lab.on("lb1", "cd /var/log/nginx && mv access.log access.log.1 && nginx -s reopen");
    lab.until_on("lb1", "test -s /var/log/nginx/access.log");
    let said = run.said().exits(0);
    let counted = said.stderr.lines().find(|line| line.contains("Watch for errors … ok")).unwrap().to_owned();
    let after: usize =
        counted.split(" errors in ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    // Users ask about 40 times a second; half of it stands in either file.
    let lines = "cd /var/log/nginx && cat access.log.1 access.log | wc -l";
    let all: usize = lab.on("lb1", lines).trim().parse().unwrap();
    assert!(after > 150 && after < all, "{after} of {all}: {counted}");
}

#[test]
fn where_no_log_can_be_read_probes_decide_alone() {
    let lab = watched();
    lab.edit("playbook.yml", "for: 10s", "for: 6s");
    lab.edit("templates/site.conf.hbs", "server_name _;", "server_name _;\n    access_log off;");
    let said = lab.deploy("0.0.2").exits(0);
    let note = "note: lb1: probes alone watched the switch: access_log is off";
    assert!(said.stdout.contains(note), "{}", said.stdout);

    // They see that the color is not served any more.
    let run = lab.start(&["apply", "-y", "-e", "version=0.0.4"]);
    lab.until_journal_says("\"task\":\"Watch for errors\"");
    lab.on("lb1", "ln -sfn /etc/nginx/sites-available/my-server-green.conf /etc/nginx/sites-enabled/my-server.conf; nginx -s reload");
    run.said().exits(1).says("3 probes in a row failed after the switch").says("green is live");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
}

#[test]
fn formats_in_which_times_and_states_stand_are_read() {
    let lab = watched();
    lab.edit("playbook.yml", "for: 10s", "for: 8s");
    let json = "log_format lines escape=json '{\"at\": \"$time_iso8601\", \"status\": $status, \"path\": \"$uri\"}';\n";
    lab.on("lb1", &format!("printf '%s' {} >/etc/nginx/conf.d/lines.conf", shlex::try_quote(json).unwrap()));
    lab.edit(
        "templates/site.conf.hbs",
        "server_name _;",
        "server_name _;\n    access_log /var/log/nginx/site.log lines;",
    );
    lab.deploy("0.0.1").exits(0);
    let _users = Users::new(lab.front(), &["/", "/fragile"]);
    lab.deploy("0.0.6-fragile").exits(1).says("errors rose from 0.00 % (0 of ");
    lab.on("lb1", "sed -i 's/time_iso8601/msec/' /etc/nginx/conf.d/lines.conf");
    lab.reload_nginx("lb1");
    lab.on("lb1", "rm /var/log/nginx/site.log; nginx -s reopen");
    lab.until_on("lb1", "test -s /var/log/nginx/site.log");
    lab.deploy("0.0.2").exits(0).says("no line of it tells a time and a status");
}
