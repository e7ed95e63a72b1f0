//! The host: the machine that trials are made on. It starts servers, reads what they cost, loads them, and leaves nothing
//! behind.
//!
//! A trial knows a host by its [interface](Host) alone, so that another host can take the place of this machine ([`Local`]).
//! Below that:
//!
//! - [`keeper`]: the process between this one and each server, which ends the server's whole tree;
//! - [`leftovers`]: what remains if both are killed, and its removal;
//! - [`fault`]: whether a trial failed because of its server or because of the workbench.
//!
//! The program that uses [`Local`] is started again as its own keeper. So it must have the commands `keep`, which calls
//! [`keeper::keep`], and `launch`, which becomes the server.

#![forbid(unsafe_code)]

pub mod fault;
mod interface;
pub mod keeper;
pub mod leftovers;
mod local;
mod program;
mod ready;

pub use fault::Fault;
pub use interface::{Ended, Host, Intervention, Loaded, Server, Start, Traced};
pub use local::Local;
pub use program::{is_installed, program, program_named};
