//! What the threads of a server really do while it serves, recorded from the kernel.
//!
//! A source records [events](event::Recording). The best is perf(1); where it may not be used, the context switches of one's
//! own processes by `perf_event_open(2)` with the system calls by strace(1), or strace alone. [`build`] makes a
//! [trace](schema::trace::Trace) of it, with the requests that the load generator noted, and [`physics`] checks that.

#![forbid(unsafe_code)]

pub mod build;
mod calls;
mod clock;
pub mod event;
#[cfg(test)]
mod live;
mod perf;
pub mod physics;
pub mod recorder;
mod strace;
mod switches;
pub mod threads;

pub use recorder::Recorder;
