//! What all trials of a run have in common: where they are made, and for how long.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use loadgen::Plan;
use schema::experiment::Times;
use schema::record::{Life, LoadMetrics, Measured};

use crate::load;
use crate::plan::Planned;
use host::Fault;
use host::{Host, Loaded, Server, Start};

/// What all trials of a run have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bench<'a, H> {
    /// Where they are made.
    pub(crate) host: &'a H,
    pub(crate) times: Times,
    /// The highest rate that the load generator's threads reach on this machine, if that is known.
    pub(crate) ceiling_per_s: Option<f64>,
    /// The round trip of a ping, on which a bound of latency depends, if that was measured.
    pub(crate) round_trip_us: Option<f64>,
    /// The file in which the latencies of the trial are kept, if they are: one of its own for each.
    pub(crate) histograms: Option<&'a Path>,
    /// The file in which the output of its server is kept, if it is.
    pub(crate) output: Option<&'a Path>,
    /// The seed of whatever a trial draws: the run's.
    pub(crate) seed: u64,
    /// Set when the run is to stop.
    pub(crate) cancel: &'a AtomicBool,
}

impl<H: Host> Bench<'_, H> {
    /// Starts the server of a trial. With `tally`, its workers report what they served if they can.
    pub(super) fn start(&self, trial: Planned<'_>, tally: bool) -> Result<H::Server, Fault> {
        let contender = trial.contender;
        let flags = trial.setting.flags_for(contender);
        self.host.start(&Start {
            contender,
            flags: &flags,
            tally: tally && contender.capabilities.tally == Some(true),
            output: self.output,
        })
    }

    /// The load of a trial on this server.
    pub(super) fn plan(
        &self,
        trial: Planned<'_>,
        server: &H::Server,
        capacity_per_s: Option<f64>,
    ) -> Result<Plan, String> {
        let load = trial.load();
        let closed = load.closed();
        let load = if trial.finds_capacity() { &closed } else { &load };
        let times = trial.times(self.times);
        let cpus = self.host.load_cpus();
        Ok(Plan {
            threads: cpus.len().min(load.connections),
            warmup: times.warmup,
            duration: times.window,
            timeout: times.timeout(),
            within: load::within(load, self.round_trip_us)?,
            cpus,
            ceiling_per_s: self.ceiling_per_s,
            // Each round has arrivals of its own, the same for all contenders.
            ..load::plan(load, server.address(), capacity_per_s, trial.round as u64 + 1)?
        })
    }
}

/// Ends the server, and puts all together.
pub(super) fn measured(loaded: Loaded, server: impl Server) -> Result<Measured, Fault> {
    let ready_ms = server.ready().as_secs_f64() * 1e3;
    let ended = server.stop()?;
    let mut load = LoadMetrics::from(loaded.report);
    // A server may have stopped in the warm-up, so that it answered and nothing of that is in the window.
    load.stopped_answering |=
        loaded.replies_in_life > 0 && load.requests.ok == 0 && load.requests.timeout > 0;
    Ok(Measured {
        ready_ms,
        drain_ms: ended.drain.as_secs_f64() * 1e3,
        spent: loaded.spent,
        server_busy_share: loaded.server_busy_share,
        life: Life {
            voluntary_switches: ended.life.voluntary_switches,
            involuntary_switches: ended.life.involuntary_switches,
            replies: loaded.replies_in_life,
        },
        at_ready: loaded.at_ready,
        peak: loaded.peak,
        interference: loaded.interference,
        load,
        workers: ended.workers,
        search: None,
        kill: None,
        system_calls: None,
    })
}
