//! What is due when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::connection::Connection;

/// What is to be done when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Accept again, after descriptors had run out.
    Accept,
    /// Look at a connection.
    Connection {
        /// Its place.
        key: usize,
        /// Its number, since its place may have another by then.
        number: u64,
    },
}

/// Timers, the earliest first. None is ever taken back: one that has lost its sense finds that out when it is due.
#[derive(Debug, Default)]
pub struct Timers(BinaryHeap<Reverse<(Instant, Timer)>>);

impl Timers {
    /// Sets a timer.
    pub fn set(&mut self, due: Instant, timer: Timer) {
        self.0.push(Reverse((due, timer)));
    }

    /// Sees to it that a connection is looked at when it has to be.
    pub fn follow(&mut self, key: usize, connection: &mut Connection) {
        if let Some(due) = connection.new_deadline() {
            self.set(
                due,
                Timer::Connection {
                    key,
                    number: connection.number(),
                },
            );
        }
    }

    /// How long until the next is due.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.0
            .peek()
            .map(|Reverse((due, _))| due.saturating_duration_since(Instant::now()))
    }

    /// Takes the next timer that is due by `now`, which is asked for only if there is one.
    pub fn due(&mut self, now: impl FnOnce() -> Instant) -> Option<Timer> {
        let Reverse((due, _)) = self.0.peek()?;
        if *due > now() {
            return None;
        }
        self.0.pop().map(|Reverse((_, timer))| timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_their_order_and_not_before_their_time() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let timer = |number| Timer::Connection { key: 7, number };
        let mut timers = Timers::default();
        for ms in [30, 10, 20] {
            timers.set(at(ms), timer(ms));
        }
        assert_eq!(timers.due(|| at(9)), None);
        assert_eq!(timers.due(|| at(20)), Some(timer(10)));
        assert_eq!(timers.due(|| at(20)), Some(timer(20)));
        assert_eq!(timers.due(|| at(20)), None);
        assert_eq!(timers.due(|| at(99)), Some(timer(30)));
        assert_eq!(
            timers.due(|| unreachable!("there is no timer to compare with")),
            None
        );
    }
}
