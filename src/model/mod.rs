//! What people wrote, after validation. Pure: it is given text and returns values or every problem at once.

mod color;
mod endpoint;
mod inventory;
mod name;
mod pattern;
pub mod playbook;
mod secret;
pub mod source;
pub mod template;

pub use color::{Color, NoColor};
pub use endpoint::{Endpoint, Escalation};
pub use name::{AppName, BadName, HostName, ReleaseId, RunId};
pub use pattern::{Pattern, PatternError};
pub use playbook::Playbook;
pub use secret::Secret;
pub use template::{Condition, Context, Template, Text, Vars};
