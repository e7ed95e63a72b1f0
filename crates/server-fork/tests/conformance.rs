//! As many connections as there can be processes, each with descriptors of its own.

conformance::suite!();
