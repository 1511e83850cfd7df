//! How a test on real hosts is written:
//!
//! ```ignore
//! let lab = Lab::fresh();                                   // hosts as new, a folder with inventory, playbook, templates
//! lab.edit("playbook.yml", "serial: 100%", "serial: 1");    // the shipped playbook, made quick, in other words
//! lab.deploy("0.0.1").exits(0);                             // bgctl apply -i inventory.yml -y -e version=0.0.1
//! lab.bgctl(&["rollback", "-y"]).exits(1).says("no color"); // any command; a failure shows all that it said
//! assert_eq!(lab.served(), Served::new("0.0.1", "blue"));   // asked through the load balancer's published port
//! lab.on("app1", "docker ps");                              // shell text on a host, not by way of bgctl
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `lab` | the hosts: which, where, whether they are up; a shell on each |
//! | `folder` | the operator's folder: what they wrote, and how a test changes it |
//! | `bgctl` | the binary, run in that folder; what it said |
//! | `look` | what is true on the hosts: served release, containers, files, the link |
//! | `http` | a small HTTP client: a connection per request, or kept alive |
//! | `tls` | certificates on a load balancer, and a client that checks them |
//! | `follow` | the binary again, its events met as they happen |
//! | `harm` | what happens to hosts: power failures, dead services, full disks, wrong clocks |
//! | `registry` | the lab's registry of images |
//! | `wire` | a network between operator and hosts that can be cut |
//! | `shape` | a shape as `bgctl init` writes it, and the home-made script from before |
//! | `wait` | what others do, waited for by a condition |
//! | `load` | clients side by side that ask without pause, and what they got |

mod bgctl;
mod folder;
mod follow;
mod harm;
mod http;
mod lab;
mod load;
mod look;
mod registry;
mod shape;
mod tls;
mod wait;
mod wire;

pub(crate) use bgctl::{Running, Said};
pub(crate) use follow::Following;
pub(crate) use http::{Answer, Upgraded, get, get_of};
pub(crate) use lab::Lab;
pub(crate) use load::{Client, Load, Tally};
pub(crate) use look::Served;
pub(crate) use registry::{ECR_TOKEN, TOKEN};
pub(crate) use shape::PLAYBOOK;
pub(crate) use wait::until;
