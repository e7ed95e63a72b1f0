//! What the clock of a server says that never sleeps: how long it was busy with each request, and how long it can have kept
//! one waiting unawares.
//!
//! All time is accounted for. The server looks for requests, serves those that it finds, one after the other, and looks
//! again; the machine may take the processor away at any moment of that, and then the time is longer of whatever the server
//! was about.

use std::time::{Duration, Instant};

/// How long the server was busy with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// From the look that found it, or the end of the one before it, until the look for the next.
    pub(crate) took: Duration,
    /// How much of that it was told to take.
    pub(crate) asked: Duration,
}

/// The account of one server's time.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The requests in the order in which the server took them.
    services: Vec<Service>,
    longest_gap: Duration,
    /// Since when it has been busy with what it does now.
    since: Instant,
    /// How long its last look for requests was, if it found none.
    in_vain: Duration,
    /// Whether the present look has found one.
    found: bool,
}

impl Account {
    /// Of a server that begins to look for requests at this time.
    pub(super) fn from(now: Instant) -> Self {
        Self {
            services: Vec::new(),
            longest_gap: Duration::ZERO,
            since: now,
            in_vain: Duration::ZERO,
            found: false,
        }
    }

    /// A request has been served that was to take so long; whatever comes now belongs to the next.
    pub(super) fn served(&mut self, now: Instant, asked: Duration) {
        let took = self.lap(now);
        self.services.push(Service { took, asked });
        // Whoever was found may have come during the look before.
        self.longest_gap = self.longest_gap.max(std::mem::take(&mut self.in_vain));
        self.found = true;
    }

    /// The server looks again. The time since the last request that it served belongs to that request.
    pub(super) fn looks_again(&mut self, now: Instant) {
        let rest = self.lap(now);
        if std::mem::take(&mut self.found) {
            if let Some(last) = self.services.last_mut() {
                last.took += rest;
            }
        } else {
            self.in_vain = rest;
        }
    }

    /// How long it was busy with each request, in the order in which it took them.
    pub(super) fn services(&self) -> &[Service] {
        &self.services
    }

    /// The longest look that found nothing and was followed by one that did: a request that came meanwhile waited for its end.
    /// A look takes a microsecond; the rest of that time the machine had the processor.
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

    /// An account, and a way to step its clock by so many microseconds.
    fn account() -> (Account, impl FnMut(u64) -> Instant) {
        let mut now = Instant::now();
        let account = Account::from(now);
        let step = move |us| {
            now += Duration::from_micros(us);
            now
        };
        (account, step)
    }

    fn took_us(account: &Account) -> Vec<u128> {
        let services = account.services().iter();
        services.map(|service| service.took.as_micros()).collect()
    }

    #[test]
    fn each_request_has_the_time_from_the_look_that_found_it_to_the_next_look() {
        let (mut account, mut step) = account();
        account.looks_again(step(1));
        account.served(step(210), Duration::from_micros(200));
        account.served(step(205), Duration::from_micros(200));
        account.looks_again(step(3));
        account.looks_again(step(1));
        account.served(step(220), Duration::from_micros(200));
        account.looks_again(step(4));
        assert_eq!(took_us(&account), [210, 208, 224]);
        assert_eq!(account.services()[1].asked, Duration::from_micros(200));
        assert_eq!(account.longest_gap().as_micros(), 1);
    }

    #[test]
    fn a_gap_before_the_first_request_counts_as_one_between_two_does() {
        let (mut account, mut step) = account();
        account.looks_again(step(4_000));
        account.served(step(10), Duration::ZERO);
        account.looks_again(step(1));
        assert_eq!(account.longest_gap().as_micros(), 4_000);
        account.looks_again(step(5_000));
        account.served(step(10), Duration::ZERO);
        assert_eq!(account.longest_gap().as_micros(), 5_000);
    }

    #[test]
    fn a_gap_in_which_nobody_came_counts_for_nothing() {
        let (mut account, mut step) = account();
        // Connections are opened before the load, and closed after it.
        account.looks_again(step(3_000));
        account.looks_again(step(2));
        account.served(step(10), Duration::ZERO);
        account.looks_again(step(1));
        account.looks_again(step(2));
        account.looks_again(step(7_000));
        account.looks_again(step(1));
        assert_eq!(account.longest_gap().as_micros(), 2);
    }

    #[test]
    fn a_stop_in_a_look_that_finds_a_request_is_time_of_that_request() {
        let (mut account, mut step) = account();
        account.looks_again(step(1));
        account.served(step(4_200), Duration::from_micros(200));
        account.looks_again(step(1));
        assert_eq!(took_us(&account), [4_201]);
        assert_eq!(account.longest_gap().as_micros(), 1);
    }
}
