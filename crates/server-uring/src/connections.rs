//! The connections of a loop on completions: one method for each step of the loop.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use completions::{Completion, Outcome, Ring};
use event_loop::{Connection, Lent, SystemClock, Timers, Turn, signals};
use mio::net::UnixStream;
use protocol::Job;
use rustix::event::PollFlags;
use serving::{Error, Listener, Result, Service, Stop, Visit};
use slab::Slab;

use crate::acceptor::Acceptor;
use crate::stream::{Shared, Stream};
use crate::token::{Operation, Token};

/// The state of a loop, with one method for each of its steps. The loop itself is on the page.
pub(crate) struct Connections {
    shared: Rc<RefCell<Shared>>,
    /// None after the loop began to drain.
    acceptor: Option<Acceptor>,
    /// Readable after a signal. It has to stay open.
    _signal: UnixStream,
    /// Boxed, because a slab keeps up to as many free places as it has connections.
    open: Slab<Box<Open>>,
    /// Connections that can go on, in the order of their turns.
    ready: VecDeque<usize>,
    /// How many of those have a turn before the next wait. The others have had one since the last wait.
    turns_left: usize,
    timers: Timers,
    /// Connections whose time is over, and for which bytes have arrived that no completion has brought yet.
    postponed: Vec<usize>,
    lent: Lent<SystemClock>,
    service: Service,
    stop: Stop,
}

struct Open {
    connection: Connection<Stream>,
    /// None once it is over, and only its operations have to end.
    visit: Option<Visit>,
}

/// Something that the kernel has done.
pub(crate) enum Done {
    /// It has accepted this connection.
    Accepted(OwnedFd),
    /// It has received for this connection, or sent what the connection waited for.
    Progress(usize),
}

impl Connections {
    pub(crate) fn new(
        ring: Ring,
        listener: &'static Listener,
        max_connections: Option<usize>,
        service: Service,
        stop: Stop,
    ) -> Result<Self> {
        let signal = signals::readable_on(&signals::STOP_SIGNALS);
        let signal = signal.map_err(Error::system("wait for signals"))?;
        let shared = Shared::new(ring);
        shared
            .borrow_mut()
            .ring
            .poll(signal.as_fd(), PollFlags::IN, false, Token::Signal.number());
        let mut connections = Self {
            shared,
            acceptor: Some(Acceptor::new(listener, max_connections)),
            _signal: signal,
            open: Slab::new(),
            ready: VecDeque::new(),
            turns_left: 0,
            timers: Timers::default(),
            postponed: Vec::new(),
            lent: Lent::default(),
            service,
            stop,
        };
        connections.accept();
        Ok(connections)
    }

