//! The commands: each resolves what it was given, calls the layers beneath and says what came of it.

pub mod failure;
pub mod status_view;
