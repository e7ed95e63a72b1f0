//! The parent: which worker has how many connections, and which gets the next one.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::unistd::Pid;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use serving::limits::{RETRY_PAUSE, full_was_reported, report_full_once};
use serving::options::SupervisionOptions;
use serving::{Change, Crew, Error, Event, Fork, Options, Result};

use crate::channel::{Received, Receiver, Sender, channel};
use crate::inbox::{Inbox, Worker};

/// How many connections the parent accepts before it looks for signals and reports.
const ACCEPTED_AT_ONCE: usize = 64;

/// How many connections it accepts in a drain: as many as the backlog holds by default. Under a flood it is never empty.
const ACCEPTED_LAST: usize = 4096;

/// The pause before another attempt where all channels are full. A worker empties its channel in one turn of its loop.
const FULL_PAUSE: Duration = Duration::from_millis(10);

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

/// The workers, as the parent counts them.
#[derive(Debug)]
struct Team {
    /// Those that drain included, because their connections count too.
    members: Vec<Member>,
    /// Readable if a worker has reported.
    reports: OwnedFd,
    /// Accepted connections that no worker has taken yet.
    held: VecDeque<TcpStream>,
    max_connections: Option<usize>,
    /// Who got the last connection. Among workers with equally few, the next one after it is chosen.
    last: usize,
}

#[derive(Debug)]
struct Member {
    pid: Pid,
    sender: Sender,
    state: State,
    /// What was sent to it, and not taken back. This includes what it has not received yet.
    sent: u64,
    /// Those of them that have ended.
    ended: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    /// It gets connections, unless it has no descriptor for one.
    Serving {
        is_full: bool,
    },
    Draining,
}

impl Parent {
    pub(crate) fn listen(options: &Options, workers: usize, flags: &SupervisionOptions) -> Result<Self> {
        let crew = Crew::accepting(options, workers, flags)?;
        let reports = epoll::create(CreateFlags::CLOEXEC).map_err(Error::system("make an epoll instance"))?;
        Ok(Self {
            crew,
            team: Team {
                members: Vec::new(),
                reports,
                held: VecDeque::new(),
                max_connections: options.max_connections(),
                last: 0,
            },
            accepts_left: 0,
            had_waiting: false,
            receiver: None,
        })
    }

