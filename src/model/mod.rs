//! What people wrote, after validation. Pure: it is given text and returns values or every problem at once.

mod color;
mod endpoint;
mod name;
mod secret;

pub use color::{Color, NoColor};
pub use endpoint::{BadVariable, ConnectionFlags, Endpoint, Escalation, LocalDefaults};
pub use name::{AppName, BadName, HostName, ReleaseId, RunId};
pub use secret::Secret;
