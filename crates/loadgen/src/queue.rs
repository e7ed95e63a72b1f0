//! The queue of one thread's open loop: requests that are due and not sent, and connections that are free.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::arrivals::Due;
use crate::gaps::Gaps;
use crate::in_system::InSystem;
use crate::profile::Profile;

/// Requests that are due, and the connections that are free for them. Times are in nanoseconds since the run began.
///
/// The requests are no list: they are those of the schedule between the next one to be sent and now.
#[derive(Debug)]
pub(crate) struct Queue {
    begins_ns: u64,
    opens_ns: u64,
    /// The next request to be sent. Those between it and now are waiting.
    next: Due,
    /// The next request to fall due.
    arriving: Due,
    /// Connections that were free when they were added. The one that waits longest is first, so that they take turns.
    free: VecDeque<usize>,
    gaps: Gaps,
    /// The rescaled clock of a changing rate.
    profile: Option<Arc<Profile>>,
    /// The number of requests that have fallen due, that were sent, and that may fall due.
    arrived: u64,
    sent: u64,
    limit: u64,
    is_limited: bool,
    /// Whether no more requests fall due, because the run was cancelled.
    is_stopped: bool,
    /// The sum of the times from which waiting requests count in the window. It may be negative for a moment: a request may be
    /// sent before it is counted as due.
    since_ns: i128,
    /// The number of requests that fell due before the last pause ended.
    before_pause_ended: u64,
}

