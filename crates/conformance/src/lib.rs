//! One suite that every model's program passes, over real sockets, on ports that the kernel chooses.
//!
//! # Testing a new server
//!
//! A server crate is held to the suite by two files. Its `tests/conformance.rs` has no list of what to expect:
//!
//! ```ignore
//! conformance::suite!();
//! ```
//!
//! Its `Cargo.toml` depends on this crate and lets the suite do what the standard test harness does:
//!
//! ```toml
//! [dev-dependencies]
//! conformance.workspace = true
//!
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//!
//! The suite runs the server with `--describe` and chooses the cases by the answer. A server with `"serves": "many"` must
//! serve three hundred connections at the same time. One with `"serves": "one"` must let the second connection wait. The
//! cases of the theme `description` test that each field is true. So a server that promises less is not tested less: it
//! fails. `suite.rs` has the list of all cases and of the condition of each group.
//!
//! `cargo test -p server-MODEL` takes the usual arguments: a part of a case's name, `--exact`, `--skip`, `--list` and
//! `--test-threads`. A case that fails prints its message and what the server printed.
//!
//! # Rules for cases
//!
//! The suite knows a server as its users do: a program with flags, a line on stdout, an address, signals and an exit
//! code. It shares no code with the servers, not even the framing. Otherwise a fault in the codec could hide itself in the
//! client that looks for it.
//!
//! A case passes on a correct server however slow the machine is. It waits for what must happen, for so long that only a
//! hang takes longer. It watches for a moment that something does not happen. There a slow machine can hide a fault, and
//! can't report one that does not exist.

#![forbid(unsafe_code)]

// What a server is, how a case starts it, observes it, and talks to it.
mod client;
mod description;
mod model;
mod process;
mod process_limit;
mod refusal;
mod report;
mod server;
mod traffic;
mod tree;
mod wait;

// The cases, the list of them, and what runs them.
mod cases;
mod harness;
mod suite;

#[doc(hidden)]
pub use harness::{failures, run};
pub use refusal::refusal;

/// The `main` function of a server crate's `tests/conformance.rs`: runs the suite on the crate's program.
#[macro_export]
macro_rules! suite {
    () => {
        fn main() -> ::std::process::ExitCode {
            $crate::run(
                env!("CARGO_PKG_NAME"),
                env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))),
            )
        }
    };
}
