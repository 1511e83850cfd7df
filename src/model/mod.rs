//! What people wrote, after validation. Pure: it is given text and returns values or every problem at once.

mod action;
mod archive;
mod color;
mod endpoint;
mod host_list;
mod images;
mod inventory;
mod kept;
mod key;
mod name;
mod one_off;
mod pattern;
pub mod playbook;
mod registry;
mod secret;
pub mod source;
mod state;
mod swap;
pub mod template;
mod tls;

pub use action::{
    Action, Ask, Check, Compose, ComposeUp, Draining, HttpAsk, Project, Pull, PutFile, Run, Watch,
};
pub use archive::Archive;
pub use color::{Color, NoColor};
pub use endpoint::{BadVariable, ConnectionFlags, Endpoint, Escalation, LocalDefaults};
pub use host_list::host_list;
pub use images::{Digest, Fingerprint, Image, Images, Odd, Rendered};
pub use inventory::{Inventory, Selection, parse_extra, without_values};
pub use kept::{BadKept, Keep, Kept, KeptRelease, KeptSide, KeptStep};
pub use key::{Key, Keyed, NotAKey};
pub use name::{AppName, BadName, HostName, ReleaseId, RunId};
pub use one_off::ComposeRun;
pub use pattern::{Pattern, PatternError};
pub use playbook::{
    Asker, Batch, ComposeTask, Content, Driver, EscalationWords, Files, Health, HealthCheck, HttpCheck,
    ImageTask, LoginTask, Module, Nginx, NginxSite, Old, Place, Play, Playbook, Preview, Recreate, Retire,
    Switch, Task, Words,
};
pub use registry::{BuildImage, DOCKER_HUB, LoadImage, Login, image_name};
pub use secret::Secret;
pub use source::{Location, Problem, Problems, Source};
pub use state::{StateDir, StateGroup};
pub use swap::{Confirm, Guard, NginxSetup, Pointer, Swap, SwitchCommands, Version, short_saying};
pub use template::{Condition, Context, Template, Text, Vars, expand, expand_known};
pub use tls::{Tls, certificates};
