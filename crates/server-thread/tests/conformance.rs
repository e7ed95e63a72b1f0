//! As many connections as one process can have descriptors and threads.

conformance::suite!();
