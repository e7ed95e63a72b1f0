//! As many connections as one process can have descriptors, in one event loop, with jobs on other threads.

conformance::suite!();
