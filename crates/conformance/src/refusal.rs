//! What a server prints of flags that it refuses, for flags that only one model has.

use std::process::Command;

/// Runs a server with flags that it has to refuse, and returns the one line that it prints.
///
/// # Panics
/// If it can't be started, does not exit with 2, or prints another number of lines.
#[must_use]
#[track_caller]
pub fn refusal(server: &str, flags: &[&str]) -> String {
    let output = Command::new(server)
        .args(["--listen", "127.0.0.1:0"])
        .args(flags)
        .output()
        .expect("the server can be started");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}
