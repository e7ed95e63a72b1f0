//! What tests of several crates share: skipping a test, the workspace's programs, built from the current sources, and a
//! checker of traces.
//!
//! Only tests depend on this crate. It knows no model by name: a test that needs some server picks one by what the
//! server's `--describe` prints.
//!
//! ```no_run
//! # use test_support::{programs, server_that, skip};
//! if !std::path::Path::new("/dev/full").exists() {
//!     return skip("this machine has no /dev/full");
//! }
//! let server = server_that(|description| description["serves"] == "many");
//! let loadgen = programs().join("loadgen");
//! ```

#![forbid(unsafe_code)]

pub mod chrome_trace;
mod programs;
mod skip;

pub use programs::{Server, programs, server_that, servers};
pub use skip::{inconclusive, skip};
