//! The shell texts that run on hosts, by name. A leaf: who runs them and who plays them in memory agree here.

/// The text of a script behind the libraries that it begins with, by their names. `scripts/shellcheck` reads them here.
macro_rules! script {
    ($($name:literal),+) => { concat!($(include_str!(concat!("run/scripts/", $name, ".sh"))),+) };
}

/// Writes a file whole.
pub const PUT: &str = script!("path_lib", "undo_lib", "put");
/// Puts a file's kept content back.
pub const RESTORE: &str = script!("path_lib", "undo_lib", "restore");
/// Removes a file, then the folders that are empty.
pub const REMOVE: &str = script!("path_lib", "remove");
/// Runs a program in a folder.
pub const RUN: &str = script!("run");
/// Proves to a registry who is asking.
pub const LOGIN: &str = script!("end_lib", "registry_lib", "image_lib", "login");
/// Pulls an image.
pub const PULL: &str = script!("end_lib", "registry_lib", "image_lib", "pull");
/// Loads an image from an archive on stdin.
pub const LOAD: &str = script!("image_lib", "load");
/// Builds an image.
pub const BUILD: &str = script!("end_lib", "registry_lib", "image_lib", "variables_lib", "build");
/// Brings a compose project up.
pub const COMPOSE_UP: &str =
    script!("end_lib", "registry_lib", "variables_lib", "compose_lib", "compose_file_lib", "compose_up");
/// Runs a program in a one-off container of a compose project.
pub const COMPOSE_RUN: &str = script! {
    "end_lib", "registry_lib", "variables_lib", "compose_lib", "compose_file_lib", "one_off_lib", "path_lib",
    "undo_lib", "compose_run"
};
/// Removes the one-off containers that earlier runs left.
pub const COMPOSE_CLEAR: &str = script!("compose_lib", "one_off_lib", "compose_clear");
/// Prints a compose project's logs, then takes it down.
pub const COMPOSE_DOWN: &str = script!("variables_lib", "compose_lib", "compose_down");
/// Stops or starts a compose project's containers.
pub const COMPOSE_STATE: &str = script!("compose_lib", "compose_state");
/// Asks for Docker's HEALTHCHECK of a project's services.
pub const CONTAINER_HEALTH: &str = script!("compose_lib", "container_health");
/// Reads which images a project runs, and the digests of files.
pub const FINGERPRINT: &str = script!("compose_lib", "path_lib", "fingerprint");
/// Has nginx test its configuration with a new site in place.
pub const TEST_SITE: &str = script! {
    "end_lib", "digits_lib", "clock_lib", "bound_lib", "nginx_lib", "path_lib", "copy_lib", "test_site"
};
/// Tests a copy of nginx's configuration; an argument of [`TEST_SITE`], which runs it where it must.
pub const TEST_COPY: &str = script!("end_lib", "copy_lib", "test_copy");
/// Points nginx's symlink elsewhere and proves that it took effect.
pub const SWAP_LINK: &str = script! {
    "digits_lib", "clock_lib", "bound_lib", "state_lib", "lock_lib", "guard_lib", "by_hand_lib", "nginx_lib",
    "log_lib", "nginx_switch_lib", "path_lib", "link_lib", "swap"
};
/// Swaps back unless the switch is confirmed in time; an argument of [`SWAP_LINK`], which starts it.
pub const DEAD_MAN_LINK: &str = script! {
    "digits_lib", "clock_lib", "bound_lib", "state_lib", "lock_lib", "guard_lib", "by_hand_lib", "nginx_lib",
    "log_lib", "nginx_switch_lib", "path_lib", "link_lib", "dead_man"
};
/// Puts another content into a file that nginx reads and proves that it took effect.
pub const SWAP_FILE: &str = script! {
    "digits_lib", "clock_lib", "bound_lib", "state_lib", "lock_lib", "guard_lib", "by_hand_lib", "nginx_lib",
    "log_lib", "nginx_switch_lib", "path_lib", "file_lib", "swap"
};
/// Swaps back unless the switch is confirmed in time; an argument of [`SWAP_FILE`], which starts it.
pub const DEAD_MAN_FILE: &str = script! {
    "digits_lib", "clock_lib", "bound_lib", "state_lib", "lock_lib", "guard_lib", "by_hand_lib", "nginx_lib",
    "log_lib", "nginx_switch_lib", "path_lib", "file_lib", "dead_man"
};
/// Makes another color live by a command and proves that it took effect.
pub const SWAP_COMMAND: &str = script! {
    "digits_lib", "clock_lib", "bound_lib", "state_lib", "lock_lib", "guard_lib", "by_hand_lib",
    "command_switch_lib", "swap"
};
/// Swaps back unless the switch is confirmed in time; an argument of [`SWAP_COMMAND`], which starts it.
pub const DEAD_MAN_COMMAND: &str = script! {
    "digits_lib", "clock_lib", "bound_lib", "state_lib", "lock_lib", "guard_lib", "by_hand_lib",
    "command_switch_lib", "dead_man"
};
/// Confirms a switch.
pub const CONFIRM: &str = script!("digits_lib", "clock_lib", "state_lib", "lock_lib", "guard_lib", "confirm");
/// Waits until no old nginx worker is left.
pub const DRAIN: &str = script!("digits_lib", "clock_lib", "bound_lib", "nginx_lib", "drain");
/// Waits until a command says that the old color serves nothing any more.
pub const DRAINED: &str = script!("digits_lib", "clock_lib", "drained");
/// Keeps a release.
pub const KEEP: &str = script!("end_lib", "digits_lib", "state_lib", "keep");
/// Prints a kept release.
pub const KEPT: &str = script!("state_lib", "kept");
/// Counts requests and errors in nginx's access log.
pub const WATCH: &str = script! {
    "digits_lib", "clock_lib", "bound_lib", "state_lib", "lock_lib", "guard_lib", "nginx_lib", "watch"
};
/// Holds an app's lock.
pub const LOCK: &str = script!("bound_lib", "state_lib", "lock_lib", "lock");
/// Asks a host about itself.
pub const FACTS: &str = concat!(
    script!(
        "digits_lib",
        "clock_lib",
        "bound_lib",
        "state_lib",
        "lock_lib",
        "guard_lib",
        "nginx_lib",
        "path_lib"
    ),
    include_str!("facts/facts.sh")
);
