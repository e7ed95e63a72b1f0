//! The cases, a file for each theme. Each is a function that panics if the server fails it.

pub(crate) mod capacity;
pub(crate) mod connections;
pub(crate) mod description;
pub(crate) mod drain;
pub(crate) mod endings;
pub(crate) mod environment;
pub(crate) mod errors;
pub(crate) mod flags;
pub(crate) mod frame_time;
pub(crate) mod handover;
pub(crate) mod inherited;
pub(crate) mod lifecycle;
pub(crate) mod limits;
pub(crate) mod load;
pub(crate) mod offloading;
pub(crate) mod operations;
pub(crate) mod original_client;
pub(crate) mod resets;
pub(crate) mod second_signal;
pub(crate) mod supervision;
pub(crate) mod tally;
pub(crate) mod unread;
pub(crate) mod waiting;
pub(crate) mod wire;
pub(crate) mod work;
pub(crate) mod workers;
