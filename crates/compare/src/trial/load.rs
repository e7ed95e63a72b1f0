//! A trial of one load, measured once it is warm.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use loadgen::{LoadError, Observer, Plan};
use nix::unistd::{Pid, gettid};

use super::{Bench, disqualifies, priority, tally};
use crate::fault::Fault;
use crate::plan::Planned;
use crate::server::Server;
use meter::{Family, Look, Reading};
use schema::cost::{Footprint, Interference};
use schema::cpus::Split;
use schema::record::{Life, LoadMetrics, Measured};

impl Bench<'_> {
    pub(super) fn of_load(&self, trial: Planned<'_>, capacity_per_s: Option<f64>) -> Result<Measured, Fault> {
        let tally = tally::File::of(trial)?;
        let mut server = self.start(trial, tally.as_ref())?;
        let plan = self.plan(trial, &server, capacity_per_s)?;
        let watched = self.watch(&plan, &mut server, None)?;
        self.keep_histograms(&watched)?;
        let mut measured = super::measured(watched, server)?;
        if let Some(tally) = tally {
            measured.workers = tally.read()?;
        }
        Ok(measured)
    }

    /// Loads the server, and watches it: its footprint again and again while it warms up, and once more when the window
    /// closes. Within the window it is left alone, since to read its memory stops it for that time. `opens` is told when the
    /// window does.
    pub(super) fn watch(
        &self,
        plan: &Plan,
        server: &mut Server,
        opens: Option<Sender<()>>,
    ) -> Result<Watched, String> {
        let (warming, warm) = mpsc::channel();
        let at_ready = server.meter().footprint();
        let family = server.family();
        let (sampler_is, sampler_known) = mpsc::channel();
        let (asks, asked) = mpsc::channel();
        let takes_precedence = priority::suits(plan, self.cpus);
        let (watching, cpus, cancel) = (&*server, self.cpus, self.cancel);
        let watched = thread::scope(|scope| {
            let sampler = scope.spawn(move || {
                let _ = sampler_is.send(gettid());
                most_until(&warm, family)
            });
            let samplers = sampler_known.recv().into_iter().collect();
            // In a thread of its own, whose priority ends with it.
            let load = scope.spawn(move || {
                if takes_precedence {
                    priority::raise_for_load();
                }
                let mut edges = Edges {
                    server: watching,
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
            // Here, at an ordinary priority, since to look through many processes takes long, and replies are still awaited.
            for wanted in asked {
                let wanted: Sender<Footprint> = wanted;
                let _ = wanted.send(watching.meter().footprint());
            }
            let (outcome, at_opening, at_closing, peak) = load.join().expect("the load generator panicked");
            let warming_up = sampler.join().expect("the sampler of memory panicked");
            (outcome, at_opening.zip(at_closing), peak.max(warming_up))
        });
        let (outcome, edges, peak) = watched;
        let outcome = outcome.map_err(|error: LoadError| {
            server.explain(UNDER_LOAD, format!("{:#}", anyhow::Error::from(error)))
        })?;
        if let Some(reason) = disqualifies(&outcome.report) {
            return Err(server.explain(UNDER_LOAD, reason));
        }
        let Some((opening, closing)) = edges else {
            return Err("its window never opened or never closed".to_owned());
        };
        let spent = opening.reading.until(&closing.reading);
        Ok(Watched {
            interference: opening.look.until(&closing.look, &spent),
            server_busy: spent.cpu().as_secs_f64()
                / (spent.elapsed_s.max(1e-9) * self.cpus.server.len() as f64),
            spent,
            at_ready,
            peak,
            replies_in_life: outcome.answered_total,
            report: outcome.report,
            times: outcome.times,
        })
    }
}

/// When a server ended that did while it was loaded.
const UNDER_LOAD: &str = "under load";

/// A load that was watched.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) report: schema::load::Report,
    pub(super) times: loadgen::slices::Times,
    pub(super) replies_in_life: u64,
    spent: schema::cost::Spent,
    server_busy: f64,
    interference: Interference,
    at_ready: Footprint,
    peak: Footprint,
}

impl Watched {
    /// Whether something else went on on the machine, by the rule that sets trials aside.
    pub(super) fn is_disturbed(&self) -> bool {
        self.interference.exclusion().is_some()
    }

    /// Ends the server, and puts all together.
    pub(super) fn into_measured(self, server: Server) -> Result<Measured, Fault> {
        let ready_ms = server.ready().as_secs_f64() * 1e3;
        let ended = server.stop()?;
        let mut load = LoadMetrics::from(self.report);
        // A server may have stopped in the warm-up, so that it answered and nothing of that is in the window.
        load.stopped_answering |=
            self.replies_in_life > 0 && load.requests.ok == 0 && load.requests.timeout > 0;
        Ok(Measured {
            ready_ms,
            drain_ms: ended.drain.as_secs_f64() * 1e3,
            spent: self.spent,
            server_busy_share: self.server_busy,
            life: Life {
                voluntary_switches: ended.life.voluntary_switches,
                involuntary_switches: ended.life.involuntary_switches,
                replies: self.replies_in_life,
            },
            at_ready: self.at_ready,
            peak: self.peak,
            interference: self.interference,
            load,
            workers: Vec::new(),
            search: None,
            kill: None,
            system_calls: None,
        })
    }
}

/// What is looked at when the window opens and closes.
struct Edges<'a> {
    server: &'a Server,
    cpus: &'a Split,
    cancel: &'a AtomicBool,
    /// Whether the load has precedence on its CPUs.
    takes_precedence: bool,
    /// The threads of this process that are neither the load nor the one that is told.
    samplers: Vec<Pid>,
    /// Dropped when the warm-up is over.
    warming: Option<Sender<()>>,
    opens: Option<Sender<()>>,
    /// Asks for what the server holds now, and waits for that.
    asks: Sender<Sender<Footprint>>,
    at_opening: Option<Edge>,
    at_closing: Option<Edge>,
    peak: Footprint,
}

