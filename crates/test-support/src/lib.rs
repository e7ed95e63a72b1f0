//! What tests of several crates share: skips, and server programs that are never stale.

#![forbid(unsafe_code)]
