//! The event loop: it waits for events and times, and says which part of the driver handles them.

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

/// For how many timeouts connections are tried at least, where a server that answers no SYN would hold up the run for ever.
const CONNECT_TIMEOUTS_MOST: u64 = 3;

impl Driver<'_> {
    /// Runs the load to its end, and gives what was counted, with the connections: whoever looks at the server when the
    /// window closes is to find them open.
    pub(crate) fn run(mut self, schedule: Schedule) -> io::Result<(Tally, Vec<Connection>)> {
        self.begin(schedule);
        // Timeouts are looked for this often: a request is given up at most a twentieth later than it should be.
        let sweep_every_ns = (self.timeout_ns / 20).clamp(1_000_000, 100_000_000);
        let mut next_sweep_ns = schedule.begins_ns + sweep_every_ns;
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        // A thread that was woken too late to begin in time was held up as well.
        let mut looked_ns = schedule.begins_ns;
        while self.phase != Phase::Finishing || self.outstanding > 0 {
            let wait = self.next_wait(self.watch.looked_ns(), next_sweep_ns.min(self.next_edge_ns))?;
            self.wait(&mut events, wait)?;
            let now_ns = self.look_after(wait);
            let (overslept, mut sent) = self.send_before_receiving(&events, wait, now_ns);
            for event in events.iter().filter(|event| event.token() != TIMER) {
                self.on_event(event);
            }
            if self.watch.is_catching_up {
                self.catch_up();
            }
            let now_ns = self.look();
            sent += self.send_due(now_ns);
            if let Some((_, pacer)) = &mut self.open {
                pacer.sent(overslept, sent - overslept);
            }
            if wait.is_zero() {
                self.tally.longest_gap_ns = self.tally.longest_gap_ns.max(now_ns - looked_ns);
                if events.is_empty() && sent == 0 && self.phase == Phase::Measuring {
                    self.looked_in_vain(now_ns - looked_ns);
                }
            }
            looked_ns = now_ns;
            if self.has_had_all() {
                self.close_window(now_ns);
            }
            if now_ns >= next_sweep_ns && !self.watch.is_catching_up {
                next_sweep_ns = now_ns + sweep_every_ns;
                self.sweep(now_ns);
                self.tally.ended_early = self.ends_early();
                if self.tally.ended_early.is_some() {
                    break;
                }
                self.look();
            }
        }
        Ok(self.finish())
    }

    /// Sends what has fallen due during the wait, before the replies are read that came in it: a request leaves late by all
    /// that is done before it, whereas a reply's time is that of one read in any case. Says how many were overslept, and how
    /// many were sent.
    fn send_before_receiving(&mut self, events: &Events, waited: Duration, now_ns: u64) -> (usize, usize) {
        if self.open.is_none() {
            return (0, 0);
        }
        let sent = self.send_due(now_ns);
        let woken = !waited.is_zero() && events.iter().any(|event| event.token() == TIMER);
        (if woken { sent } else { 0 }, sent)
    }

    pub(super) fn begin(&mut self, schedule: Schedule) {
        self.schedule = schedule;
        self.watch.begin(self.clock.now_ns());
        self.next_edge_ns = schedule.opens_ns;
        self.open_now = self.count_open();
        self.none_since_ns = schedule.begins_ns;
        self.outages = Outages::default();
        self.in_system = InSystem::within(schedule.opens_ns, schedule.closes_ns);
        if let Some((queue, _)) = &mut self.open {
            queue.begin(schedule.begins_ns, schedule.opens_ns);
        }
        for index in 0..self.connections.len() {
            // Whatever has come before the first request is the reply to none.
            if self.connections[index].state == State::Open {
                self.receive(index);
            }
        }
        while self.clock.now_ns() < schedule.begins_ns {
            std::hint::spin_loop();
        }
        self.watch.begin(schedule.begins_ns);
        for index in 0..self.connections.len() {
            let now_ns = self.look();
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
        // A window that lasts until its last request may never end without a connection.
        self.budget?;
        let (failed_ns, failure) = self.outages.failed_for_ns()?;
        let most_ns = ride_out_ns.max(self.timeout_ns.saturating_mul(CONNECT_TIMEOUTS_MOST));
        let failed = Duration::from_nanos(failed_ns);
        (failed_ns > most_ns)
            .then(|| format!("no connection to {target} could be opened for {failed:.1?} ({failure})"))
    }

    /// How long to wait for events at the most.
    fn next_wait(&mut self, now_ns: u64, most_ns: u64) -> io::Result<Duration> {
        let sleep = |most_ns| Duration::from_nanos(most_ns);
        let finishing = self.phase == Phase::Finishing;
        match &mut self.open {
            Some((_, pacer)) if pacer.never_sleeps() => Ok(Duration::ZERO),
            Some((queue, pacer)) if !finishing && !queue.is_idle() => {
                match pacer.until(queue.next_due_ns(), now_ns, most_ns)? {
                    Wait::Spin => Ok(Duration::ZERO),
                    Wait::Sleep { most_ns } => Ok(sleep(most_ns)),
                }
            }
            // Nothing can be sent before something comes.
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
        connection.told(event);
        match connection.state {
            State::Down { .. } => {}
            State::Connecting { .. } => {
                if self.finish_connect(index) {
                    if event.is_readable() {
                        self.receive(index);
                    }
                    // It was counted as opened at this time, so it is put to use in the same phase.
                    self.put_to_use(index, self.watch.looked_ns());
                }
            }
            State::Open => {
                if event.is_writable() && !connection.can_send() {
                    connection.send_rest();
                    let now_ns = self.look();
                    self.put_to_use(index, now_ns);
                }
                self.receive(index);
            }
        }
    }
}
