//! The event loop: it waits for events and times, and calls the part of the driver that handles them.

use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::Events;
use mio::event::Event;

use super::state::{Driver, EVENTS_AT_ONCE, INTERRUPTED, Phase, Schedule};
use crate::clock::nanoseconds;
use crate::connection::{Connection, State};
use crate::in_system::InSystem;
use crate::outages::Outages;
use crate::pacer::{TIMER, Wait};
use crate::tally::Tally;

/// Connections are tried for at least this many timeouts. A server that answers no SYN must not hold up the run for ever.
const CONNECT_TIMEOUTS_MOST: u64 = 3;

impl Driver<'_> {
    /// Runs the load to its end, and returns the counts and the connections. They stay open, because the observer may measure
    /// the server when the window closes.
    pub(crate) fn run(mut self, schedule: Schedule) -> io::Result<(Tally, Vec<Connection>)> {
        self.begin(schedule);
        // Timeouts are checked this often: a request is given up at most a twentieth of the timeout late.
        let sweep_every_ns = (self.timeout_ns / 20).clamp(1_000_000, 100_000_000);
        let mut next_sweep_ns = schedule.begins_ns + sweep_every_ns;
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        // A thread that wakes too late to begin in time was held up too.
        let mut looked_ns = schedule.begins_ns;
        while self.phase != Phase::Finishing || self.outstanding > 0 {
            let wait = self.next_wait(self.pauses.last_tick_ns(), next_sweep_ns.min(self.next_edge_ns))?;
            self.wait(&mut events, wait)?;
            let now_ns = self.tick_after(wait);
            let (overslept, mut sent) = self.send_before_receiving(&events, wait, now_ns);
            for event in events.iter().filter(|event| event.token() != TIMER) {
                self.on_event(event);
            }
            if self.pauses.is_catching_up {
                self.catch_up();
            }
            let now_ns = self.tick();
            sent += self.send_due(now_ns);
            if let Some((_, pacer)) = &mut self.open_loop {
                pacer.sent(overslept, sent - overslept);
            }
            if wait.is_zero() {
                self.tally.longest_gap_ns = self.tally.longest_gap_ns.max(now_ns - looked_ns);
                if events.is_empty() && sent == 0 && self.phase == Phase::Measuring {
                    self.count_idle_spin(now_ns - looked_ns);
                }
            }
            looked_ns = now_ns;
            if self.has_measured_all() {
                self.close_window(now_ns);
            }
            if now_ns >= next_sweep_ns && !self.pauses.is_catching_up {
                next_sweep_ns = now_ns + sweep_every_ns;
                self.sweep(now_ns);
                self.tally.ended_early = self.ends_early();
                if self.tally.ended_early.is_some() {
                    break;
                }
                self.tick();
            }
        }
        Ok(self.finish())
    }

    /// Sends what has fallen due during the wait, before replies are read: everything that is done first delays a request,
    /// whereas the time of a reply is that of its read in any case. Returns how many were overslept, and how many were sent.
    fn send_before_receiving(&mut self, events: &Events, waited: Duration, now_ns: u64) -> (usize, usize) {
        if self.open_loop.is_none() {
            return (0, 0);
        }
        let sent = self.send_due(now_ns);
        let woken = !waited.is_zero() && events.iter().any(|event| event.token() == TIMER);
        (if woken { sent } else { 0 }, sent)
    }

    pub(super) fn begin(&mut self, schedule: Schedule) {
        self.schedule = schedule;
        self.pauses.begin(self.clock.now_ns());
        self.next_edge_ns = schedule.opens_ns;
        self.open_count = self.count_open();
        self.disconnected_since_ns = schedule.begins_ns;
        self.outages = Outages::default();
        self.in_system = InSystem::within(schedule.opens_ns, schedule.closes_ns);
        if let Some((queue, _)) = &mut self.open_loop {
            queue.begin(schedule.begins_ns, schedule.opens_ns);
        }
        for index in 0..self.connections.len() {
            // Anything received before the first request is an unasked reply.
            if self.connections[index].state == State::Open {
                self.receive(index);
            }
        }
        while self.clock.now_ns() < schedule.begins_ns {
            std::hint::spin_loop();
        }
        self.pauses.begin(schedule.begins_ns);
        for index in 0..self.connections.len() {
            let now_ns = self.tick();
            self.put_to_use(index, now_ns);
        }
    }

    pub(super) fn ends_early(&self) -> Option<String> {
        if self.cancel.load(Ordering::Relaxed) {
            return Some(INTERRUPTED.to_owned());
        }
        let (target, ride_out_ns) = (&self.plan.target, nanoseconds(self.plan.ride_out));
        if self.outages.refused_for_ns().is_some_and(|ns| ns > ride_out_ns) {
            return Some(format!("the server at {target} is gone"));
        }
        // Without a connection, a window that ends with its last request might never end.
        self.budget?;
        let (failed_ns, failure) = self.outages.failed_for_ns()?;
        let most_ns = ride_out_ns.max(self.timeout_ns.saturating_mul(CONNECT_TIMEOUTS_MOST));
        let failed = Duration::from_nanos(failed_ns);
        (failed_ns > most_ns)
            .then(|| format!("no connection to {target} could be opened for {failed:.1?} ({failure})"))
    }

    /// The longest time to wait for events.
    fn next_wait(&mut self, now_ns: u64, most_ns: u64) -> io::Result<Duration> {
        let sleep = |most_ns| Duration::from_nanos(most_ns);
        let finishing = self.phase == Phase::Finishing;
        match &mut self.open_loop {
            Some((_, pacer)) if pacer.never_sleeps() => Ok(Duration::ZERO),
            Some((queue, pacer)) if !finishing && !queue.is_idle() => {
                match pacer.until(queue.next_due_ns(), now_ns, most_ns)? {
                    Wait::Spin => Ok(Duration::ZERO),
                    Wait::Sleep { most_ns } => Ok(sleep(most_ns)),
                }
            }
            // Nothing can be sent before something is received.
            _ => Ok(sleep(most_ns.saturating_sub(now_ns))),
        }
    }

    pub(super) fn wait(&mut self, events: &mut Events, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other,
        }
    }

    fn on_event(&mut self, event: &Event) {
        let index = event.token().0;
        let connection = &mut self.connections[index];
        connection.note_event(event);
        match connection.state {
            State::Down { .. } => {}
            State::Connecting { .. } => {
                if self.finish_connect(index) {
                    if event.is_readable() {
                        self.receive(index);
                    }
                    // It was counted as opened at this time, so it is used in the same phase.
                    self.put_to_use(index, self.pauses.last_tick_ns());
                }
            }
            State::Open => {
                if event.is_writable() && !connection.can_send() {
                    connection.send_rest();
                    let now_ns = self.tick();
                    self.put_to_use(index, now_ns);
                }
                self.receive(index);
            }
        }
    }
}
