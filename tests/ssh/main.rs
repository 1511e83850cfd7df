//! The SSH transport: against a real `sshd` of this machine, and against servers that break the rules.
#![expect(clippy::disallowed_methods, reason = "starts an sshd and shells, which is what is tested against")]

mod hosts;
mod real;
mod sshd;
