//! The parts of an event loop over the protocol: shared listener, timers, a connection over any transport.

#![forbid(unsafe_code)]
