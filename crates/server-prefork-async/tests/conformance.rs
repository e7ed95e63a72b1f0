//! As many connections as its workers can have descriptors, in an event loop each.

conformance::suite!("prefork-async": several_connections, many_connections, forking, workers, event_loop, loop_per_worker, shared_descriptors);
