//! Whether the colors are apart on every host: a stage that recreates one must not touch the other, which is live.

use crate::model::{Color, HostName, Module, Play, Problem, Problems, Text};

use super::deed::at;
use super::scope::{Scope, Side};

/// Refuses a stage that would take the live color down, and compose projects of both colors in one folder: the files
/// of one would be those of the other.
pub(super) fn check(scope: &Scope<'_>) -> Result<Vec<Problem>, Problems> {
    // Made once: a side is made of every host.
    let sides =
        [scope.side(Color::Blue, Some(Color::Green), "")?, scope.side(Color::Green, Some(Color::Blue), "")?];
    let mut problems = Vec::new();
    for play in &scope.model.playbook.stage {
        for task in &play.tasks {
            match &task.module {
                Module::Retire(_) => problems.push(
                    at(&task.name, "`retire` in `stage` would take down the color that is live".to_owned())
                        .help("write it under `settle:`, which comes after the switch"),
                ),
                Module::Compose(compose) => {
                    for host in scope.hosts(&play.hosts)? {
                        problems.extend(shared(scope, &sides, play, &host, &compose.dir));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(problems)
}

fn shared(scope: &Scope<'_>, sides: &[Side; 2], play: &Play, host: &HostName, dir: &Text) -> Option<Problem> {
    // What is wrong with it is told where it is rendered for a color.
    let [blue, green] = sides.each_ref().map(|side| dir.render(&scope.context(host, side, Some(play))).ok());
    let both = blue.filter(|blue| green.as_ref() == Some(blue))?;
    let message =
        format!("`dir` is {both} for both colors: staging one would change the other, which is live");
    Some(at(dir, message).help("give each color a folder of its own: /srv/{{ app }}/{{ color }}"))
}
