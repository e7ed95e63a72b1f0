//! The host: the machine that trials are made on. It starts servers, reads what they cost, and loads them.
//!
//! A trial knows a host by its [interface](Host) alone, so that another host can take the place of this machine.

mod interface;
mod local;

#[cfg(test)]
pub(crate) use interface::Ended;
pub(crate) use interface::{Host, Intervention, Loaded, Server, Start};
pub(crate) use local::Local;
