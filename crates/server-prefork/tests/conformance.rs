//! As many connections at once as there are workers.

conformance::suite!();
