//! A load on a server of this machine, and what the server costs meanwhile.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use loadgen::{LoadError, Plan};
use meter::Family;
use nix::unistd::gettid;
use schema::cost::Footprint;
use schema::cpus::Split;

use super::edges::Edges;
use super::intervention::{Killer, NO_STRACE};
use super::priority;
use super::server::LocalServer;
use crate::fault::Fault;
use crate::interface::{Intervention, Loaded, Server};

/// Loads the server, and reads what it costs within the window.
pub(super) fn run(
    plan: &Plan,
    server: &mut LocalServer,
    intervention: Intervention,
    cpus: &Split,
    cancel: &AtomicBool,
) -> Result<Loaded, Fault> {
    match intervention {
        Intervention::None => Ok(metered(plan, server, None, cpus, cancel)?),
        Intervention::KillWorker { after, draw } => {
            let (opens, killer) = Killer::start(server.pid(), after, *draw);
            let loaded = metered(plan, server, Some(opens), cpus, cancel);
            let has_killed = killer.has_killed();
            let loaded = loaded?;
            if !has_killed {
                return Err("it has no worker that could be killed".into());
            }
            Ok(loaded)
        }
        Intervention::CountSystemCalls => {
            let tracer = meter::Tracer::attach(server.family()).ok_or(NO_STRACE)?;
            let loaded = metered(plan, server, None, cpus, cancel);
            let by_name = tracer
                .finish()
                .map_err(|error| format!("its system calls could not be counted: {error}"))?;
            Ok(Loaded {
                system_calls: Some(by_name),
                ..loaded?
            })
        }
    }
}

/// When a server ended that did while it was loaded.
pub(super) const UNDER_LOAD: &str = "under load";

/// Loads the server, and meters it: its footprint again and again while it warms up, and once more when the window closes.
/// Within the window nothing is read, since reading a process's memory stops it for that time. `opens` is sent to when the
/// window opens.
fn metered(
    plan: &Plan,
    server: &mut LocalServer,
    opens: Option<Sender<()>>,
    cpus: &Split,
    cancel: &AtomicBool,
) -> Result<Loaded, String> {
    let (warming, warm) = mpsc::channel();
    let at_ready = server.meter().footprint();
    let family = server.family();
    let (sampler_is, sampler_known) = mpsc::channel();
    let (asks, asked) = mpsc::channel();
    let takes_precedence = priority::suits(plan, cpus);
    let meter = server.meter();
    let (outcome, edges, peak) = thread::scope(|scope| {
        let sampler = scope.spawn(move || {
            let _ = sampler_is.send(gettid());
            max_until(&warm, family)
        });
        let samplers = sampler_known.recv().into_iter().collect();
        // In a thread of its own, whose priority ends with it.
        let load = scope.spawn(move || {
            if takes_precedence {
                priority::raise_for_load();
            }
            let mut edges = Edges {
                meter,
                cpus,
                cancel,
                takes_precedence,
                samplers,
                warming: Some(warming),
                opens,
                asks,
                at_opening: None,
                at_closing: None,
                peak: Footprint::default(),
            };
            let outcome = loadgen::run(plan, cancel, &mut edges);
            let Edges {
                at_opening,
                at_closing,
                peak,
                ..
            } = edges;
            (outcome, at_opening, at_closing, peak)
        });
        // Here, at an ordinary priority: many processes take long to read, and replies are still awaited.
        for wanted in asked {
            let wanted: Sender<Footprint> = wanted;
            let _ = wanted.send(meter.footprint());
        }
        let (outcome, at_opening, at_closing, peak) = load.join().expect("the load generator panicked");
        let warming_up = sampler.join().expect("the sampler of memory panicked");
        (outcome, at_opening.zip(at_closing), peak.max(warming_up))
    });
    let outcome = outcome.map_err(|error: LoadError| {
        server.explain(UNDER_LOAD, format!("{:#}", anyhow::Error::from(error)))
    })?;
    if let Some(reason) = outcome.report.disqualification() {
        return Err(server.explain(UNDER_LOAD, reason));
    }
    let Some((opening, closing)) = edges else {
        return Err("its window never opened or never closed".to_owned());
    };
    let spent = opening.reading.until(&closing.reading);
    Ok(Loaded {
        interference: opening.machine.until(&closing.machine, &spent),
        server_busy_share: spent.cpu().as_secs_f64() / (spent.elapsed_s.max(1e-9) * cpus.server.len() as f64),
        spent,
        at_ready,
        peak,
        replies_in_life: outcome.answered_total,
        report: outcome.report,
        times: outcome.times,
        system_calls: None,
    })
}

/// The most that a server holds until the other end of the channel is gone.
///
/// A server that takes long to read is left alone after one reading. Another might last into the window, where it would take
/// time from the load. What the server holds with all its connections is read when the window closes.
fn max_until(warm: &Receiver<()>, server: Family) -> Footprint {
    const EVERY: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_millis(8);
    let mut max = Footprint::default();
    while matches!(warm.recv_timeout(EVERY), Err(RecvTimeoutError::Timeout)) {
        let began = Instant::now();
        max = max.max(server.footprint());
        if began.elapsed() > LONG {
            break;
        }
    }
    max
}
