//! The open loop of one thread: which request is due next, and which connection it goes to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::arrivals::Due;
use crate::gaps::Gaps;
use crate::in_system::InSystem;
use crate::profile::Profile;

/// Requests that fall due, and the connections that are free for them. Times are in nanoseconds since the run began.
#[derive(Debug)]
pub(crate) struct Queue {
    begins_ns: u64,
    opens_ns: u64,
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
    /// No more fall due, because the run was cancelled.
    is_stopped: bool,
    /// The sum of the times from which those that wait count in the window. It may be below zero for a moment: a request can
    /// leave before it is seen to fall due.
    since_ns: i128,
    /// How many of those that have fallen due were due before the last pause ended.
    before_pause_ended: u64,
}

/// After so many that fell due at once it is looked at whether the run is cancelled: they take milliseconds.
const LOOK_EVERY: u64 = 1 << 16;

impl Queue {
    pub(crate) fn new(due: Due, gaps: Gaps, profile: Option<Arc<Profile>>) -> Self {
        Self {
            begins_ns: 0,
            opens_ns: 0,
            arriving: due.clone(),
            next: due,
            free: VecDeque::new(),
            gaps,
            profile,
            arrived: 0,
            left: 0,
            most: u64::MAX,
            is_limited: false,
            is_stopped: false,
            since_ns: 0,
            before_pause_ended: 0,
        }
    }

