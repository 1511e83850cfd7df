//! The inventory.
mod entry;
mod range;
