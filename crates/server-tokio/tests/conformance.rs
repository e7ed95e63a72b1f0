//! As many connections as one process can have descriptors, in a task each. Jobs run on blocking threads.

conformance::suite!();
