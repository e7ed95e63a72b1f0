//! The wire and the service, without sockets and without a clock.
//!
//! A peer's bytes go into a [`Session`] in pieces of any size; what the session has to say comes out of it, in
//! order. Whoever owns the socket decides when to read, when to write, and how to wait: a blocking server sleeps where
//! an event loop sets a timer, and neither shows in here.
//!
//! ```text
//!            room() / filled(n)           output() / sent(n)
//!   socket ───────────────────▶ Session ───────────────────▶ socket
//!                                  │
//!                                  └─ step() says what it needs next: to read, to flush, to wait, to close
//! ```
//!
//! The layers, from the bytes up: [`buffer`] holds them, [`frame`] cuts them, [`message`] reads and writes the JSON in a
//! frame, [`operation`] knows the six things the service does, and [`session`] puts them in order for one connection.
//! docs/PROTOCOL.md is the same for people who write a peer in another language.

#![forbid(unsafe_code)]

pub mod buffer;
pub mod frame;
pub mod message;
pub mod operation;
pub mod session;

pub use buffer::SharedBuffers;
pub use frame::{FrameLimit, FrameLimitError};
pub use message::{ErrorCode, Reply, Request};
pub use operation::{Operation, Work};
pub use session::{Session, SessionOptions, Step, Writes};
