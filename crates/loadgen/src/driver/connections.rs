//! Connections that are opened, lost, given up and replaced, and the requests that end with them.

use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::{Events, Token};

use super::state::{Driver, EVENTS_AT_ONCE, Phase};
use crate::clock::nanoseconds;
use crate::connection::State;
use crate::histogram::record;
use crate::pacer::TIMER;
use schema::load::Failure;

/// The number of connections that a thread opens at the same time: less than any backlog.
const OPENING_AT_ONCE: usize = 256;
/// How often it checks whether they are open.
const CHECK_EVERY: Duration = Duration::from_millis(20);
/// How long a slot stays empty after its connection could not be opened.
const RETRY_PAUSE_NS: u64 = 100_000_000;

impl Driver<'_> {
    /// Opens as many connections as possible. Gives up when none opens for as long as the timeout.
    pub(crate) fn open_all(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        let timeout_ns = nanoseconds(self.plan.timeout);
        let mut progress_ns = self.clock.now_ns();
        self.pauses.begin(progress_ns);
        let (mut next, mut opening) = (0, 0);
        while (next < self.connections.len() || opening > 0)
            && self.clock.now_ns() - progress_ns < timeout_ns
            && !self.cancel.load(Ordering::Relaxed)
        {
            while next < self.connections.len() && opening < OPENING_AT_ONCE {
                self.connect(next, self.clock.now_ns());
                opening += usize::from(matches!(self.connections[next].state, State::Connecting { .. }));
                next += 1;
            }
            self.wait(&mut events, CHECK_EVERY)?;
            let now_ns = self.tick_after(CHECK_EVERY);
            if self.pauses.paused_until_ns() == now_ns {
                progress_ns = now_ns;
            }
            for event in events.iter().filter(|event| event.token() != TIMER) {
                let connection = &mut self.connections[event.token().0];
                connection.note_event(event);
                if matches!(connection.state, State::Connecting { .. })
                    && self.finish_connect(event.token().0)
                {
                    opening -= 1;
                    progress_ns = self.clock.now_ns();
                }
            }
        }
        Ok(())
    }

    /// Sets the index of the server's address that connections try first.
    pub(crate) fn prefer(&mut self, address: usize) {
        self.address = address;
    }

    /// Begins to open a connection: to the address of the last one, and to the others if that fails.
    pub(super) fn connect(&mut self, index: usize, now_ns: u64) {
        self.connections[index].address = self.address;
        self.connections[index].untried = self.plan.target.addresses().len() - 1;
        if self.plan.replace_spent {
            self.connections[index].sent = 0;
        }
        self.begin_to_connect(index, now_ns);
    }

    fn begin_to_connect(&mut self, index: usize, now_ns: u64) {
        let connection = &mut self.connections[index];
        let target = self.plan.target.addresses()[connection.address];
        let source = self
            .sources
            .address_for(index * self.plan.threads + self.thread, target);
        let connected = connection.connect(target, source, self.poll.registry(), Token(index), now_ns);
        if let Err(error) = connected {
            self.fail_connect(index, &error, now_ns);
        }
    }

    /// Checks whether the attempt to open a connection has ended, with or without success.
    pub(super) fn finish_connect(&mut self, index: usize) -> bool {
        let now_ns = self.tick();
        let connection = &mut self.connections[index];
        let began = connection.state;
        match connection.finish_connect(!self.plan.two_writes) {
            Ok(false) => false,
            Ok(true) => {
                if let State::Connecting { since_ns } = began {
                    record(&mut self.tally.connecting, now_ns - since_ns);
                }
                self.address = connection.address;
                if let Some(marks) = &mut self.marks {
                    marks.note_connection(connection, index);
                }
                self.open_count += 1;
                self.outages.end(now_ns);
                self.tally.opened_to(connection.address);
                let again = std::mem::replace(&mut connection.opened_once, true);
                if again && self.phase == Phase::Measuring {
                    self.tally.reconnects += 1;
                }
                true
            }
            Err(error) => {
                self.fail_connect(index, &error, now_ns);
                !matches!(self.connections[index].state, State::Connecting { .. })
            }
        }
    }

    /// Handles a failure to connect to one of the server's addresses. It is final if there is no other address.
    pub(super) fn fail_connect(&mut self, index: usize, error: &io::Error, now_ns: u64) {
        let connection = &mut self.connections[index];
        if connection.untried > 0 {
            connection.untried -= 1;
            connection.address = (connection.address + 1) % self.plan.target.addresses().len();
            self.close(index, now_ns, now_ns);
            return self.begin_to_connect(index, now_ns);
        }
        let failure = match error.kind() {
            ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse => Failure::OutOfPorts,
            ErrorKind::ConnectionRefused => Failure::ConnectRefused,
            ErrorKind::TimedOut => Failure::ConnectTimeout,
            _ => Failure::ConnectFailed,
        };
        let addresses = self.plan.target.addresses();
        let address = addresses[self.connections[index].address];
        let example = || match addresses {
            [_] => error.to_string(),
            _ => format!("{address}: {error}"),
        };
        self.tally.fail(failure, 1, example);
        self.close(index, now_ns, now_ns + RETRY_PAUSE_NS);
        if self.open_count == 0 && self.phase != Phase::Finishing {
            self.outages.fail(failure, self.disconnected_since_ns, now_ns);
        }
    }

    /// Closes the connection of a slot. Another may be opened from `retry_at_ns` on.
    pub(super) fn close(&mut self, index: usize, now_ns: u64, retry_at_ns: u64) {
        if self.connections[index].state == State::Open {
            self.open_count -= 1;
            self.disconnected_since_ns = now_ns;
        }
        self.connections[index].close(retry_at_ns);
    }

    /// The number of open connections.
    pub(super) fn count_open(&self) -> usize {
        let open = self
            .connections
            .iter()
            .filter(|connection| connection.state == State::Open);
        open.count()
    }

    /// Handles a connection that ended unexpectedly.
    pub(super) fn lose(&mut self, index: usize, error: &io::Error) {
        let connection = &self.connections[index];
        let failure = match error.kind() {
            ErrorKind::UnexpectedEof if connection.input.bytes().is_empty() => Failure::Closed,
            ErrorKind::UnexpectedEof => Failure::ClosedInMidReply,
            _ => Failure::Reset,
        };
        let lost = connection.waiting().len();
        let received = connection.input.bytes().len();
        let example = || match failure {
            Failure::Reset => format!("{error}, with {lost} requests in flight"),
            Failure::Closed => format!("closed by the server with {lost} requests in flight"),
            _ => format!("closed by the server {received} bytes into a reply"),
        };
        self.tally.fail(failure, lost.max(1) as u64, example);
        self.abandon(index);
    }

    /// Handles a reply that can't be read: it is wrong, and everything after it is lost.
    pub(super) fn lose_first_as_wrong(&mut self, index: usize, announced_bytes: u32, now_ns: u64) {
        let lost = self.connections[index].waiting().len();
        let example = || format!("a length of {announced_bytes} bytes where a reply should start");
        self.tally.fail(Failure::NotAFrame, lost.max(1) as u64, example);
        self.tally.requests.wrong += self.fail_first(index, now_ns).unwrap_or(0);
        self.abandon(index);
    }

    /// Times out the oldest requests of a connection. Later requests keep their own deadlines. When all have timed out, the
    /// connection is closed, since a late reply would be taken for the reply to a new request. When the load is over, it is
    /// reset: a server that serves one connection at a time would otherwise do the work of each request that waits there.
    pub(super) fn time_out(&mut self, index: usize) {
        let now_ns = self.tick();
        self.enqueue_due(now_ns);
        let mut late = 0;
        while self.connections[index].is_overdue(now_ns) {
            let connection = &mut self.connections[index];
            let request = connection.in_flight[connection.given_up];
            connection.given_up += 1;
            self.outstanding -= 1;
            self.tally.requests.timeout += self.end_failed(request, now_ns);
            late += 1;
        }
        self.count_timeouts(late);
        let connection = &self.connections[index];
        if connection.given_up == connection.in_flight.len() {
            if self.phase == Phase::Finishing {
                connection.reset_on_close();
            }
            self.abandon(index);
        }
    }

    /// Counts requests without a reply in time.
    pub(super) fn count_timeouts(&mut self, requests: u64) {
        let within = self.plan.timeout;
        let example = || format!("no reply within {within:?}");
        self.tally.fail(Failure::Timeout, requests, example);
    }

    /// Counts requests in flight as lost, closes the connection and opens another.
    pub(super) fn abandon(&mut self, index: usize) {
        let now_ns = self.tick();
        self.enqueue_due(now_ns);
        while let Some(counts) = self.fail_first(index, now_ns) {
            self.tally.requests.reset += counts;
        }
        self.close(index, now_ns, now_ns);
        if self.may_reopen(index) {
            self.connect(index, now_ns);
        }
    }

    /// Whether another connection may be opened in this slot.
    fn may_reopen(&self, index: usize) -> bool {
        let has_more = self.plan.replace_spent || !self.connections[index].is_spent(self.plan);
        has_more && self.sends_more()
    }

    /// Ends the oldest request in flight, if there is one, as failed. Returns 1 if it counts, else 0.
    fn fail_first(&mut self, index: usize, now_ns: u64) -> Option<u64> {
        let connection = &mut self.connections[index];
        let request = connection.in_flight.pop_front()?;
        if connection.given_up > 0 {
            connection.given_up -= 1;
            return Some(0);
        }
        self.outstanding -= 1;
        Some(self.end_failed(request, now_ns))
    }

    /// Times out what has taken too long, and retries connections.
    pub(super) fn sweep(&mut self, now_ns: u64) {
        for index in 0..self.connections.len() {
            let connection = &self.connections[index];
            match connection.state {
                State::Down { retry_at_ns } if retry_at_ns <= now_ns && self.may_reopen(index) => {
                    self.connect(index, now_ns);
                }
                State::Connecting { since_ns } if self.is_late(since_ns, now_ns) => {
                    self.give_up_connecting(index, now_ns);
                }
                State::Open if connection.is_overdue(now_ns) => {
                    self.read_pending(index);
                    if self.connections[index].is_overdue(now_ns) {
                        self.time_out(index);
                    }
                }
                State::Down { .. } | State::Connecting { .. } | State::Open => {}
            }
        }
    }

    fn is_late(&self, since_ns: u64, now_ns: u64) -> bool {
        since_ns.saturating_add(self.timeout_ns) < now_ns
    }

    /// Gives up a connection that takes too long to open, unless it is open and its event was not handled yet.
    fn give_up_connecting(&mut self, index: usize, now_ns: u64) {
        self.read_pending(index);
        if let State::Connecting { since_ns } = self.connections[index].state
            && self.is_late(since_ns, now_ns)
        {
            self.fail_connect(index, &ErrorKind::TimedOut.into(), now_ns);
        }
    }
}

#[cfg(test)]
mod tests;
