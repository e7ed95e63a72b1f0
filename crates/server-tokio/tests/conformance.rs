//! As many connections as its workers can have descriptors, in an event loop each.

conformance::suite!();
