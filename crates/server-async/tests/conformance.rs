//! As many connections as one process can have descriptors, in one event loop.

conformance::suite!();