/// After so many requests at once `cancel` is checked: counting them takes milliseconds.
const CHECK_EVERY: u64 = 1 << 16;

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
            sent: 0,
            limit: u64::MAX,
            is_limited: false,
            is_stopped: false,
            since_ns: 0,
            before_pause_ended: 0,
        }
    }

    /// Sets when the load begins and the window opens.
    pub(crate) fn begin(&mut self, at_ns: u64, opens_ns: u64) {
        self.begins_ns = at_ns;
        self.opens_ns = opens_ns;
    }

    /// Limits the number of requests that fall due from now on.
    pub(crate) fn set_limit(&mut self, requests: u64) {
        self.limit = self.arrived.saturating_add(requests);
        self.is_limited = true;
    }

    /// The number of requests below the limit that have not fallen due; none without a limit.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.is_limited.then(|| self.limit - self.arrived)
    }

    /// Whether all requests of the limit were sent.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_limited && self.sent >= self.limit
    }

    /// The number of requests that wait for a connection.
    pub(crate) fn waiting(&self) -> u64 {
        self.arrived.saturating_sub(self.sent)
    }

    /// The total time within the window that the waiting requests have waited, if the window closes now.
    pub(crate) fn waited_ns(&self, closes_ns: u64) -> u128 {
        let waited_ns = i128::from(self.waiting()) * i128::from(closes_ns) - self.since_ns;
        waited_ns.max(0).cast_unsigned()
    }

    /// Notes the end of a pause of this client: all requests that are waiting were in it.
    pub(crate) fn note_pause(&mut self) {
        self.before_pause_ended = self.arrived;
    }

    /// The number of waiting requests that fell due before the last pause ended: the first ones of the queue.
    pub(crate) fn waiting_in_pause(&self) -> u64 {
        self.before_pause_ended.saturating_sub(self.sent)
    }

    /// Whether the run was cancelled before all requests had fallen due.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// When the next request to be sent is or was due; the maximum if there is none.
    pub(crate) fn next_due_ns(&self) -> u64 {
        let last = if self.is_stopped { self.arrived } else { self.limit };
        if self.sent >= last {
            return u64::MAX;
        }
        self.begins_ns.saturating_add(self.next.peek_ns())
    }

    /// Adds a request that was sent to the sample of gaps.
    pub(crate) fn record_gap(&mut self, due_ns: u64) {
        /// The resolution of a clock of nanoseconds at one request per second.
        const STEPS: f64 = 1e9;
        let point = match &self.profile {
            None => due_ns,
            Some(profile) => (profile.requests_by((due_ns - self.begins_ns) as f64) * STEPS) as u64,
        };
        self.gaps.record(point);
    }

    pub(crate) fn into_gaps(self) -> Gaps {
        self.gaps
    }

    /// Takes the next request out of the queue, and returns its due time.
    pub(crate) fn dequeue(&mut self) -> u64 {
        let due_ns = self.next_due_ns();
        self.next.next();
        self.sent += 1;
        self.since_ns -= i128::from(due_ns.max(self.opens_ns));
        due_ns
    }

    /// Lets all requests that have fallen due by now enter the system, each at its due time, up to the end of the window. Returns
    /// how many of them fell due within the window.
    ///
    /// At a rate that this client can't keep up with, this takes longer and longer. So `cancel` ends it, for good.
    pub(crate) fn enqueue_due(
        &mut self,
        system: &mut InSystem,
        now_ns: u64,
        paused_until_ns: u64,
        cancel: &AtomicBool,
    ) -> u64 {
        let (mut counting, mut check_at) = (0, self.arrived.saturating_add(CHECK_EVERY));
        while !self.is_stopped {
            let due_ns = self.begins_ns.saturating_add(self.arriving.peek_ns());
            if due_ns > now_ns || system.is_closed(due_ns) || self.arrived >= self.limit {
                break;
            }
            system.enter(due_ns, 1);
            counting += u64::from(system.is_within(due_ns));
            self.since_ns += i128::from(due_ns.max(self.opens_ns));
            self.before_pause_ended += u64::from(due_ns < paused_until_ns);
            self.arriving.next();
            self.arrived += 1;
            if self.arrived >= check_at {
                check_at += CHECK_EVERY;
                // What was sent has to be counted as due first.
                self.is_stopped = self.arrived >= self.sent && cancel.load(Ordering::Relaxed);
            }
        }
        counting
    }

    /// Whether nothing can be sent before something is received.
    pub(crate) fn is_idle(&self) -> bool {
        self.free.is_empty() || self.next_due_ns() == u64::MAX
    }

    pub(crate) fn add_free(&mut self, connection: usize) {
        self.free.push_back(connection);
    }

    pub(crate) fn take_free(&mut self) -> Option<usize> {
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

    /// Enqueues all that is due by now, in a run without pause or cancellation.
    fn arrive(queue: &mut Queue, system: &mut InSystem, now_ns: u64) -> u64 {
        queue.enqueue_due(system, now_ns, 0, &AtomicBool::new(false))
    }

    #[test]
    fn a_cancelled_queue_stops_soon_and_adds_up() {
        let (mut queue, mut system) = (queue(), InSystem::within(0, u64::MAX));
        let cancel = AtomicBool::new(true);
        // At a request each nanosecond, this is a century.
        let arrived = queue.enqueue_due(&mut system, u64::MAX - 1, 0, &cancel);
        assert_eq!(
            (arrived, queue.waiting(), queue.is_stopped()),
            (CHECK_EVERY, CHECK_EVERY, true)
        );
        assert_eq!(queue.enqueue_due(&mut system, u64::MAX - 1, 0, &cancel), 0);
        let closes_ns = 200_000;
        assert_eq!(queue.waited_ns(closes_ns), system.area_ns(closes_ns));
        for _ in 0..arrived {
            queue.dequeue();
        }
        assert_eq!((queue.next_due_ns(), queue.waited_ns(closes_ns)), (u64::MAX, 0));
    }

    #[test]
    fn a_cancelled_queue_counts_what_it_can_at_once() {
        let (mut queue, mut system) = (queue(), InSystem::within(0, 1000));
        assert_eq!(queue.enqueue_due(&mut system, 109, 0, &AtomicBool::new(true)), 10);
        assert!(!queue.is_stopped());
    }

    #[test]
    fn the_first_in_the_queue_were_in_the_pause() {
        let (mut queue, mut system) = (queue(), InSystem::within(0, 1000));
        arrive(&mut queue, &mut system, 104);
        queue.note_pause();
        assert_eq!(queue.waiting_in_pause(), 5);
        // It ended at 108.
        queue.enqueue_due(&mut system, 200, 108, &AtomicBool::new(false));
        queue.dequeue();
        assert_eq!(queue.waiting_in_pause(), 7);
    }

    #[test]
    fn requests_are_sent_in_the_order_of_their_due_times() {
        let mut queue = queue();
        assert_eq!(
            [queue.dequeue(), queue.dequeue(), queue.dequeue()],
            [100, 101, 102]
        );
        assert_eq!(queue.next_due_ns(), 103);
    }

    #[test]
    fn a_request_is_in_the_system_from_its_due_time() {
        let (mut queue, mut system) = (queue(), InSystem::within(0, 1000));
        // Ten are due from 100 to 109, and counted at 109. They leave at 200 together.
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
        // Fifteen of the window, and five from before it, which stay.
        let waits: u64 = 5 * 15 + (1..=15).sum::<u64>();
        assert_eq!(system.area_ns(1000), u128::from(waits));
    }

    #[test]
    fn no_request_is_due_beyond_the_limit() {
        let (mut queue, mut system) = (queue(), InSystem::within(0, 1000));
        assert_eq!(arrive(&mut queue, &mut system, 101), 2);
        queue.set_limit(3);
        assert_eq!(arrive(&mut queue, &mut system, 500), 3);
        assert_eq!((queue.waiting(), queue.remaining()), (5, Some(0)));
        for due_ns in 100..105 {
            assert_eq!(queue.dequeue(), due_ns);
        }
        assert_eq!(queue.next_due_ns(), u64::MAX);
        queue.add_free(0);
        assert!(queue.is_idle());
    }

    #[test]
    fn connections_take_turns() {
        let mut queue = queue();
        (0..3).for_each(|connection| queue.add_free(connection));
        let first = queue.take_free().unwrap();
        queue.add_free(first);
        assert_eq!(
            [
                queue.take_free(),
                queue.take_free(),
                queue.take_free(),
                queue.take_free()
            ],
            [Some(1), Some(2), Some(0), None]
        );
    }
}
