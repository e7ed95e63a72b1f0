//! As many connections as one process can have descriptors, in one loop on completions.

conformance::suite!();
