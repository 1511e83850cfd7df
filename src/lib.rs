//! Blue/green deployments over SSH.

pub mod event;
pub mod facts;
pub mod journal;
pub mod model;
pub mod plan;
pub mod remote;
pub mod report;
pub mod run;
