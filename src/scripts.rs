//! The shell texts that run on hosts, by name. A leaf: who runs them and who plays them in memory agree here.

/// Writes a file whole.
pub const PUT: &str = include_str!("run/scripts/put.sh");
/// Puts a file's kept content back.
pub const RESTORE: &str = include_str!("run/scripts/restore.sh");
/// Removes a file, then the folders that are empty.
pub const REMOVE: &str = include_str!("run/scripts/remove.sh");
/// Runs a program in a folder.
pub const RUN: &str = include_str!("run/scripts/run.sh");
/// Brings a compose project up.
pub const COMPOSE_UP: &str =
    concat!(include_str!("run/scripts/compose_lib.sh"), include_str!("run/scripts/compose_up.sh"));
/// Prints a compose project's logs, then takes it down.
pub const COMPOSE_DOWN: &str =
    concat!(include_str!("run/scripts/compose_lib.sh"), include_str!("run/scripts/compose_down.sh"));
/// Stops or starts a compose project's containers.
pub const COMPOSE_STATE: &str =
    concat!(include_str!("run/scripts/compose_lib.sh"), include_str!("run/scripts/compose_state.sh"));
/// Asks for Docker's HEALTHCHECK of a project's services.
pub const CONTAINER_HEALTH: &str =
    concat!(include_str!("run/scripts/compose_lib.sh"), include_str!("run/scripts/container_health.sh"));
/// Reads which images a project runs, and the digests of files.
pub const FINGERPRINT: &str =
    concat!(include_str!("run/scripts/compose_lib.sh"), include_str!("run/scripts/fingerprint.sh"));
/// Has nginx test its configuration with a new site in place.
pub const TEST_SITE: &str = concat!(
    include_str!("run/scripts/clock_lib.sh"),
    include_str!("run/scripts/nginx_lib.sh"),
    include_str!("run/scripts/test_site.sh")
);
/// Tests a copy of nginx's configuration; an argument of [`TEST_SITE`], which runs it where it must.
pub const TEST_COPY: &str = include_str!("run/scripts/test_copy.sh");
/// Points nginx's symlink elsewhere and proves that the reload took effect.
pub const SWAP: &str = concat!(
    include_str!("run/scripts/clock_lib.sh"),
    include_str!("run/scripts/guard_lib.sh"),
    include_str!("run/scripts/nginx_lib.sh"),
    include_str!("run/scripts/log_lib.sh"),
    include_str!("run/scripts/switch_lib.sh"),
    include_str!("run/scripts/swap.sh")
);
/// Swaps back unless the switch is confirmed in time; an argument of [`SWAP`], which starts it.
pub const DEAD_MAN: &str = concat!(
    include_str!("run/scripts/clock_lib.sh"),
    include_str!("run/scripts/guard_lib.sh"),
    include_str!("run/scripts/nginx_lib.sh"),
    include_str!("run/scripts/log_lib.sh"),
    include_str!("run/scripts/switch_lib.sh"),
    include_str!("run/scripts/dead_man.sh")
);
/// Confirms a switch.
pub const CONFIRM: &str = concat!(
    include_str!("run/scripts/clock_lib.sh"),
    include_str!("run/scripts/guard_lib.sh"),
    include_str!("run/scripts/confirm.sh")
);
/// Waits until no old nginx worker is left.
pub const DRAIN: &str = concat!(
    include_str!("run/scripts/clock_lib.sh"),
    include_str!("run/scripts/nginx_lib.sh"),
    include_str!("run/scripts/drain.sh")
);
/// Keeps a release.
pub const KEEP: &str = include_str!("run/scripts/keep.sh");
/// Prints a kept release.
pub const KEPT: &str = include_str!("run/scripts/kept.sh");
/// Counts requests and errors in nginx's access log.
pub const WATCH: &str = concat!(
    include_str!("run/scripts/clock_lib.sh"),
    include_str!("run/scripts/guard_lib.sh"),
    include_str!("run/scripts/nginx_lib.sh"),
    include_str!("run/scripts/watch.sh")
);
/// Holds an app's lock.
pub const LOCK: &str = include_str!("run/scripts/lock.sh");
/// Asks a host about itself.
pub const FACTS: &str = concat!(
    include_str!("run/scripts/clock_lib.sh"),
    include_str!("run/scripts/guard_lib.sh"),
    include_str!("run/scripts/nginx_lib.sh"),
    include_str!("facts/facts.sh")
);
