//! What is read of a server and of the machine when the window opens and closes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use loadgen::Observer;
use meter::{MachineReading, Meter, Reading};
use nix::unistd::Pid;
use schema::cost::Footprint;
use schema::cpus::Split;

use super::priority;

/// Observes a load, and reads at the edges of its window.
pub(super) struct Edges<'a> {
    pub(super) meter: &'a Meter,
    pub(super) cpus: &'a Split,
    pub(super) cancel: &'a AtomicBool,
    /// Whether the load has precedence on its CPUs.
    pub(super) takes_precedence: bool,
    /// The threads of this process that do not belong to the load.
    pub(super) samplers: Vec<Pid>,
    /// Dropped when the warm-up is over.
    pub(super) warming: Option<Sender<()>>,
    /// Sent to when the window opens.
    pub(super) opens: Option<Sender<()>>,
    /// Asks for what the server holds now; the answer comes by the channel that is sent.
    pub(super) asks: Sender<Sender<Footprint>>,
    pub(super) at_opening: Option<Edge>,
    pub(super) at_closing: Option<Edge>,
    /// What the server held when the window closed.
    pub(super) peak: Footprint,
}

/// The readings at one edge.
pub(super) struct Edge {
    pub(super) reading: Reading,
    pub(super) machine: MachineReading,
}

impl Edges<'_> {
    fn edge(&self) -> Edge {
        let machine = MachineReading::now(self.cpus, &self.samplers);
        Edge {
            reading: self.meter.read(),
            machine,
        }
    }
}

impl Observer for Edges<'_> {
    fn connections_open(&mut self) {
        settle(|| self.meter.cpu(), self.cancel);
        if self.takes_precedence {
            priority::raise_for_readings();
        }
    }

    fn window_opens(&mut self) {
        self.warming = None;
        if let Some(opens) = self.opens.take() {
            // An error means that nobody waits for it any more.
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

/// Waits until a server has accepted all connections: until it spent next to nothing in three readings, or for two seconds.
///
/// Without that, the load of the first connections would keep it from accepting the others, since the thread that accepts
/// gets no more of a CPU than each handler. The warm-up would have to be many times as long.
pub(super) fn settle(cpu: impl Fn() -> Duration, cancel: &AtomicBool) {
    const AT_MOST: Duration = Duration::from_secs(2);
    const EVERY: Duration = Duration::from_millis(10);
    /// A twentieth of that time.
    const NEXT_TO_NOTHING: Duration = Duration::from_micros(500);
    /// More than one, since the machine may have taken the CPU from the server meanwhile.
    const READINGS: u32 = 3;
    let until = Instant::now() + AT_MOST;
    let (mut before, mut quiet) = (cpu(), 0);
    while quiet < READINGS && Instant::now() < until && !cancel.load(Ordering::Relaxed) {
        thread::sleep(EVERY);
        let now = cpu();
        let spent = now.saturating_sub(before);
        quiet = if spent < NEXT_TO_NOTHING { quiet + 1 } else { 0 };
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_server_has_settled_when_it_is_idle() {
        let readings = Cell::new(0);
        let busy_for_five = || {
            readings.set(readings.get() + 1);
            Duration::from_millis(8 * readings.get().min(5))
        };
        settle(busy_for_five, &AtomicBool::new(false));
        assert_eq!(readings.get(), 5 + 3);
    }

    #[test]
    fn nobody_waits_for_a_server_after_an_interrupt() {
        let readings = Cell::new(0);
        let always_busy = || {
            readings.set(readings.get() + 1);
            Duration::from_secs(readings.get())
        };
        settle(always_busy, &AtomicBool::new(true));
        assert_eq!(readings.get(), 1);
    }
}
