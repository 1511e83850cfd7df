//! What a source says, one statement at a time. Every inventory format is read into these, and one fold
//! (see `groups`) makes the inventory of them, so that a new format touches neither merging nor precedence.

use serde_json::Value;

use crate::model::HostName;
use crate::model::source::Location;

/// One statement, in the order in which the source makes it: the order decides the order of hosts and
/// groups, and the last of two values for one variable wins.
#[derive(Debug, Clone)]
pub(super) enum Declaration {
    /// The group exists, perhaps without any host.
    Group { name: String },
    /// A variable of a group.
    GroupVariable { group: String, name: String, variable: Variable },
    /// One group is within another.
    Child { group: String, child: String, location: Location },
    /// The host exists and belongs to the group.
    Host { group: String, host: HostName, port: Option<u16>, location: Location },
    /// A variable of a host that was declared before.
    HostVariable { host: HostName, name: String, variable: Variable },
}

/// A value and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) value: Value,
    pub(super) location: Location,
}
