//! A connection of the event loop, stepped by hand: the socket and the clock do what a test says, and nothing else.
//!
//! `harness.rs` has both, and plays the loop. Each other file is about one thing that can happen to a connection.

mod any_script;
mod draining;
mod ending;
mod harness;
mod memory;
mod reading;
mod timing;
mod working;
mod writing;
