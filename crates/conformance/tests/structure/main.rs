//! Rules about the sources themselves: which crate may use which, which code may stand where, which words people read.
//!
//! docs/ARCHITECTURE.md has the reason for each rule. The rules are about kinds of crates, so a new server needs no edit.
//!
//! `cargo test -p conformance --test structure -- --nocapture graph` prints the graph of crates and modules.

#![allow(missing_docs)]

mod dependencies;
mod docs;
mod generated;
mod help;
mod kept_run;
mod modules;
mod pages;
mod reader;
mod scripts;
mod sources;
mod traces;
mod words;
mod workspace;
