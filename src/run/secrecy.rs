//! What is told of a step whose task is `no_log`: its name, its host, and whether it went well.

use crate::event::StepError;
use crate::plan::Step;

/// What stands for a text that is not told.
const HIDDEN: &str = "(not shown: no_log)";

/// What was met in a step, or noticed of it.
pub(super) fn text(step: &Step, text: String) -> String {
    if step.no_log { HIDDEN.to_owned() } else { text }
}

/// Why a step failed, or its undo. Hints are made of what was met, too.
pub(super) fn error(step: &Step, error: StepError) -> StepError {
    if !step.no_log {
        return error;
    }
    StepError {
        message: "it failed; what it said is not shown (no_log)".to_owned(),
        stderr: None,
        hint: Some("where nobody else reads along, take `no_log` off the task to see more".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Action;
    use crate::plan::{Certainty, Undo};

    #[test]
    fn of_a_task_that_is_not_logged_nothing_is_left_but_that_it_failed() {
        let action = Action::Wait { duration: std::time::Duration::ZERO, once: false };
        let step = |no_log| Step {
            name: "Key".to_owned(),
            action: action.clone(),
            undo: Undo::NotNeeded,
            certainty: Certainty::Computed,
            escalate: None,
            timeout: None,
            ignore_errors: false,
            no_log,
            before: None,
        };
        let said = |text: &str| Some(format!("{text} hunter2"));
        let met = StepError { message: "run hunter2".to_owned(), stderr: said("it said"), hint: said("try") };
        assert_eq!(error(&step(false), met.clone()), met);
        assert!(!format!("{:?}", error(&step(true), met)).contains("hunter2"));
        assert_eq!(text(&step(true), "hunter2".to_owned()), HIDDEN);
    }
}
