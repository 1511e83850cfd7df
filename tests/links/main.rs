//! What scripts do in folders of others, as root: attacked with links, hard links, planted files and exchanged folders.
#![expect(clippy::disallowed_methods, reason = "starts shells, which are what is tested")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper may fail it")]

mod host;
mod older;
mod races;
mod read;
mod remove;
mod switch;
mod undo;
mod validate;
mod write;