    /// When the load begins, and the window opens.
    pub(crate) fn begin(&mut self, at_ns: u64, opens_ns: u64) {
        self.begins_ns = at_ns;
        self.opens_ns = opens_ns;
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

    /// For how long those that wait have done so within the window, all together, when it closes now.
    pub(crate) fn waited_ns(&self, closes_ns: u64) -> u128 {
        let waited_ns = i128::from(self.waiting()) * i128::from(closes_ns) - self.since_ns;
        waited_ns.max(0).cast_unsigned()
    }

    /// A pause of this client has ended: all that have fallen due so far were in it, unless they have left.
    pub(crate) fn pause(&mut self) {
        self.before_pause_ended = self.arrived;
    }

    /// How many that wait fell due before the last pause ended: the first ones in the queue.
    pub(crate) fn waiting_in_pause(&self) -> u64 {
        self.before_pause_ended.saturating_sub(self.left)
    }

    /// Whether the run was cancelled before all had fallen due that was to.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// When the next request to be sent is due, or was; the end of time if there is none.
    pub(crate) fn next_due_ns(&self) -> u64 {
        let last = if self.is_stopped { self.arrived } else { self.most };
        if self.left >= last {
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

    /// Takes the next request out of the queue.
    pub(crate) fn advance(&mut self) -> u64 {
        let due_ns = self.next_due_ns();
        self.next.next();
        self.left += 1;
        self.since_ns -= i128::from(due_ns.max(self.opens_ns));
        due_ns
    }

    /// Lets all that has fallen due by now enter the system, each at its own time, but for those that are due when the window
    /// has closed. Returns how many of them fell due within the window.
    ///
    /// At a rate that this client can't keep up with, that takes ever longer. So `cancel` ends it, for good.
    pub(crate) fn arrive(
        &mut self,
        system: &mut InSystem,
        now_ns: u64,
        paused_until_ns: u64,
        cancel: &AtomicBool,
    ) -> u64 {
        let (mut counting, mut look_at) = (0, self.arrived.saturating_add(LOOK_EVERY));
        while !self.is_stopped {
            let due_ns = self.begins_ns.saturating_add(self.arriving.peek_ns());
            if due_ns > now_ns || system.is_closed(due_ns) || self.arrived >= self.most {
                break;
            }
            system.enter(due_ns, 1);
            counting += u64::from(system.is_within(due_ns));
            self.since_ns += i128::from(due_ns.max(self.opens_ns));
            self.before_pause_ended += u64::from(due_ns < paused_until_ns);
            self.arriving.next();
            self.arrived += 1;
            if self.arrived >= look_at {
                look_at += LOOK_EVERY;
                // What has left has to fall due as well.
                self.is_stopped = self.arrived >= self.left && cancel.load(Ordering::Relaxed);
            }
        }
        counting
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
    use crate::partition::Partition;

    fn queue() -> Queue {
        let due = Due::new(Arrivals::Uniform, 1e9, Partition::WHOLE, 1);
        let mut queue = Queue::new(due, Gaps::for_requests(0.0), None);
        queue.begin(100, 0);
        queue
    }

    /// Lets all that is due by now arrive, in a run without a pause that nobody cancels.
    fn arrive(queue: &mut Queue, system: &mut InSystem, now_ns: u64) -> u64 {
        queue.arrive(system, now_ns, 0, &AtomicBool::new(false))
    }

    #[test]
    fn a_cancelled_queue_stops_soon_and_adds_up() {
        let (mut queue, mut system) = (queue(), InSystem::within(0, u64::MAX));
        let cancel = AtomicBool::new(true);
        // At a request each nanosecond, this is a century.
        let arrived = queue.arrive(&mut system, u64::MAX - 1, 0, &cancel);
        assert_eq!(
            (arrived, queue.waiting(), queue.is_stopped()),
            (LOOK_EVERY, LOOK_EVERY, true)
        );
        assert_eq!(queue.arrive(&mut system, u64::MAX - 1, 0, &cancel), 0);
        let closes_ns = 200_000;
        assert_eq!(queue.waited_ns(closes_ns), system.area_ns(closes_ns));
        for _ in 0..arrived {
            queue.advance();
        }
        assert_eq!((queue.next_due_ns(), queue.waited_ns(closes_ns)), (u64::MAX, 0));
    }

    #[test]
    fn a_cancelled_queue_counts_all_that_it_can_at_once() {
        let (mut queue, mut system) = (queue(), InSystem::within(0, 1000));
        assert_eq!(queue.arrive(&mut system, 109, 0, &AtomicBool::new(true)), 10);
        assert!(!queue.is_stopped());
    }

    #[test]
    fn the_first_in_the_queue_were_in_the_pause() {
        let (mut queue, mut system) = (queue(), InSystem::within(0, 1000));
        arrive(&mut queue, &mut system, 104);
        queue.pause();
        assert_eq!(queue.waiting_in_pause(), 5);
        // It ended at 108.
        queue.arrive(&mut system, 200, 108, &AtomicBool::new(false));
        queue.advance();
        assert_eq!(queue.waiting_in_pause(), 7);
    }

    #[test]
    fn requests_leave_in_the_order_that_they_are_due_in() {
        let mut queue = queue();
        assert_eq!(
            [queue.advance(), queue.advance(), queue.advance()],
            [100, 101, 102]
        );
        assert_eq!(queue.next_due_ns(), 103);
    }

    #[test]
    fn a_request_is_in_the_system_from_its_due_time() {
        let (mut queue, mut system) = (queue(), InSystem::within(0, 1000));
        // Ten are due from 100 to 109; nobody looks before 109. They leave at 200 together.
        assert_eq!(arrive(&mut queue, &mut system, 109), 10);
        system.leave(200, 10);
        let waits: u64 = (100..110).map(|due| 200 - due).sum();
        assert_eq!(system.area_ns(200), u128::from(waits));
    }

    #[test]
    fn requests_due_within_the_window_count() {
        let (mut queue, mut system) = (queue(), InSystem::within(105, 120));
        assert_eq!(
            [104, 109].map(|now_ns| arrive(&mut queue, &mut system, now_ns)),
            [0, 5]
        );
        assert_eq!(arrive(&mut queue, &mut system, u64::MAX), 10);
        // Fifteen of the window, and the five before it, who stay.
        let waits: u64 = 5 * 15 + (1..=15).sum::<u64>();
        assert_eq!(system.area_ns(1000), u128::from(waits));
    }

    #[test]
    fn no_request_is_due_beyond_the_limit() {
        let (mut queue, mut system) = (queue(), InSystem::within(0, 1000));
        assert_eq!(arrive(&mut queue, &mut system, 101), 2);
        queue.limit(3);
        assert_eq!(arrive(&mut queue, &mut system, 500), 3);
        assert_eq!((queue.waiting(), queue.to_come()), (5, Some(0)));
        for due_ns in 100..105 {
            assert_eq!(queue.advance(), due_ns);
        }
        assert_eq!(queue.next_due_ns(), u64::MAX);
        queue.offer(0);
        assert!(queue.is_idle());
    }

    #[test]
    fn connections_take_turns() {
        let mut queue = queue();
        (0..3).for_each(|connection| queue.offer(connection));
        let first = queue.take().unwrap();
        queue.offer(first);
        assert_eq!(
            [queue.take(), queue.take(), queue.take(), queue.take()],
            [Some(1), Some(2), Some(0), None]
        );
    }
}
