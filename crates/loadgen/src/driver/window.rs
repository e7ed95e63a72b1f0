//! The ends of the window and of its slices, and what is counted there.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::{Driver, Phase, Schedule};
use crate::clock::nanoseconds;
use crate::connection::Connection;
use crate::tally::Tally;

impl Driver<'_> {
    /// Changes the phase, and begins another slice, when it is time for that.
    pub(super) fn cross_edges(&mut self, now_ns: u64) {
        let Schedule {
            opens_ns, closes_ns, ..
        } = self.schedule;
        while now_ns >= self.next_edge_ns && self.phase != Phase::Finishing {
            if self.phase == Phase::WarmingUp {
                self.phase = Phase::Measuring;
                self.cpu_at_opening = thread_cpu();
            } else if self.next_edge_ns >= closes_ns {
                // What was due just before is not late only because nobody looked at the clock in between.
                self.send_due(closes_ns - 1);
                self.close_window(closes_ns);
                continue;
            } else {
                self.hand_in_slice();
            }
            let ends = self.cut.ends(self.next_slice, self.plan.duration);
            self.next_edge_ns = opens_ns + nanoseconds(ends);
        }
    }

    pub(super) fn hand_in_slice(&mut self) {
        let slice = std::mem::take(&mut self.slice);
        // Nobody takes it any more only when the run is over.
        let _ = self.slices.send((self.next_slice, slice));
        self.next_slice += 1;
    }

    pub(super) fn close_window(&mut self, at_ns: u64) {
        self.phase = Phase::Finishing;
        // There is no further edge; this one only has to lie behind every wait.
        self.next_edge_ns = u64::MAX;
        let window_ns = at_ns - self.schedule.opens_ns;
        self.tally.window = Duration::from_nanos(window_ns);
        self.tally.cpu = thread_cpu().saturating_sub(self.cpu_at_opening);
        if window_ns > 0 {
            let worked_ns = nanoseconds(self.tally.cpu).saturating_sub(self.spun_ns);
            self.tally.busy = vec![worked_ns as f64 / window_ns as f64];
        }
        self.count_unsent(at_ns);
    }

    /// What was due before the window closed and stands in line still.
    pub(super) fn count_unsent(&mut self, at_ns: u64) {
        let Some((line, _)) = &mut self.open else { return };
        line.arrive(&mut self.in_system, at_ns);
        while line.next_due_ns() < at_ns {
            let due_ns = line.advance();
            self.tally.waits_ns += u128::from(self.in_system.clip(due_ns, at_ns));
            self.tally.requests.unsent += u64::from(due_ns >= self.schedule.opens_ns);
        }
    }

    /// What was counted, with the connections, which are open until they are dropped.
    pub(super) fn finish(mut self) -> (Tally, Vec<Connection>) {
        let now_ns = self.clock.now_ns();
        if self.phase == Phase::Measuring {
            self.close_window(now_ns);
        }
        if !self.tally.window.is_zero() {
            self.hand_in_slice();
        }
        // What is still on its way when a run is cut short has been so until now.
        for connection in &self.connections {
            for request in &connection.in_flight {
                self.tally.requests.in_flight += u64::from(request.counts);
                self.tally.waits_ns += u128::from(self.in_system.clip(request.due_ns, now_ns));
            }
        }
        self.tally.requests.planned = self.tally.requests.sent + self.tally.requests.unsent;
        self.tally.area_ns = self.in_system.area_ns(now_ns.max(self.schedule.closes_ns));
        let opened = self
            .connections
            .iter()
            .filter(|connection| connection.opened_once);
        self.tally.opened = opened.count() as u64;
        let served = self.connections.iter().filter(|connection| connection.was_served);
        self.tally.connections_served = served.count() as u64;
        self.tally.served = self
            .connections
            .iter()
            .map(|connection| connection.served)
            .collect();
        if let Some((line, _)) = self.open {
            self.tally.gaps = line.gaps.into_pairs();
        }
        (self.tally, self.connections)
    }
}

/// The processor time of this thread.
fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
