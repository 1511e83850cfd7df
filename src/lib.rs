//! Blue/green deployments over SSH.

pub mod cli;
pub mod cmd;
pub mod event;
pub mod facts;
pub mod journal;
pub mod model;
pub mod paint;
pub mod plan;
pub mod remote;
pub mod report;
pub mod run;
pub mod scripts;
pub mod shapes;
pub mod ui;
