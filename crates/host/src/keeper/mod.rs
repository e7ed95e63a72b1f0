//! The keeper: a process of its own between `compare` and each server.
//!
//! It is the parent of the server and, as a subreaper, of every process below it that loses its own parent. So the server's
//! whole tree always stays below the keeper: `setsid`, `daemon` and double forks do not leave it. The keeper ends when
//! `compare` does, however that happens, and ends the tree first.
//!
//! ```text
//! compare ──socket── keeper ── server ── workers
//!                      ├────── a worker whose parent has ended
//!                      └─ reads what the server prints
//! ```
//!
//! While the server is measured, it sleeps in one poll(2), on the load generator's CPUs.

mod client;
mod connection;
mod end;
mod log;
mod message;
mod process;

pub(crate) use client::{KEEPER_WITHIN, Keeper, lost};
pub(crate) use message::{End, Event, Gone, Order};
pub use process::{Task, keep};
