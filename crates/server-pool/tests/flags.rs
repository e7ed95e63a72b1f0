//! What the description does not cover: a flag that only one way of accepting has.

use conformance::refusal;

#[test]
fn a_queue_is_refused_where_threads_accept_for_themselves() {
    let server = env!("CARGO_BIN_EXE_server-pool");
    let stderr = refusal(server, &["--accept", "shared", "--queue", "8"]);
    assert!(
        stderr.contains("--queue") && stderr.contains("--accept"),
        "{stderr}"
    );
}
