//! Records by perf(1).

use meter::Family;
use schema::cpus::Split;

use crate::event::Recording;

const MISSING: &str = "this source is not there yet";

/// A recording that is being made.
#[derive(Debug)]
pub(crate) enum Session {}

impl Session {
    /// Starts to record a server.
    pub(crate) fn start(_server: Family, _cpus: &Split) -> Result<Self, String> {
        Err(MISSING.to_owned())
    }

    /// Stops recording.
    pub(crate) fn stop(self, _client_threads: &[i32]) -> Result<Recording, String> {
        match self {}
    }
}

/// Checks whether this source can be used here.
pub(crate) fn probe() -> Result<(), String> {
    Err(MISSING.to_owned())
}
