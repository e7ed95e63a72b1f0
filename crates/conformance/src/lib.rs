//! One suite that every model's real binary passes, over real sockets, on ports that the kernel gives.
//!
//! The suite knows a server as its users do: a program with flags, a line on stdout, an address, signals and an exit
//! code. It shares no code with the servers, not even the framing: a fault in the codec must not hide itself in the
//! client that looks for it.
//!
//! A server crate's `tests/conformance.rs` is one line, which says what the model is like:
//!
//! ```ignore
//! conformance::suite!("prefork": several_connections, forking, workers, connection_per_worker);
//! ```
//!
//! It expands to one `#[test]` for each case that holds for every model, and for each that holds for a model with one
//! of those [`Traits`]. What does not apply to a model is not generated, so that a case that is listed as passed was
//! run. `suite.rs` has the list of all; each theme's cases stand in a file of their own.
//!
//! Two rules keep the suite honest on any machine. What must happen is waited for, with a patience so great that
//! only a hang exceeds it. What must not happen is watched for a moment only, so that a slow machine
//! can at worst let a fault pass, and never sees one that is not there.

#![forbid(unsafe_code)]

// How a case starts a server, looks at it, and talks to it.
mod client;
mod model;
mod patience;
mod process;
mod server;
mod tree;

// The cases, a file a theme.
mod capacity;
mod crowd;
mod drain;
mod endings;
mod errors;
mod flags;
mod frame_time;
mod handover;
mod inherited;
mod lifecycle;
mod limits;
mod load;
mod operations;
mod second_signal;
mod seed;
mod supervision;
mod surroundings;
mod tally;
mod unread;
mod vanished;
mod waiting;
mod wire;
mod workers;

mod suite;

pub use model::{Model, Traits};
#[doc(hidden)]
pub use suite::cases;
use suite::functions_of;
