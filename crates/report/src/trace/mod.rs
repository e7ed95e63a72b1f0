//! A trace of a server as people see it: what its threads did while it served a few requests.

pub mod chrome;
#[cfg(test)]
pub(crate) mod sample;
