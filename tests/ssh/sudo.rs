//! Becoming another user, with a `sudo` that behaves like the real one where it matters.

use bgctl::model::{Escalation, Secret};
use bgctl::remote::{Exec, Output, Remote, RemoteError};

use crate::hosts;
use crate::sshd::Sshd;

/// Asks three times on stderr for the password `right`, as sudo does with `-S`, then runs the command.
const ASKS: &str = r#"
while :; do
    case $1 in
        -H | -n) shift ;;
        -S) shift ;;
        -p) prompt=$2; shift 2 ;;
        -u) BECAME=$2; export BECAME; shift 2 ;;
        *) break ;;
    esac
done
for attempt in 1 2 3; do
    printf %s "$prompt" >&2
    IFS= read -r password
    [ "$password" = right ] && exec "$@"
    echo "Sorry, try again." >&2
done
exit 1
"#;

/// Asks for nothing (NOPASSWD).
const ASKS_NOT: &str = r#"while [ "$1" != sh ]; do shift; done; exec "$@""#;

async fn exec(sudo: &str, user: &str, password: Option<&str>) -> Result<Output, RemoteError> {
    let server = Sshd::with_sudo(sudo);
    let fleet = server.fleet().await;
    let escalate = Some(Escalation { user: user.to_owned(), password: password.map(Secret::new) });
    let exec = Exec::reads("cat; echo \"$1 ${BECAME-}\"; echo err >&2").args(["it's"]).stdin("in\n");
    let output = fleet.exec(&hosts::name(), exec.escalate(escalate)).await;
    fleet.close().await;
    output
}

#[tokio::test]
async fn a_password_goes_to_sudo_and_nowhere_else() {
    let output = exec(ASKS, "www-data", Some("right")).await.unwrap();
    assert_eq!((output.text().as_str(), output.errors().as_str()), ("in\nit's www-data\n", "err"));
}

#[tokio::test]
async fn a_password_that_sudo_does_not_ask_for_is_no_input() {
    let output = exec(ASKS_NOT, "root", Some("right")).await.unwrap();
    assert_eq!(output.text(), "in\nit's \n");
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let error = exec(ASKS, "root", Some("wrong")).await.unwrap_err();
    assert!(
        matches!(&error, RemoteError::Refused(why) if why.contains("ansible_become_password")),
        "{error}"
    );
}

#[tokio::test]
async fn sudo_that_wants_a_password_is_a_refusal_with_the_way_out() {
    let wants = "echo 'sudo: a password is required' >&2; exit 1";
    let error = exec(wants, "root", None).await.unwrap_err();
    assert!(matches!(&error, RemoteError::Refused(why) if why.contains("NOPASSWD")), "{error}");
}
