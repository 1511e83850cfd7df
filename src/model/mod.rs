//! What people wrote, after validation. Pure: it is given text and returns values or every problem at once.

mod action;
mod color;
mod endpoint;
mod host_list;
mod images;
mod inventory;
mod kept;
mod name;
mod pattern;
pub mod playbook;
mod secret;
pub mod source;
pub mod template;

pub use action::{
    Action, Ask, Check, Compose, ComposeUp, Confirm, Guard, HttpAsk, NginxSetup, Project, Pull, PutFile, Run,
    Swap, Watch,
};
pub use color::{Color, NoColor};
pub use endpoint::{BadVariable, ConnectionFlags, Endpoint, Escalation, LocalDefaults};
pub use host_list::host_list;
pub use images::{Digest, Fingerprint, Image, Images, Odd, Rendered};
pub use inventory::{Inventory, Selection, parse_extra};
pub use kept::{BadKept, Keep, Kept, KeptRelease, KeptSide, KeptStep};
pub use name::{AppName, BadName, HostName, ReleaseId, RunId};
pub use pattern::{Pattern, PatternError};
pub use playbook::{
    Asker, Batch, ComposeTask, Content, EscalationWords, Files, Health, HealthCheck, HttpCheck, Module, Old,
    Place, Play, Playbook, Recreate, Retire, Switch, Task, Words,
};
pub use secret::Secret;
pub use source::{Location, Problem, Problems, Source};
pub use template::{Condition, Context, Template, Text, Vars, expand, expand_known};
