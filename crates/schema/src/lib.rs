//! What programs of the workbench hand each other as JSON, as serde types: read by everyone, and made of nothing else.

#![forbid(unsafe_code)]

pub mod capability;
pub mod contender;
pub mod cost;
pub mod cpus;
pub mod environment;
pub mod experiment;
pub mod load;
pub mod model;
pub mod name;
pub mod plan;
pub mod record;
pub mod text;
pub mod trace;
