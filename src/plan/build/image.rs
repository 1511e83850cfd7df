//! Logins and images in a lane.

use crate::facts::Facts;
use crate::model::Action;
use crate::plan::deed::{Deed, Wish};
use crate::plan::{Certainty, Lane, Undo, compare};

use super::stage::step;

/// Adds what a deed of this kind needs on a host. Nothing has to be taken back: an image that nobody runs is no harm,
/// and of a login nothing stays. `facts`: what is there, where that counts.
pub(super) fn add(lane: &mut Lane, deed: &Deed, facts: Option<&Facts>) {
    let (action, certainty) = match &deed.wish {
        Wish::Login(login) => (Action::Login(login.clone()), Certainty::Computed),
        Wish::Load(load) if facts.is_some_and(|facts| compare::loaded(facts, load).is_none()) => {
            return lane.skip(deed, "unchanged");
        }
        Wish::Load(load) => (Action::LoadImage(load.clone()), Certainty::Computed),
        Wish::Pull(name) if facts.is_some_and(|facts| facts.images.contains_key(name)) => {
            return lane.skip(deed, "unchanged");
        }
        Wish::Pull(name) => (Action::PullImage { name: name.clone() }, Certainty::Unknowable),
        Wish::Build(build) => (Action::BuildImage(build.clone()), Certainty::Unknowable),
        _ => return,
    };
    lane.steps.push(step(deed, action, Undo::NotNeeded, certainty));
}

/// What only a deploy can tell of an image, for the reader of a plan that may change nothing.
pub(super) fn doubt(wish: &Wish) -> Option<&'static str> {
    match wish {
        Wish::Compose(up) if compare::may_have_moved(up) => {
            Some("pull is always, so the images' tags may have moved")
        }
        Wish::Pull(name) if !compare::is_pinned(name) => Some("only a pull tells whether the tag has moved"),
        Wish::Build(_) => Some("only a build tells whether its folder makes another image now"),
        _ => None,
    }
}