    /// Waits until a worker is due, or a connection was accepted. It accepts only while a worker can take a connection.
    pub(crate) fn next(&mut self) -> Result<Next> {
        loop {
            self.team.deal_held();
            let accepts = self.team.has_room();
            if accepts && self.accepts_left > 0 {
                self.accepts_left -= 1;
                if let Some(connection) = self.crew.accept()? {
                    return Ok(Next::Connection(connection));
                }
                self.accepts_left = 0;
            }
            // While there is room, reports are read before a connection is dealt, and wake nobody.
            let reports = (!accepts).then_some(self.team.reports.as_fd());
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
                return Ok(Fork::Parent);
            }
        };
        match self.crew.fork(slot)? {
            Fork::Child => {
                self.receiver = Some(receiver);
                Ok(Fork::Child)
            }
            Fork::Parent => {
                if let Some(pid) = self.crew.newest_of(slot) {
                    self.team.join(pid, sender)?;
                }
                Ok(Fork::Parent)
            }
        }
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
        while !self.team.held.is_empty() && self.team.is_serving() && self.crew.has_time_left() {
            self.team.deal_held();
            if let Event::Worker(worker, change) = self.crew.next(false, None, Some(FULL_PAUSE))? {
                self.team.note(worker, change);
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

impl Team {
    /// Adds a worker that starts.
    fn join(&mut self, pid: Pid, sender: Sender) -> Result<()> {
        let data = EventData::new_u64(u64::from(pid.as_raw().unsigned_abs()));
        epoll::add(&self.reports, &sender, data, EventFlags::IN)
            .map_err(Error::system("watch a worker's reports"))?;
        self.members.push(Member {
            pid,
            sender,
            state: State::Starting,
            sent: 0,
            ended: 0,
        });
        Ok(())
    }

    fn note(&mut self, pid: Pid, change: Change) {
        let Some(index) = self.members.iter().position(|member| member.pid == pid) else {
            return;
        };
        let member = &mut self.members[index];
        match change {
            Change::Ready => {
                if member.state == State::Starting {
                    member.state = State::Serving { is_full: false };
                }
            }
            Change::Full => {
                member.read_report();
                if member.state == (State::Serving { is_full: true }) {
                    self.take_back(index);
                }
            }
            Change::Drains => {
                member.state = State::Draining;
                self.take_back(index);
                self.members[index].sender.end();
            }
            Change::Ended => {
                self.take_back(index);
                // It would stay registered as long as a worker that is just being forked has a duplicate.
                let _ = epoll::delete(&self.reports, &self.members[index].sender);
                self.members.remove(index);
                if index <= self.last {
                    self.last = self.last.saturating_sub(1);
                }
            }
        }
    }

    /// Takes back what a worker has not received.
    fn take_back(&mut self, index: usize) {
        let member = &mut self.members[index];
        while let Received::Connection(connection) = member.sender.take_back() {
            member.sent -= 1;
            self.held.push_back(connection);
        }
    }

    /// Whether another connection may be accepted.
    fn has_room(&self) -> bool {
        self.held.is_empty() && !self.is_at_limit() && self.members.iter().any(Member::takes_more)
    }

    fn is_at_limit(&self) -> bool {
        let open = || self.members.iter().map(Member::open).sum::<u64>();
        self.max_connections.is_some_and(|most| open() >= most as u64)
    }

    fn is_serving(&self) -> bool {
        let is_serving = |member: &Member| matches!(member.state, State::Serving { .. });
        self.members.iter().any(is_serving)
    }

    /// When to look again without an event.
    fn pause(&self) -> Option<Duration> {
        if !self.held.is_empty() && self.members.iter().any(Member::takes_more) {
            // The channels are full.
            return Some(FULL_PAUSE);
        }
        (self.is_at_limit() && !full_was_reported()).then_some(RETRY_PAUSE)
    }

    fn deal(&mut self, mut connection: TcpStream) {
        let mut refused = Vec::new();
        while let Some(index) = self.with_fewest(&refused) {
            match self.members[index].sender.send(connection) {
                Ok(()) => {
                    self.members[index].sent += 1;
                    self.last = index;
                    return;
                }
                Err(returned) => {
                    connection = returned;
                    refused.push(index);
                }
            }
        }
        self.held.push_back(connection);
    }

    /// The worker with the fewest connections, without those whose channel is full.
    fn with_fewest(&self, full: &[usize]) -> Option<usize> {
        let count = self.members.len();
        let after_last = |index: &usize| (index + count - self.last - 1) % count;
        (0..count)
            .filter(|index| self.members[*index].takes_more() && !full.contains(index))
            .min_by_key(|index| (self.members[*index].open(), after_last(index)))
    }

    fn deal_held(&mut self) {
        for _ in 0..self.held.len() {
            if let Some(connection) = self.held.pop_front() {
                self.deal(connection);
            }
        }
    }

    /// Reads what workers have reported.
    fn read_reports(&mut self) {
        let mut events = Vec::with_capacity(64);
        // It can't fail, and waits for nothing.
        if epoll::wait(
            &self.reports,
            spare_capacity(&mut events),
            Some(&Timespec::default()),
        )
        .is_err()
        {
            return;
        }
        for event in events {
            let pid = event.data.u64();
            let is_sender = |member: &&mut Member| u64::from(member.pid.as_raw().unsigned_abs()) == pid;
            if let Some(member) = self.members.iter_mut().find(is_sender) {
                member.read_report();
            }
        }
    }

    /// Lets all workers see the end behind what they have not received.
    fn end_all(&self) {
        for member in &self.members {
            member.sender.end();
        }
    }
}

impl Member {
    fn takes_more(&self) -> bool {
        self.state == State::Serving { is_full: false }
    }

    fn open(&self) -> u64 {
        self.sent - self.ended
    }

    fn read_report(&mut self) {
        let Some(report) = self.sender.report() else {
            return;
        };
        self.ended = report.ended;
        if let State::Serving { is_full } = &mut self.state {
            *is_full = report.is_full;
        }
    }
}