    /// Whether it drains and its last connection has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.acceptor.is_none() && self.open.is_empty()
    }

    /// Submits what is queued, and waits: for a completion, a timer, a signal. If a connection can go on, it only fetches
    /// completions.
    pub(crate) fn submit_and_wait(&mut self) -> Result<()> {
        self.stop.reap_strangers();
        for key in self.postponed.drain(..) {
            self.timers.follow(key, Some(Instant::now()));
        }
        // A signal that came before the loop was made ends no wait.
        let should_drain = self.acceptor.is_some() && self.stop.requested();
        let timeout = if self.ready.is_empty() && !should_drain {
            let retry = self.acceptor.as_ref().and_then(Acceptor::timeout);
            [self.timers.timeout(Instant::now), retry]
                .into_iter()
                .flatten()
                .min()
        } else {
            Some(Duration::ZERO)
        };
        let waited = self.shared.borrow_mut().ring.submit_and_wait(timeout);
        waited.map_err(Error::system("wait for completions"))
    }

    /// The next thing that the kernel has done. None once the loop knows all that the wait fetched.
    pub(crate) fn next_done(&mut self) -> Result<Option<Done>> {
        loop {
            let completion = self.shared.borrow_mut().ring.next_completion();
            let Some(completion) = completion else {
                self.turns_left = self.ready.len();
                return Ok(None);
            };
            let done = match Token::from_number(completion.token) {
                // It only had to end the wait: the page looks at its `Stop` next.
                Token::Signal => None,
                Token::Listener => self.after_accept(completion)?.map(Done::Accepted),
                Token::Connection(key, operation) => self
                    .after_operation(key, operation, completion)
                    .then_some(Done::Progress(key)),
            };
            if done.is_some() {
                return Ok(done);
            }
        }
    }

    fn after_accept(&mut self, completion: Completion) -> Result<Option<OwnedFd>> {
        match completion.outcome {
            Ok(Outcome::Accepted(socket)) => {
                if let Some(acceptor) = &mut self.acceptor {
                    acceptor.notice_accepted(completion.more);
                }
                Ok(Some(socket))
            }
            Err(error) => {
                if let Some(acceptor) = &mut self.acceptor {
                    acceptor.notice_error(error, self.open.len(), completion.more)?;
                }
                Ok(None)
            }
            Ok(_) => Ok(None),
        }
    }

    /// Takes note of a connection's completion. Returns whether the connection can go on.
    fn after_operation(&mut self, key: usize, operation: Operation, completion: Completion) -> bool {
        let Some(open) = self.open.get_mut(key) else {
            return false;
        };
        let Completion {
            outcome,
            more,
            returned,
            ..
        } = completion;
        let stream = open.connection.transport_mut();
        let event = match (operation, outcome, returned) {
            (Operation::Receive, Ok(Outcome::Received(received)), _) => {
                Some(stream.notice_received(received, more))
            }
            (Operation::Receive, Ok(_), _) => Some(stream.notice_closed(more)),
            (Operation::Receive, Err(error), _) => stream.notice_not_received(&error, more),
            (Operation::Send, outcome, bytes) => {
                let event = stream.notice_sent(outcome.as_ref().ok().map(number), bytes.unwrap_or_default());
                open.connection.notice_sent(&self.lent.clock);
                event
            }
            (Operation::Watch, outcome, _) => stream.notice_poll(outcome.as_ref().ok().map(number), more),
        };
        if open.visit.is_none() {
            self.close_if_at_rest(key);
            return false;
        }
        if let Some(event) = event {
            open.connection.notice_event(event);
        }
        event.is_some()
    }

    /// Adds a connection, and receives from it from now on.
    pub(crate) fn add(&mut self, socket: OwnedFd) {
        let place = self.open.vacant_entry();
        let stream = Stream::new(socket, place.key(), Rc::clone(&self.shared));
        let visit = Visit::begin(&self.service, || stream.peer_addr());
        let mut connection = Connection::new(stream, &self.service, &self.lent.clock);
        if self.acceptor.is_none() {
            connection.begin_drain();
        }
        self.timers.follow(place.key(), connection.deadline());
        let visit = Some(visit);
        place.insert(Box::new(Open { connection, visit }));
    }

    /// Puts a connection behind those that wait for a turn.
    pub(crate) fn queue(&mut self, key: usize) {
        if let Some(open) = self.open.get_mut(key)
            && open.connection.notice_queued()
        {
            self.ready.push_back(key);
        }
    }

    /// The next connection that can go on: first those that used up their last turn, so that a stream of completions can't
    /// starve them, then those that had one, then those whose time has come. None once each had its turn.
    pub(crate) fn next_ready(&mut self) -> Option<usize> {
        if self.turns_left > 0 {
            self.turns_left -= 1;
            return self.ready.pop_front();
        }
        while let Some(key) = self.timers.due(Instant::now) {
            let Some(open) = self.open.get_mut(key) else {
                continue;
            };
            // While a handler ran, a request may have arrived in time. The next wait brings it.
            if open.connection.transport_mut().is_about_to_receive() {
                self.postponed.push(key);
            } else if open.connection.notice_timer() {
                return Some(key);
            }
        }
        None
    }

    /// Gives a connection its turn: it reads what has been received, answers, and queues its replies, until it would have to
    /// wait, or until it is the others' turn. A job that would hold the thread is returned, after all that is queued has
    /// been submitted.
    pub(crate) fn turn(&mut self, key: usize) -> Result<Option<Job>> {
        let Some(open) = self.open.get_mut(key).filter(|open| open.visit.is_some()) else {
            return Ok(None);
        };
        let turn = open.connection.turn(&mut self.lent);
        self.after(key, turn)
    }

    /// Replies to the request whose job has run, with this outcome.
    pub(crate) fn finish(&mut self, key: usize, outcome: protocol::Outcome) -> Result<()> {
        if let Some(open) = self.open.get_mut(key) {
            let turn = open.connection.finish(outcome, &mut self.lent);
            self.after(key, turn)?;
        }
        Ok(())
    }

    fn after(&mut self, key: usize, turn: Turn) -> Result<Option<Job>> {
        let open = &mut self.open[key];
        match turn {
            Turn::Job(job) => {
                let submitted = self.shared.borrow_mut().ring.submit();
                submitted.map_err(Error::system("submit operations"))?;
                return Ok(Some(job));
            }
            Turn::Blocked => {
                open.connection.transport_mut().settle();
                self.timers.follow(key, open.connection.deadline());
            }
            Turn::Unfinished => {
                self.timers.follow(key, open.connection.deadline());
                self.queue(key);
            }
            Turn::Over => {
                self.timers.remove(key);
                open.visit = None;
                open.connection.transport_mut().abandon();
                self.close_if_at_rest(key);
            }
        }
        Ok(None)
    }

    /// Closes a connection that is over, once none of its operations is in progress.
    fn close_if_at_rest(&mut self, key: usize) {
        if self.open[key].connection.transport_mut().is_at_rest() {
            self.open.remove(key).connection.into_transport().close();
        }
    }

    /// Accepts on, if there is room.
    pub(crate) fn accept(&mut self) {
        if let Some(acceptor) = &mut self.acceptor {
            acceptor.accept(&mut self.shared.borrow_mut().ring, self.open.len());
        }
    }

    /// Begins the drain: takes no more connections, and answers on each open one what has arrived by now.
    pub(crate) fn drain(&mut self) {
        if self.acceptor.take().is_none() {
            return;
        }
        // Every connection counts what has arrived before the first one has its turn, which may take long. What the kernel
        // has received counts with what waits in the socket: it moves bytes only during a system call for the ring, and the
        // completions of the last one are all known.
        for (key, open) in &mut self.open {
            open.connection.begin_drain();
            if open.connection.notice_queued() {
                self.ready.push_back(key);
            }
        }
        // It closes the listener, which ends the accept.
        self.stop.begin_drain();
        let stop = self.stop;
        while let Some(stream) = stop.next_waiting() {
            self.add(stream.into());
        }
        self.turns_left = self.ready.len();
    }
}

fn number(outcome: &Outcome) -> u32 {
    match outcome {
        Outcome::Done(number) => *number,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
