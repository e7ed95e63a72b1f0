//! As many connections at once as there are workers.

conformance::suite!("prefork": several_connections, forking, workers, connection_per_worker);
