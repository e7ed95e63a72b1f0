//! The parent: it accepts, and starts and replaces workers.

use std::net::TcpStream;
use std::os::fd::AsFd;

use serving::limits::{full_was_reported, report_full_once};
use serving::options::SupervisionOptions;
use serving::{Crew, Error, Event, Fork, Options, Result};

use crate::channel::{Receiver, channel};
use crate::inbox::{Inbox, Worker};
use crate::team::{FULL_PAUSE, Team};

/// How many connections the parent accepts before it looks for signals and reports.
const ACCEPTED_AT_ONCE: usize = 64;

/// How many connections it accepts in a drain: as many as the backlog holds by default. Under a flood it is never empty.
const ACCEPTED_LAST: usize = 4096;

/// The parent, which accepts, counts and supervises.
#[derive(Debug)]
pub(crate) struct Parent {
    crew: Crew,
    team: Team,
    /// How many connections it may accept before it looks for signals and reports.
    accepts_left: usize,
    /// A connection waited for room at the last look.
    had_waiting: bool,
    /// In a worker that was just forked: where its connections come from.
    receiver: Option<Receiver>,
}

/// What the parent does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// The worker of this slot is due: fork it.
    Vacancy(usize),
    /// A connection was accepted.
    Connection(TcpStream),
    /// The server should stop.
    Stop,
}

impl Parent {
    pub(crate) fn listen(options: &Options, workers: usize, flags: &SupervisionOptions) -> Result<Self> {
        let crew = Crew::accepting(options, workers, flags)?;
        Ok(Self {
            crew,
            team: Team::new(options.max_connections())?,
            accepts_left: 0,
            had_waiting: false,
            receiver: None,
        })
    }

    /// Waits until a worker is due, or a connection was accepted. It accepts only while a worker can take a connection.
    pub(crate) fn next(&mut self) -> Result<Next> {
        loop {
            self.team.deal_again();
            let accepts = self.team.has_room();
            if accepts && self.accepts_left > 0 {
                self.accepts_left -= 1;
                if let Some(connection) = self.crew.accept()? {
                    return Ok(Next::Connection(connection));
                }
                self.accepts_left = 0;
            }
            // While there is room, reports are read before a connection is dealt, and wake nobody.
            let reports = (!accepts).then_some(self.team.as_fd());
            match self.crew.next(accepts, reports, self.team.pause())? {
                Event::Vacancy(slot) => return Ok(Next::Vacancy(slot)),
                Event::Worker(worker, change) => self.team.note(worker, change),
                Event::Stop => return Ok(Next::Stop),
                Event::Woken => {
                    self.accepts_left = ACCEPTED_AT_ONCE;
                    self.team.read_reports();
                    self.report_waiting();
                }
            }
        }
    }

    /// Forks the worker of a slot, and makes its channel.
    pub(crate) fn fork(&mut self, slot: usize) -> Result<Fork> {
        let (sender, receiver) = match channel().and_then(|ends| ends.1.require_descriptor().map(|()| ends)) {
            Ok(ends) => ends,
            Err(error) => {
                self.crew.put_off(Error::system("make a socket pair")(error))?;
                return Ok(Fork::Failed);
            }
        };
        let fork = self.crew.fork(slot)?;
        match fork {
            Fork::Child => self.receiver = Some(receiver),
            Fork::Parent(pid) => self.team.join(pid, sender)?,
            Fork::Failed => {}
        }
        Ok(fork)
    }

    /// What a worker needs. Everything else that the parent holds is dropped in this process, the listener included.
    pub(crate) fn into_worker(self, slot: usize) -> Worker {
        let receiver = self.receiver.expect("the process has just been forked");
        let worker = self.crew.into_worker(slot);
        Worker {
            inbox: Inbox::new(receiver),
            stop: worker.stop,
            supervisor: worker.supervisor,
            tally: worker.tally,
        }
    }

    /// Gives a connection to the worker that has the fewest. If no worker can take one, it waits for the first that can.
    pub(crate) fn deal(&mut self, connection: TcpStream) {
        self.team.deal(connection);
    }

    /// Deals what waits in the backlog, closes the listener, and waits until all workers have finished what had arrived.
    pub(crate) fn drain(mut self) -> Result<()> {
        for _ in 0..ACCEPTED_LAST {
            let Some(connection) = self.crew.accept()? else {
                break;
            };
            self.team.deal(connection);
        }
        self.crew.close();
        while self.team.owes() && self.team.is_serving() && self.crew.has_time_left() {
            self.team.read_reports();
            self.team.deal_again();
            // In a server that stops it does not wait.
            if let Event::Worker(worker, change) = self.crew.next(false, None, None)? {
                self.team.note(worker, change);
            } else if self.team.owes() {
                self.crew.pause(FULL_PAUSE)?;
            }
        }
        self.team.end_all();
        self.crew.drain()
    }

    /// Reports, once, that a connection waits because of `--max-connections`. One that waits at the first look may have come
    /// just before another one's end was reported.
    fn report_waiting(&mut self) {
        let waits = self.team.is_at_limit() && !full_was_reported() && self.crew.has_waiting();
        if waits && self.had_waiting {
            report_full_once();
        }
        self.had_waiting = waits;
    }
}