struct Edge {
    reading: Reading,
    look: Look,
}

impl Edges<'_> {
    fn edge(&self) -> Edge {
        let look = Look::now(self.cpus, &self.samplers);
        Edge {
            reading: self.server.meter().read(),
            look,
        }
    }
}

impl Observer for Edges<'_> {
    fn connections_open(&mut self) {
        settle(|| self.server.meter().cpu(), self.cancel);
        if self.takes_precedence {
            priority::raise_for_looks();
        }
    }

    fn window_opens(&mut self) {
        self.warming = None;
        if let Some(opens) = self.opens.take() {
            // Whoever does not listen any more needs not be told.
            let _ = opens.send(());
        }
        self.at_opening = Some(self.edge());
    }

    fn window_closes(&mut self) {
        self.at_closing = Some(self.edge());
        let (answers, answered) = mpsc::channel();
        if self.asks.send(answers).is_ok() {
            self.peak = answered.recv().unwrap_or_default();
        }
    }
}

/// Waits until a server has taken the connections that wait for it: until it has spent next to nothing in three looks, or
/// for two seconds. Else the load of the first would keep it from taking the others, since whoever accepts has no more of a
/// processor then than each of the handlers, and the warm-up would have to be many times as long.
fn settle(cpu: impl Fn() -> Duration, cancel: &AtomicBool) {
    const AT_MOST: Duration = Duration::from_secs(2);
    const EVERY: Duration = Duration::from_millis(10);
    /// Of that time a twentieth.
    const NEXT_TO_NOTHING: Duration = Duration::from_micros(500);
    /// The machine may have taken the processor from the server in one of them.
    const LOOKS: u32 = 3;
    let until = Instant::now() + AT_MOST;
    let (mut before, mut quiet) = (cpu(), 0);
    while quiet < LOOKS && Instant::now() < until && !cancel.load(Ordering::Relaxed) {
        thread::sleep(EVERY);
        let now = cpu();
        let spent = now.saturating_sub(before);
        quiet = if spent < NEXT_TO_NOTHING { quiet + 1 } else { 0 };
        before = now;
    }
}

/// The most that a server holds until the other end of the channel is gone. A server that takes long to look at is left
/// alone after that: another look might last into the window, in which it would be at the load's expense, and what it holds
/// with all its connections is looked at when the window closes.
fn most_until(warm: &Receiver<()>, server: Family) -> Footprint {
    const EVERY: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_millis(8);
    let mut most = Footprint::default();
    while matches!(warm.recv_timeout(EVERY), Err(RecvTimeoutError::Timeout)) {
        let began = Instant::now();
        most = most.max(server.footprint());
        if began.elapsed() > LONG {
            break;
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_server_has_settled_when_it_spends_next_to_nothing() {
        let looks = Cell::new(0);
        let busy_for_five = || {
            looks.set(looks.get() + 1);
            Duration::from_millis(8 * looks.get().min(5))
        };
        settle(busy_for_five, &AtomicBool::new(false));
        assert_eq!(looks.get(), 5 + 3);
    }

    #[test]
    fn nobody_waits_for_a_server_in_a_run_that_is_to_stop() {
        let looks = Cell::new(0);
        let always_busy = || {
            looks.set(looks.get() + 1);
            Duration::from_secs(looks.get())
        };
        settle(always_busy, &AtomicBool::new(true));
        assert_eq!(looks.get(), 1);
    }
}
