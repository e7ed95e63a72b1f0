//! As many connections at once as there are threads, and the rest in a queue.

conformance::suite!();
