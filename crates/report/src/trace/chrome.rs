//! A trace as JSON in Chrome's trace event format, which Perfetto opens.
//!
//! The Chromium project's document "Trace Event Format" defines it. Perfetto's documentation, "Visualizing external trace
//! formats", describes what Perfetto takes from it, and its sources show the details (`json_trace_parser.cc`,
//! `trace_sorter.h`, `slice_tracker.cc`, `flow_tracker.cc`). These rules shape what is written here:
//!
//! - `ts` and `dur` are microseconds. Three decimals keep every nanosecond.
//! - Complete events (`X`) of one thread must nest. Perfetto sorts them by `ts`, the longest first, then in the order of the
//!   file. It moves an event that overlaps another in part to a row of its own, or drops it (`slice_tracker.cc`). So a state
//!   is cut where a request's part begins or ends, and such a part encloses whole events. Parts that overlap each other are
//!   cut too.
//! - An arrow (`s` to `f`) has one `id`, category and name. Each of its ends binds to the innermost event that is open on its
//!   thread at that time; at the end, only with `bp: "e"`. Without an open event the arrow is dropped (`flow_tracker.cc`).
//! - Metadata (`M`) names processes and threads, and orders them by `process_sort_index` and `thread_sort_index`.
//! - `otherData` holds anything else, and viewers pass over it.
//!
//! Each process and thread of the server has its own numbers. The load generator is a process named `client`, with a row for
//! each connection.

mod collect;
mod event;
mod nest;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Error, read};
pub use write::write;
