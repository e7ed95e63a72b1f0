//! The wire and the service, without sockets and without a clock.
//!
//! A peer's bytes go into a [`Session`] in pieces of any size, and replies come out of it, in order. Whoever owns the
//! socket decides when to read, when to write, how to wait, and which thread runs a handler. A blocking server sleeps
//! where an event loop sets a timer; this crate knows of neither.
//!
//! ```text
//!            room() / filled(n)           output() / sent(n)
//!   socket ───────────────────▶ Session ───────────────────▶ socket
//!                                  │
//!                                  └─ step() returns what it needs next: to read, to flush, to run a job,
//!                                     to wait, to close
//! ```
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use protocol::{Request, Session, SessionOptions, Step};
//!
//! // A peer's bytes: two requests.
//! let mut received = Vec::new();
//! Request::append(&mut received, "ping", "\"hello\"");
//! Request::append(&mut received, "sleep", "20");
//!
//! let mut session = Session::new(SessionOptions::default());
//! session.room()[..received.len()].copy_from_slice(&received);
//! session.filled(received.len());
//!
//! // The ping has its reply in the output at once. The sleep needs a timer.
//! assert_eq!(session.step(), Step::Replied);
//! assert_eq!(session.step(), Step::Sleep(Duration::from_millis(20)));
//! let pong = br#"{"out":"pong","result":"hello"}"#;
//! assert_eq!(session.output(), [&(pong.len() as u32).to_le_bytes()[..], pong].concat());
//! let written = session.output().len();
//! session.sent(written);
//!
//! // The caller sets the timer. When it is due, the session writes the second reply.
//! let due = Instant::now() + Duration::from_millis(20);
//! session.wait_until(due);
//! assert_eq!(session.step(), Step::Waiting(due));
//! assert!(session.wake(due));
//! assert!(session.output().ends_with(br#"{"out":"slept","result":20}"#));
//! assert_eq!(session.step(), Step::Read);
//! ```
//!
//! The layers, from the bytes up: [`buffer`] holds them, [`frame`] cuts them, and [`message`] reads and writes the JSON in
//! a frame. [`operation`] knows the seven operations of the service, [`work`] the one with several parts, and [`job`] what
//! holds a thread. [`session`] puts all of it in order for one connection. docs/PROTOCOL.md is for people who write a peer in another
//! language.

#![forbid(unsafe_code)]

pub mod buffer;
pub mod frame;
pub mod job;
mod limits;
pub mod message;
pub mod operation;
pub mod session;
pub mod work;

pub use buffer::SharedBuffers;
pub use frame::{FrameLimit, FrameLimitError};
pub use job::{Clock, Job, Outcome};
pub use message::{ErrorCode, Reply, Request};
pub use operation::Operation;
pub use session::{Session, SessionOptions, Step, Writes};
pub use work::Work;
