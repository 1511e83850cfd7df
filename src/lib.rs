//! Blue/green deployments over SSH.

pub mod model;
pub mod remote;
