//! What the description does not cover: a flag that only one way of accepting has.

use std::process::Command;

#[test]
fn a_queue_is_refused_where_threads_accept_for_themselves() {
    let output = Command::new(env!("CARGO_BIN_EXE_server-pool"))
        .args(["--listen", "127.0.0.1:0", "--accept", "shared", "--queue", "8"])
        .output()
        .expect("the server can be started");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains("--queue") && stderr.contains("--accept"),
        "{stderr}"
    );
}
