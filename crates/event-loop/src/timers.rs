//! When each connection has to be looked at next.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Timers, the earliest first: at most one for each connection, which is removed with it.
///
/// A timer is never set to a later time. The deadline of `--idle-timeout` moves with each request, and each request
/// would pay for the change. Instead a timer whose deadline has moved is set again when it ends.
#[derive(Debug, Default)]
pub struct Timers {
    /// Times, with the connection that has to be looked at.
    queue: BTreeSet<(Instant, usize)>,
    /// The time of each connection in the queue, by key.
    times: Vec<Option<Instant>>,
}

impl Timers {
    /// Sets the timer of this connection, unless it ends before this deadline anyway.
    pub fn follow(&mut self, key: usize, deadline: Option<Instant>) {
        let Some(due) = deadline else { return };
        if key >= self.times.len() {
            self.times.resize(key + 1, None);
        }
        let at = &mut self.times[key];
        if at.is_some_and(|at| at <= due) {
            return;
        }
        if let Some(before) = at.replace(due) {
            self.queue.remove(&(before, key));
        }
        self.queue.insert((due, key));
    }

    /// Removes the timer of a connection that has ended.
    pub fn remove(&mut self, key: usize) {
        if let Some(at) = self.times.get_mut(key).and_then(Option::take) {
            self.queue.remove(&(at, key));
        }
    }

    /// How long until the next one ends. `now` is called only if there is one.
    pub fn timeout(&self, now: impl FnOnce() -> Instant) -> Option<Duration> {
        let (due, _) = self.queue.first()?;
        Some(due.saturating_duration_since(now()))
    }

    /// Takes the next timer that has ended by `now`, and returns its connection. `now` is called only if there is one.
    pub fn due(&mut self, now: impl FnOnce() -> Instant) -> Option<usize> {
        let (due, key) = *self.queue.first()?;
        if due > now() {
            return None;
        }
        self.queue.pop_first();
        self.times[key] = None;
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_order_and_not_early() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        for (key, ms) in [(0, 30), (1, 10), (2, 20)] {
            timers.follow(key, Some(at(ms)));
        }
        assert_eq!(timers.due(|| at(9)), None);
        assert_eq!(timers.due(|| at(20)), Some(1));
        assert_eq!(timers.due(|| at(20)), Some(2));
        assert_eq!(timers.due(|| at(20)), None);
        assert_eq!(timers.due(|| at(99)), Some(0));
        assert_eq!(
            timers.due(|| unreachable!("there is no timer to compare with")),
            None
        );
    }

    #[test]
    fn a_closed_connection_leaves_no_timer() {
        let start = Instant::now();
        let in_an_hour = |ms: u64| start + Duration::from_millis(3_600_000 + ms);
        let mut timers = Timers::default();
        // Two connections at a time, of a hundred thousand in all.
        for ms in 0..50_000_u64 {
            for key in [0, 1] {
                timers.follow(key, Some(in_an_hour(ms)));
            }
            assert_eq!(timers.queue.len(), 2);
            timers.remove(1);
            timers.remove(0);
        }
        assert!(timers.queue.is_empty());
        assert_eq!(timers.times.len(), 2);
        assert_eq!(timers.timeout(Instant::now), None);
    }

    #[test]
    fn a_connection_has_one_timer_however_often_its_deadline_moves() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        for ms in 1..1_000 {
            // An idle timeout that each request moves, and a sleep that is due before it.
            timers.follow(7, Some(at(3_600_000 + ms)));
            timers.follow(7, Some(at(ms)));
            assert_eq!(timers.queue.len(), 1);
            assert_eq!(timers.due(|| at(ms)), Some(7));
        }
        timers.follow(7, None);
        assert!(timers.queue.is_empty());
    }
}
