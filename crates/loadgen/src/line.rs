//! The open loop of one thread: which request is due next, and which connection it goes to.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::arrivals::Due;
use crate::gaps::Gaps;
use crate::in_system::InSystem;
use crate::profile::Profile;

/// Requests that fall due, and the connections that are free for them. Times are in nanoseconds since the run began.
#[derive(Debug)]
pub(crate) struct Line {
    begins_ns: u64,
    /// The next request to be sent. Between it and now stand those that wait.
    next: Due,
    /// The next request to fall due.
    arriving: Due,
    /// Connections that were free when they were put here, longest first, so that all take their turn.
    free: VecDeque<usize>,
    gaps: Gaps,
    /// The clock on which the rate is 1, where it changes.
    profile: Option<Arc<Profile>>,
    /// How many have fallen due, how many have left, and how many there are at most.
    arrived: u64,
    left: u64,
    most: u64,
    is_limited: bool,
}

impl Line {
    pub(crate) fn new(due: Due, gaps: Gaps, profile: Option<Arc<Profile>>) -> Self {
        Self {
            begins_ns: 0,
            arriving: due.clone(),
            next: due,
            free: VecDeque::new(),
            gaps,
            profile,
            arrived: 0,
            left: 0,
            most: u64::MAX,
            is_limited: false,
        }
    }

    /// The load begins now.
    pub(crate) fn begin(&mut self, at_ns: u64) {
        self.begins_ns = at_ns;
    }

    /// No more than so many fall due from now on.
    pub(crate) fn limit(&mut self, requests: u64) {
        self.most = self.arrived.saturating_add(requests);
        self.is_limited = true;
    }

    /// How many of the limit have not fallen due; nothing without one.
    pub(crate) fn to_come(&self) -> Option<u64> {
        self.is_limited.then(|| self.most - self.arrived)
    }

    /// Whether all of the limit have left.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_limited && self.left >= self.most
    }

    /// How many wait for a connection.
    pub(crate) fn waiting(&self) -> u64 {
        self.arrived.saturating_sub(self.left)
    }

    /// When the next request to be sent is due, or was; the end of time if there is none.
    pub(crate) fn next_due_ns(&self) -> u64 {
        if self.is_exhausted() {
            return u64::MAX;
        }
        self.begins_ns.saturating_add(self.next.peek_ns())
    }

    /// A request was sent that had fallen due at this time.
    pub(crate) fn fell_due(&mut self, due_ns: u64) {
        /// As fine as a clock of nanoseconds at a request per second.
        const STEPS: f64 = 1e9;
        let point = match &self.profile {
            None => due_ns,
            Some(profile) => (profile.requests_by((due_ns - self.begins_ns) as f64) * STEPS) as u64,
        };
        self.gaps.fell_due(point);
    }

    pub(crate) fn into_gaps(self) -> Gaps {
        self.gaps
    }

    /// Takes the next request out of the line.
    pub(crate) fn advance(&mut self) -> u64 {
        let due_ns = self.next_due_ns();
        self.next.next();
        self.left += 1;
        due_ns
    }

    /// Lets all that has fallen due by now enter the system, each at its own time, but for those that are due when the window
    /// has closed. Returns how many of them fell due within the window.
    pub(crate) fn arrive(&mut self, system: &mut InSystem, now_ns: u64) -> u64 {
        let mut counting = 0;
        loop {
            let due_ns = self.begins_ns.saturating_add(self.arriving.peek_ns());
            if due_ns > now_ns || system.is_closed(due_ns) || self.arrived >= self.most {
                return counting;
            }
            system.enter(due_ns, 1);
            counting += u64::from(system.is_within(due_ns));
            self.arriving.next();
            self.arrived += 1;
        }
    }

    /// Whether nothing can be sent before something comes.
    pub(crate) fn is_idle(&self) -> bool {
        self.free.is_empty() || self.next_due_ns() == u64::MAX
    }

    pub(crate) fn offer(&mut self, connection: usize) {
        self.free.push_back(connection);
    }

    pub(crate) fn take(&mut self) -> Option<usize> {
        self.free.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::Arrivals;
    use crate::share::Share;

    fn line() -> Line {
        let due = Due::new(Arrivals::Uniform, 1e9, Share::WHOLE, 1);
        let mut line = Line::new(due, Gaps::of(0.0), None);
        line.begin(100);
        line
    }

    #[test]
    fn requests_leave_in_the_order_that_they_are_due_in() {
        let mut line = line();
        assert_eq!([line.advance(), line.advance(), line.advance()], [100, 101, 102]);
        assert_eq!(line.next_due_ns(), 103);
    }

    #[test]
    fn who_waits_is_in_the_system_from_when_it_is_due_and_not_from_when_it_is_sent() {
        let (mut line, mut system) = (line(), InSystem::within(0, 1000));
        // Ten are due from 100 to 109; nobody looks before 109. They leave at 200 together.
        assert_eq!(line.arrive(&mut system, 109), 10);
        system.leave(200, 10);
        let waits: u64 = (100..110).map(|due| 200 - due).sum();
        assert_eq!(system.area_ns(200), u128::from(waits));
    }

    #[test]
    fn those_count_that_are_due_from_when_the_window_opens_to_just_before_it_closes() {
        let (mut line, mut system) = (line(), InSystem::within(105, 120));
        assert_eq!(
            (line.arrive(&mut system, 104), line.arrive(&mut system, 109)),
            (0, 5)
        );
        assert_eq!(line.arrive(&mut system, u64::MAX), 10);
        // Fifteen of the window, and the five before it, who stay.
        let waits: u64 = 5 * 15 + (1..=15).sum::<u64>();
        assert_eq!(system.area_ns(1000), u128::from(waits));
    }

    #[test]
    fn no_more_fall_due_than_the_limit_and_none_is_sent_beyond_it() {
        let (mut line, mut system) = (line(), InSystem::within(0, 1000));
        assert_eq!(line.arrive(&mut system, 101), 2);
        line.limit(3);
        assert_eq!(line.arrive(&mut system, 500), 3);
        assert_eq!((line.waiting(), line.to_come()), (5, Some(0)));
        for due_ns in 100..105 {
            assert_eq!(line.advance(), due_ns);
        }
        assert_eq!(line.next_due_ns(), u64::MAX);
        line.offer(0);
        assert!(line.is_idle());
    }

    #[test]
    fn connections_take_turns() {
        let mut line = line();
        (0..3).for_each(|connection| line.offer(connection));
        let first = line.take().unwrap();
        line.offer(first);
        assert_eq!(
            [line.take(), line.take(), line.take(), line.take()],
            [Some(1), Some(2), Some(0), None]
        );
    }
}
