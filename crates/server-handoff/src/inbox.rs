//! How a worker gets its connections: from the parent, to whom it reports those that have ended.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use event_loop::EventLoop;
use nix::errno::Errno;
use serving::limits::{RETRY_PAUSE, report_exhaustion_once};
use serving::tally::Tally;
use serving::{Reporter, Stop};

use crate::channel::{Received, Receiver, Report};

/// What a worker needs from its parent.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Where its connections come from.
    pub(crate) inbox: Inbox,
    /// How it learns that it should stop.
    pub(crate) stop: Stop,
    /// The parent, which waits for it to be ready.
    pub(crate) supervisor: Reporter,
    /// Where it writes down what it served.
    pub(crate) tally: Tally,
}

/// The connections of one worker, as the parent sends them.
#[derive(Debug)]
pub(crate) struct Inbox {
    receiver: Receiver,
    state: State,
    /// How many connections were received.
    received: u64,
    /// What the parent knows.
    reported: Report,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// An event reports what comes.
    Waiting,
    /// There may be more.
    Unread,
    /// No descriptor is left for what has come. It looks again when fewer connections are open than these, and then.
    Full { open: usize, retry_at: Instant },
    /// The parent sends nothing more.
    Ended,
}

impl Inbox {
    pub(crate) fn new(receiver: Receiver) -> Self {
        Self {
            receiver,
            state: State::Waiting,
            received: 0,
            reported: Report::default(),
        }
    }

    /// Whether the parent sends nothing more, because this worker drains.
    pub(crate) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Adds what the parent has sent to the loop, and reports the connections that have ended. Unless something has come or
    /// ended, this makes no system call.
    pub(crate) fn deliver(&mut self, event_loop: &mut EventLoop, supervisor: &Reporter) {
        if event_loop.take_watched_event() && self.state == State::Waiting {
            self.state = State::Unread;
        }
        if let State::Full { open, retry_at } = self.state
            && (event_loop.open_connections() < open || retry_at <= Instant::now())
        {
            self.state = State::Unread;
        }
        let mut is_refused = false;
        while self.state == State::Unread {
            match self.receiver.receive() {
                Received::Connection(connection) => {
                    self.received += 1;
                    event_loop.adopt(connection);
                }
                // It has ended already.
                Received::Lost => self.received += 1,
                Received::Nothing => self.state = State::Waiting,
                Received::End => self.state = State::Ended,
                Received::NoDescriptor => {
                    report_exhaustion_once("accept", &Errno::EMFILE.into());
                    is_refused = true;
                    self.state = State::Full {
                        open: event_loop.open_connections(),
                        retry_at: Instant::now() + RETRY_PAUSE,
                    };
                }
            }
        }
        self.report(event_loop);
        if is_refused {
            // The parent takes back what waits here, also where it has no other reason to look.
            supervisor.full();
        }
    }

    fn report(&mut self, event_loop: &mut EventLoop) {
        let report = Report {
            ended: self.received - event_loop.open_connections() as u64,
            is_full: matches!(self.state, State::Full { .. }),
        };
        if report != self.reported && self.receiver.report(report) {
            self.reported = report;
        }
        let retry_at = match self.state {
            State::Full { retry_at, .. } => Some(retry_at),
            _ => (report != self.reported).then(|| Instant::now() + RETRY_PAUSE),
        };
        event_loop.look_again_at(retry_at);
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}
