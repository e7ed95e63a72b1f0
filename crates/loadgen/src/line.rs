//! The open loop of one thread: which request is due next, and which connection it goes to.

use std::collections::VecDeque;

use crate::arrivals::Due;
use crate::gaps::Gaps;
use crate::in_system::InSystem;

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
    pub(crate) gaps: Gaps,
}

impl Line {
    pub(crate) fn new(due: Due, gaps: Gaps) -> Self {
        Self {
            begins_ns: 0,
            arriving: due.clone(),
            next: due,
            free: VecDeque::new(),
            gaps,
        }
    }

    /// The load begins now.
    pub(crate) fn begin(&mut self, at_ns: u64) {
        self.begins_ns = at_ns;
    }

    /// When the next request to be sent is due, or was.
    pub(crate) fn next_due_ns(&self) -> u64 {
        self.begins_ns + self.next.peek_ns()
    }

    /// Takes the next request out of the line.
    pub(crate) fn advance(&mut self) -> u64 {
        let due_ns = self.next_due_ns();
        self.next.next();
        due_ns
    }

    /// Lets all that has fallen due by now enter the system, each at its own time, but for those that are due when the window
    /// has closed. Returns how many of them fell due within the window.
    pub(crate) fn arrive(&mut self, system: &mut InSystem, now_ns: u64) -> u64 {
        let mut counting = 0;
        loop {
            let due_ns = self.begins_ns + self.arriving.peek_ns();
            if due_ns > now_ns || system.is_closed(due_ns) {
                return counting;
            }
            system.enter(due_ns, 1);
            counting += u64::from(system.is_within(due_ns));
            self.arriving.next();
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.free.is_empty()
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
        let mut line = Line::new(Due::new(Arrivals::Uniform, 1e9, Share::WHOLE, 1), Gaps::of(0.0));
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
