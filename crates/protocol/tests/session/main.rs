//! A session, driven by hand: bytes cut anywhere, time stepped, allocations counted.

mod any_stream;
mod conversation;
mod harness;
mod memory;
