//! One thread's connections and its event loop.
//!
//! A request is sent from where the reply before it was read, without waiting for the socket to be writable. It nearly always
//! is, and asking the kernel each time costs two system calls per request. Only the bytes that did not leave wait for an
//! event. In an open loop a request is sent when it is due and a connection is free, whichever comes last.
//!
//! - `state`: what a thread knows; `event_loop`: what it waits for;
//! - `sending`, `replies`, `connections`, `pauses`, `window`: what it does then.

#[cfg(test)]
mod allocations;
mod connections;
mod event_loop;
#[cfg(test)]
mod noted;
mod pauses;
mod replies;
mod sending;
mod state;
#[cfg(test)]
mod stepped;
mod window;

pub(crate) use self::state::{Driver, Schedule};
