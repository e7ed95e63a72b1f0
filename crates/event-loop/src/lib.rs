//! The parts of an event loop that serves many connections with one thread.
//!
//! A model's page holds the loop itself, and takes what the loop is made of from here:
//!
//! - [`EventLoop`]: an epoll instance, its connections and their order, one method for each step of the loop;
//! - [`Inbox`]: connections that another thread accepts and delivers;
//! - [`Acceptor`]: a listener that several loops may share, and a loop without room for a connection;
//! - [`Connection`]: one connection, over any [`Transport`], which does what it can without waiting and returns why it
//!   stops;
//! - [`Timers`]: which connection has to be looked at when.
//!
//! The order of the steps is the model. So no function here runs the loop:
//!
//! ```no_run
//! # fn serve(mut event_loop: event_loop::EventLoop, stop: serving::Stop) -> serving::Result<()> {
//! while !event_loop.is_over() {
//!     event_loop.poll()?; // the only call that waits
//!     if stop.requested() {
//!         event_loop.drain();
//!     }
//!     while let Some(connection) = event_loop.next_ready() {
//!         if let Some(job) = event_loop.turn(connection) {
//!             let outcome = serving::perform(job, stop); // holds up every connection
//!             event_loop.finish(connection, outcome);
//!         }
//!     }
//!     event_loop.accept()?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The events are edge-triggered: the kernel reports a change once, so a connection with an event goes on until it
//! would block. A connection that never would, because its peer always sends more, is put behind the others after
//! [`TURN_REQUESTS`](connection::TURN_REQUESTS) requests.

#![forbid(unsafe_code)]

pub mod acceptor;
pub mod connection;
pub mod event_loop;
pub mod inbox;
pub mod signals;
mod state;
pub mod timers;
pub mod transport;

pub use acceptor::Acceptor;
pub use connection::{Connection, Lent, Turn};
pub use event_loop::{ConnectionId, EventLoop, Waiter};
pub use inbox::{Delivery, Inbox, inbox};
pub use timers::Timers;
pub use transport::{Readiness, SystemClock, TimeSource, Transport};
