//! As many connections as one process can have descriptors, in one event loop.

conformance::suite!("async": several_connections, many_connections, event_loop, shared_descriptors);
