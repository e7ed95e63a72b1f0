//! Records of context switches by `perf_event_open(2)`, with the system calls by strace(1).

mod merge;
mod off;
mod records;
mod sampling;

use meter::Family;
use schema::cpus::Split;
use schema::trace::Source;

use self::sampling::Sampling;
use crate::event::Recording;
use crate::strace;
use crate::strace::tracing::Tracing;

/// What the records of one's own threads can't show.
const LACKS: &str = "Without root it is unknown when a waiting thread becomes runnable, and who wakes it: its wait for a CPU \
                     counts as blocked, and a request that passes through a queue in memory is not followed.";

/// A recording that is being made.
#[derive(Debug)]
pub(crate) struct Session {
    sampling: Sampling,
    tracing: Tracing,
}

impl Session {
    /// Starts to record a server.
    pub(crate) fn start(server: Family, cpus: &Split) -> Result<Self, String> {
        // strace comes second: its first stops show what each thread does.
        let sampling = Sampling::start(server, &cpus.server)?;
        let tracing = Tracing::start(server)?;
        Ok(Self { sampling, tracing })
    }

    /// Stops recording.
    pub(crate) fn stop(self, _client_threads: &[i32]) -> Result<Recording, String> {
        let mut traced = self.tracing.stop()?;
        let records = self.sampling.end()?;
        let events = merge::merge(&records, &mut traced);
        Ok(Recording {
            source: Source::Switches,
            lacks: [LACKS.to_owned()].into_iter().chain(traced.lacks()).collect(),
            from_ns: traced.from_ns,
            to_ns: traced.to_ns,
            threads: traced.threads,
            events,
        })
    }
}

/// Checks whether this source can be used here.
pub(crate) fn probe() -> Result<(), String> {
    sampling::probe()?;
    strace::probe()
}

#[cfg(test)]
mod tests;
