//! Skipping a test visibly, or not at all.

use std::env;
use std::fmt::Display;
use std::io::Write;
use std::thread;

/// With this variable set to anything but `0`, a test that would be skipped fails.
const REQUIRE_ALL: &str = "REQUIRE_ALL";

/// Reports on stderr that the current test is skipped, and why. The test returns after this call.
///
/// The line appears also where the output of a test that passes is hidden: `cargo test` captures what `println!` and
/// `eprintln!` print, and this writes to stderr itself. The test's name is that of its thread, so call this on the
/// thread on which the test was started.
///
/// # Panics
///
/// If the environment variable `REQUIRE_ALL` is set to anything but `0` or nothing, as where all tools are installed and
/// a skipped test is a mistake.
#[track_caller]
pub fn skip(reason: impl Display) {
    assert!(
        !requires_all(),
        "{} would be skipped, which {REQUIRE_ALL} forbids: {reason}",
        test()
    );
    print("skipped", reason);
}

/// Reports on stderr that the current test could show nothing, because the machine was busy. The test returns after this
/// call. No tool is missing, so this is no failure with `REQUIRE_ALL` either.
pub fn inconclusive(reason: impl Display) {
    print("inconclusive", reason);
}

fn print(outcome: &str, reason: impl Display) {
    // One write, so that lines of tests that run at the same time do not mix. A closed stderr is no reason to fail.
    let line = format!("{outcome}: {}: {reason}\n", test());
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn test() -> String {
    thread::current().name().unwrap_or("a test").to_owned()
}

fn requires_all() -> bool {
    env::var_os(REQUIRE_ALL).is_some_and(|value| !value.is_empty() && value != "0")
}
