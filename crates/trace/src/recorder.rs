//! The sources of a recording behind one interface.

use meter::Family;
use schema::cpus::Split;
use schema::trace::Source;

use crate::event::Recording;
use crate::{perf, strace, switches};

/// All sources, the best first.
pub const SOURCES: [Source; 3] = [Source::Perf, Source::Switches, Source::Strace];

/// A recording that is being made. Dropping it ends all that records, and the server continues.
#[derive(Debug)]
pub struct Recorder(Running);

#[derive(Debug)]
enum Running {
    Perf(Box<perf::Session>),
    Switches(switches::Session),
    Strace(strace::Session),
}

/// The best source that works here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// None if no source works.
    pub source: Option<Source>,
    /// The better sources, each with the reason why it can't be used.
    pub refused: Vec<(Source, String)>,
}

impl Recorder {
    /// Starts to record a server. Every event from the return of this function on is in the recording.
    pub fn start(source: Source, server: Family, cpus: &Split) -> Result<Self, String> {
        let running = match source {
            Source::Perf => Running::Perf(Box::new(perf::Session::start(server, cpus)?)),
            Source::Switches => Running::Switches(switches::Session::start(server, cpus)?),
            Source::Strace => Running::Strace(strace::Session::start(server, cpus)?),
        };
        Ok(Self(running))
    }

    /// Stops recording. The load generator's threads are those of [`schema::trace::Marks::threads`].
    pub fn stop(self, client_threads: &[i32]) -> Result<Recording, String> {
        match self.0 {
            Running::Perf(session) => session.stop(client_threads),
            Running::Switches(session) => session.stop(client_threads),
            Running::Strace(session) => session.stop(client_threads),
        }
    }
}

/// Checks whether a source can be used here. The error is the reason, and what to install or to allow.
pub fn probe(source: Source) -> Result<(), String> {
    match source {
        Source::Perf => perf::probe(),
        Source::Switches => switches::probe(),
        Source::Strace => strace::probe(),
    }
}

/// Finds the best source that works here.
#[must_use]
pub fn best() -> Best {
    choose(probe)
}

fn choose(probe: impl Fn(Source) -> Result<(), String>) -> Best {
    let mut refused = Vec::new();
    for source in SOURCES {
        match probe(source) {
            Ok(()) => {
                return Best {
                    source: Some(source),
                    refused,
                };
            }
            Err(reason) => refused.push((source, reason)),
        }
    }
    Best {
        source: None,
        refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_source_that_works_is_chosen() {
        let only = |works: Source| {
            choose(|source| {
                if source == works {
                    Ok(())
                } else {
                    Err(format!("{source:?}"))
                }
            })
        };
        let refused = |source: Source| (source, format!("{source:?}"));
        for (index, works) in SOURCES.into_iter().enumerate() {
            let best = only(works);
            assert_eq!(best.source, Some(works));
            assert_eq!(
                best.refused,
                SOURCES[..index].iter().map(|&s| refused(s)).collect::<Vec<_>>()
            );
        }
        let none = choose(|_| Err("no".to_owned()));
        assert_eq!((none.source, none.refused.len()), (None, 3));
    }
}
