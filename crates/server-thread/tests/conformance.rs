//! As many connections as one process can have descriptors and threads.

conformance::suite!("thread": several_connections, many_connections, shared_descriptors, spawning);
