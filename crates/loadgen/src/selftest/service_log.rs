//! The times of a reference server, by its own clock: how long it was busy with each request, and how long a request may have
//! waited before the server found it.
//!
//! All time is accounted for. The server polls for requests, serves those that it finds one after the other, and polls again.
//! If the machine takes the CPU away, whatever the server was doing takes longer.

use std::time::{Duration, Instant};

/// How long the server was busy with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// From the poll that found it, or the end of the request before it, until the next poll.
    pub(crate) took: Duration,
    /// How much of that was asked for.
    pub(crate) asked: Duration,
}

/// The times of one server.
#[derive(Debug, Clone)]
pub(crate) struct ServiceLog {
    /// The requests in the order in which the server took them.
    services: Vec<Service>,
    longest_gap: Duration,
    /// When it began what it does now.
    since: Instant,
    /// How long the last poll took, if it found no request.
    idle_poll: Duration,
    /// Whether the present poll has found one.
    found: bool,
}

impl ServiceLog {
    /// Starts the log of a server that begins to poll at this time.
    pub(super) fn start(now: Instant) -> Self {
        Self {
            services: Vec::new(),
            longest_gap: Duration::ZERO,
            since: now,
            idle_poll: Duration::ZERO,
            found: false,
        }
    }

    /// Records the end of a request that asked for this much time. What comes now belongs to the next request.
    pub(super) fn served(&mut self, now: Instant, asked: Duration) {
        let took = self.lap(now);
        self.services.push(Service { took, asked });
        // The request may have come during the poll before.
        self.longest_gap = self.longest_gap.max(std::mem::take(&mut self.idle_poll));
        self.found = true;
    }

    /// Records that the server polls again. The time since the last request belongs to that request.
    pub(super) fn poll(&mut self, now: Instant) {
        let rest = self.lap(now);
        if std::mem::take(&mut self.found) {
            if let Some(last) = self.services.last_mut() {
                last.took += rest;
            }
        } else {
            self.idle_poll = rest;
        }
    }

    /// The service times, in the order in which the server took the requests.
    pub(super) fn services(&self) -> &[Service] {
        &self.services
    }

    /// The longest poll that found nothing before one that found a request. A request that came meanwhile waited for its end. A
    /// poll takes a microsecond; for the rest of that time another process had the CPU.
    pub(super) fn longest_gap(&self) -> Duration {
        self.longest_gap
    }

    fn lap(&mut self, now: Instant) -> Duration {
        now - std::mem::replace(&mut self.since, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log, and a way to step its clock by microseconds.
    fn stepped() -> (ServiceLog, impl FnMut(u64) -> Instant) {
        let mut now = Instant::now();
        let log = ServiceLog::start(now);
        let step = move |us| {
            now += Duration::from_micros(us);
            now
        };
        (log, step)
    }

    fn took_us(log: &ServiceLog) -> Vec<u128> {
        let services = log.services().iter();
        services.map(|service| service.took.as_micros()).collect()
    }

    #[test]
    fn a_request_takes_from_its_poll_to_the_next() {
        let (mut log, mut step) = stepped();
        log.poll(step(1));
        log.served(step(210), Duration::from_micros(200));
        log.served(step(205), Duration::from_micros(200));
        log.poll(step(3));
        log.poll(step(1));
        log.served(step(220), Duration::from_micros(200));
        log.poll(step(4));
        assert_eq!(took_us(&log), [210, 208, 224]);
        assert_eq!(log.services()[1].asked, Duration::from_micros(200));
        assert_eq!(log.longest_gap().as_micros(), 1);
    }

    #[test]
    fn a_gap_before_the_first_request_counts() {
        let (mut log, mut step) = stepped();
        log.poll(step(4_000));
        log.served(step(10), Duration::ZERO);
        log.poll(step(1));
        assert_eq!(log.longest_gap().as_micros(), 4_000);
        log.poll(step(5_000));
        log.served(step(10), Duration::ZERO);
        assert_eq!(log.longest_gap().as_micros(), 5_000);
    }

    #[test]
    fn a_gap_without_a_request_does_not_count() {
        let (mut log, mut step) = stepped();
        // Connections are opened before the load, and closed after it.
        log.poll(step(3_000));
        log.poll(step(2));
        log.served(step(10), Duration::ZERO);
        log.poll(step(1));
        log.poll(step(2));
        log.poll(step(7_000));
        log.poll(step(1));
        assert_eq!(log.longest_gap().as_micros(), 2);
    }

    #[test]
    fn an_interruption_of_the_poll_that_finds_a_request_counts() {
        let (mut log, mut step) = stepped();
        log.poll(step(1));
        log.served(step(4_200), Duration::from_micros(200));
        log.poll(step(1));
        assert_eq!(took_us(&log), [4_201]);
        assert_eq!(log.longest_gap().as_micros(), 1);
    }
}
