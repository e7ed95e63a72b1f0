//! Several event loops in one process.

conformance::suite!();
