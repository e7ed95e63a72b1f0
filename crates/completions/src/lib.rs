//! io_uring behind a safe interface, for a thread that serves many sockets.
//!
//! With epoll the kernel reports that a call would not block, and the program then makes that call. With io_uring the
//! program queues operations, and the kernel reports each one when it is done. One system call,
//! [`Ring::submit_and_wait`], hands over all that was queued and waits for what is done:
//!
//! ```text
//!   queue: receive(A)  send(B)  accept ──▶ submit_and_wait ──▶ completions: A received 38 bytes, B was sent
//! ```
//!
//! Meanwhile the memory of an operation belongs to the kernel. Here the ring owns that memory, so that no caller can free
//! or move it: bytes to send are given away and come back with their [`Completion`], and bytes are received into buffers
//! of the ring. Operations that stay in force ("multishot") accept or receive again and again, and each time cause a
//! completion.

#![deny(unsafe_code)]

mod buffers;
mod ring;
mod settings;

pub use buffers::Received;
pub use ring::{Completion, Outcome, Ring};
pub use settings::{Receive, Settings, Target, TaskWork};
