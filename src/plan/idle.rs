//! Whether the colors are apart on every host: a stage that recreates one must not touch the other, which is live.

use crate::model::{Color, HostName, Module, Play, Problem, Problems, Text};

use super::deed::at;
use super::scope::Scope;

/// Refuses a stage that would take the live color down, and compose projects of both colors in one folder: the files
/// of one would be those of the other.
pub(super) fn check(scope: &Scope<'_>) -> Result<Vec<Problem>, Problems> {
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
                        problems.extend(shared(scope, play, &host, &compose.dir)?);
                    }
                }
                _ => {}
            }
        }
    }
    Ok(problems)
}

fn shared(scope: &Scope<'_>, play: &Play, host: &HostName, dir: &Text) -> Result<Option<Problem>, Problems> {
    let rendered = |color: Color| {
        let side = scope.side(color, Some(color.other()), "")?;
        // What is wrong with it is told where it is rendered for a color.
        Ok::<_, Problems>(dir.render(&scope.context(host, &side, Some(play))).ok())
    };
    let [blue, green] = [rendered(Color::Blue)?, rendered(Color::Green)?];
    Ok(blue.filter(|blue| green.as_ref() == Some(blue)).map(|dir_of_both| {
        at(
            dir,
            format!(
                "`dir` is {dir_of_both} for both colors: staging one would change the other, which is live"
            ),
        )
        .help("give each color a folder of its own: /srv/{{ app }}/{{ color }}")
    }))
}
