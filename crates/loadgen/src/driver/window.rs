//! The begin and the end of the window and of its slices, and what is counted there.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::state::{CpuReading, Driver, INTERRUPTED, Phase, Schedule};
use crate::clock::nanoseconds;
use crate::connection::Connection;
use crate::cpu::thread_waited;
use crate::marks::Noted;
use crate::tally::{Tally, ThreadTime};

/// An idle turn of the loop takes a microsecond or a few. In a longer one another process had the CPU. The thread's CPU time does
/// not include that, so it must not be subtracted again.
const IDLE_TURN_MOST_NS: u64 = 20_000;

impl Driver<'_> {
    /// Changes the phase, and begins another slice, when it is time.
    pub(super) fn cross_edges(&mut self, now_ns: u64) {
        let Schedule {
            opens_ns, closes_ns, ..
        } = self.schedule;
        while now_ns >= self.next_edge_ns && self.phase != Phase::Finishing {
            if self.phase == Phase::WarmingUp {
                self.open_window(opens_ns);
                // The clock is read first here, and last as the window closes. So the CPU time lies between the two readings of
                // the clock, and no thread is busier than 100 %.
                let at_ns = self.clock.now_ns();
                self.cpu_at_opening = Some(CpuReading {
                    at_ns,
                    cpu: thread_cpu(),
                    waited: thread_waited(),
                });
            } else if self.next_edge_ns >= closes_ns {
                // Requests due just before the end are sent, even if the clock was not read in between.
                self.send_due(closes_ns - 1);
                self.close_window(closes_ns);
                continue;
            } else {
                self.hand_in_slice(self.next_edge_ns - opens_ns, false);
            }
            let ends = self.slicing.ends(self.next_slice);
            self.next_edge_ns = opens_ns + nanoseconds(ends);
        }
    }

    /// Opens the window. Requests in the system count, because they end within the window or after it.
    fn open_window(&mut self, opens_ns: u64) {
        // Requests due from the opening on are counted as they fall due.
        if let Some(before_ns) = opens_ns.checked_sub(1) {
            self.enqueue_due(before_ns);
        }
        self.phase = Phase::Measuring;
        self.slice.due = 0;
        if let Some(requests) = self.budget {
            // Requests of the warm-up do not count, whether they were sent or wait for a connection.
            let waiting = self.open_loop.as_ref().map_or(0, |(queue, _)| queue.waiting());
            self.counts_from = self.next_number + waiting * self.plan.threads as u64;
            match &mut self.open_loop {
                Some((queue, _)) => queue.set_limit(requests),
                None => self.left = requests,
            }
            return;
        }
        self.tally.backlog.at_open = self.in_system.number();
        self.tally.requests.planned += self.in_system.number();
        self.tally.requests.sent += self.outstanding as u64;
    }

    /// Whether all requests to be measured were sent and have ended.
    pub(super) fn has_measured_all(&self) -> bool {
        self.outstanding == 0 && self.phase == Phase::Measuring && self.has_sent_all()
    }

    /// Hands in the slice that ended at this time after the opening.
    pub(super) fn hand_in_slice(&mut self, ends_ns: u64, is_last: bool) {
        if !self.plan.stages.is_empty() {
            // The result has the number of requests due in each stage.
            self.enqueue_due((self.schedule.opens_ns + ends_ns).saturating_sub(1));
        }
        let mut slice = std::mem::take(&mut self.slice);
        slice.ends = Duration::from_nanos(ends_ns);
        slice.is_last = is_last;
        // The receiver is gone only if the run is over.
        let _ = self.slices.send((self.next_slice, slice));
        self.next_slice += 1;
    }

    /// Closes the window: at its time, or earlier if the run is interrupted. Nothing counts after it.
    pub(super) fn close_window(&mut self, at_ns: u64) {
        self.phase = Phase::Finishing;
        self.schedule.closes_ns = at_ns;
        self.in_system.close(at_ns);
        // From here on no connection is tried.
        self.outages.end(at_ns);
        // There is no further edge.
        self.next_edge_ns = u64::MAX;
        self.tally.window = Duration::from_nanos(at_ns.saturating_sub(self.schedule.opens_ns));
        if !self.tally.window.is_zero() {
            self.hand_in_slice(nanoseconds(self.tally.window), true);
        }
        for index in 0..self.connections.len() {
            self.close_if_spent(index, at_ns);
        }
        // Requests in the queue are added when they are counted.
        self.tally.backlog.at_close = self.outstanding as u64;
        if let Some(opening) = self.cpu_at_opening {
            self.tally.cpu = thread_cpu().saturating_sub(opening.cpu);
            let waited = thread_waited().saturating_sub(opening.waited);
            // Not the length of the window: the thread may reach both of its ends late.
            let between_ns = self.clock.now_ns() - opening.at_ns;
            let worked_ns = nanoseconds(self.tally.cpu).saturating_sub(self.spun_ns);
            if between_ns > 0 {
                self.tally.threads = vec![ThreadTime {
                    busy: worked_ns as f64 / between_ns as f64,
                    waited: nanoseconds(waited) as f64 / between_ns as f64,
                }];
            }
        }
    }

    /// Counts an idle turn of the loop.
    pub(super) fn count_idle_spin(&mut self, look_ns: u64) {
        self.spun_ns += look_ns.min(IDLE_TURN_MOST_NS);
    }

    /// Counts requests that were due before the window closed and are still in the queue. There may be millions, which take a
    /// good part of a second to count. So this is not done while replies may come.
    fn count_unsent(&mut self) {
        let closes_ns = self.schedule.closes_ns;
        self.enqueue_due(closes_ns);
        let Some((queue, _)) = &self.open_loop else { return };
        // Requests that do not count are the first in the queue.
        let uncounted = self.counts_from.saturating_sub(self.next_number) / self.plan.threads as u64;
        self.tally.waits_ns += queue.waited_ns(closes_ns);
        self.tally.requests.unsent += queue.waiting().saturating_sub(uncounted);
        self.tally.pauses.requests += queue.waiting_in_pause().saturating_sub(uncounted);
        self.tally.backlog.at_close += self.tally.requests.unsent;
        if queue.is_stopped() {
            self.tally.ended_early = Some(INTERRUPTED.to_owned());
        }
    }

    /// Counts requests that were not answered: they were in the system until the end.
    fn count_unanswered(&mut self, now_ns: u64) {
        self.tally.drain = Duration::from_nanos(now_ns.saturating_sub(self.schedule.closes_ns));
        self.count_unsent();
        // With a limited number of requests, all of them are planned.
        if self.budget.is_some() {
            let to_come = self.open_loop.as_ref().and_then(|(queue, _)| queue.remaining());
            let to_come = to_come.unwrap_or(self.left);
            self.tally.requests.planned += to_come;
            self.tally.requests.unsent += to_come;
        }
        for request in self.connections.iter().flat_map(Connection::waiting) {
            if request.number >= self.counts_from {
                self.tally.requests.in_flight += 1;
                self.tally.pauses.requests += u64::from(self.pauses.met_pause(request.due_ns));
            }
            self.tally.waits_ns += u128::from(self.in_system.clip(request.due_ns, now_ns));
        }
        self.tally.area_ns = self.in_system.area_ns(self.schedule.closes_ns);
    }

    /// Returns the counts, and the connections, which stay open until they are dropped.
    pub(super) fn finish(mut self) -> (Tally, Vec<Connection>) {
        let now_ns = self.tick();
        if self.phase == Phase::Measuring {
            self.close_window(now_ns);
        }
        // If the window never opened, nothing counts.
        if self.phase == Phase::Finishing {
            self.count_unanswered(now_ns);
        }
        self.outages.end(now_ns);
        self.tally.outages = std::mem::take(&mut self.outages);
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
        self.tally.marks = self.marks.map(Noted::into_marks);
        if let Some((queue, _)) = self.open_loop {
            self.tally.gaps = queue.into_gaps().into_pairs();
        }
        (self.tally, self.connections)
    }
}

/// The CPU time of this thread.
fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests;
