//! What is due when.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What is to be done when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Accept again, after descriptors had run out.
    Accept,
    /// Look at the connection in this place.
    Connection(usize),
}

/// Timers, the earliest first: at most one for each connection, which goes with it.
///
/// A timer is never set later. A deadline that moves with each request, as that of `--idle-timeout` does, would cost each
/// request a change here. Instead its timer finds the deadline moved when it is due, and is set again.
#[derive(Debug, Default)]
pub struct Timers {
    queue: BTreeSet<(Instant, Timer)>,
    accept_at: Option<Instant>,
    /// When the timer of each place is due: what to take out of the queue.
    connections_at: Vec<Option<Instant>>,
}

impl Timers {
    /// Sets a timer, in place of an earlier setting.
    pub fn set(&mut self, due: Instant, timer: Timer) {
        if let Some(before) = self.at(timer).replace(due) {
            self.queue.remove(&(before, timer));
        }
        self.queue.insert((due, timer));
    }

    /// Sees to it that the connection in this place is looked at by its deadline.
    pub fn follow(&mut self, key: usize, deadline: Option<Instant>) {
        let timer = Timer::Connection(key);
        if let Some(due) = deadline
            && self.at(timer).is_none_or(|at| due < at)
        {
            self.set(due, timer);
        }
    }

    /// Takes back the timer of a connection that has ended.
    pub fn remove(&mut self, key: usize) {
        let timer = Timer::Connection(key);
        if let Some(at) = self.connections_at.get_mut(key).and_then(Option::take) {
            self.queue.remove(&(at, timer));
        }
    }

    /// How long until the next is due.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        let (due, _) = self.queue.first()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// Takes the next timer that is due by `now`, which is asked for only if there is one.
    pub fn due(&mut self, now: impl FnOnce() -> Instant) -> Option<Timer> {
        let (due, timer) = *self.queue.first()?;
        if due > now() {
            return None;
        }
        self.queue.pop_first();
        *self.at(timer) = None;
        Some(timer)
    }

    fn at(&mut self, timer: Timer) -> &mut Option<Instant> {
        match timer {
            Timer::Accept => &mut self.accept_at,
            Timer::Connection(key) => {
                if key >= self.connections_at.len() {
                    self.connections_at.resize(key + 1, None);
                }
                &mut self.connections_at[key]
            }
        }
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
        assert_eq!(timers.due(|| at(20)), Some(Timer::Connection(1)));
        assert_eq!(timers.due(|| at(20)), Some(Timer::Connection(2)));
        assert_eq!(timers.due(|| at(20)), None);
        assert_eq!(timers.due(|| at(99)), Some(Timer::Connection(0)));
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
        assert_eq!(timers.connections_at.len(), 2);
        assert_eq!(timers.timeout(), None);
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
            assert_eq!(timers.due(|| at(ms)), Some(Timer::Connection(7)));
        }
        timers.follow(7, None);
        assert!(timers.queue.is_empty());
    }

    #[test]
    fn accepting_again_is_due_once_however_often_it_failed() {
        let start = Instant::now();
        let mut timers = Timers::default();
        for ms in 0..1_000 {
            timers.set(start + Duration::from_millis(ms), Timer::Accept);
        }
        let later = start + Duration::from_secs(9);
        assert_eq!(timers.due(|| later), Some(Timer::Accept));
        assert_eq!(timers.due(|| later), None);
    }
}
