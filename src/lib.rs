//! Blue/green deployments over SSH.

pub mod event;
pub mod facts;
pub mod model;
pub mod plan;
pub mod remote;
