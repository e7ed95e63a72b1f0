//! The keeper: a process of its own between `compare` and each server.
//!
//! It is the parent of the server and, as a subreaper, of every process below it that loses its own parent. So the
//! server's whole tree is always below the keeper, wherever its processes go: `setsid`, `daemon` and double forks do not
//! leave it. It ends when `compare` does, however that happens, and takes the tree with it.
//!
//! ```text
//! compare ──socket── keeper ── server ── workers
//!                      ├────── a worker whose parent has ended
//!                      └─ reads what the server prints
//! ```
//!
//! It sleeps in one poll(2) while the server is measured, on the load generator's CPUs.

mod client;
mod connection;
mod end;
mod log;
mod message;
mod process;

pub(crate) use client::{KEEPER_WITHIN, Keeper, lost};
pub(crate) use message::{End, Event, Gone, Order};
pub(crate) use process::{Task, keep};
