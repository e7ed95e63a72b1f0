//! The workers, as the parent counts them: who has how many connections, and who gets the next one.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::unistd::Pid;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use serving::limits::{RETRY_PAUSE, full_was_reported};
use serving::{Change, Error, Result};

use crate::channel::{Received, Sender};

/// The pause before another attempt where all channels are full. A worker empties its channel in one turn of its loop.
pub(crate) const FULL_PAUSE: Duration = Duration::from_millis(10);

/// The workers, as the parent counts them.
#[derive(Debug)]
pub(crate) struct Team {
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
    /// In its pair there may be connections that it will not receive.
    has_rest: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    /// It gets connections, unless it has no descriptor for one.
    Serving {
        is_full: bool,
    },
    Draining,
    /// Its process has ended. It is kept for what is in its pair.
    Ended,
}

impl Team {
    pub(crate) fn new(max_connections: Option<usize>) -> Result<Self> {
        let reports = epoll::create(CreateFlags::CLOEXEC).map_err(Error::system("make an epoll instance"))?;
        Ok(Self {
            members: Vec::new(),
            reports,
            held: VecDeque::new(),
            max_connections,
            last: 0,
        })
    }

    /// Adds a worker that starts.
    pub(crate) fn join(&mut self, pid: Pid, sender: Sender) -> Result<()> {
        let data = EventData::new_u64(u64::from(pid.as_raw().unsigned_abs()));
        epoll::add(&self.reports, &sender, data, EventFlags::IN)
            .map_err(Error::system("watch a worker's reports"))?;
        self.members.push(Member {
            pid,
            sender,
            state: State::Starting,
            sent: 0,
            ended: 0,
            has_rest: false,
        });
        Ok(())
    }

    pub(crate) fn note(&mut self, pid: Pid, change: Change) {
        let Some(member) = member(&mut self.members, pid) else {
            return;
        };
        match change {
            Change::Ready => {
                if member.state == State::Starting {
                    member.state = State::Serving { is_full: false };
                }
            }
            Change::Full => member.read_report(),
            Change::Drains => {
                member.state = State::Draining;
                member.has_rest = true;
                member.sender.end();
            }
            Change::Ended => {
                member.state = State::Ended;
                member.has_rest = member.sender.has_rest();
                // It would stay registered as long as a worker that is just being forked has a duplicate.
                let _ = epoll::delete(&self.reports, &member.sender);
            }
        }
    }

    /// Deals again what waits: connections that no worker could take, and those that their worker will not receive. The
    /// latter stay in the pair until another worker can take them, so that they never need more than one descriptor.
    pub(crate) fn deal_again(&mut self) {
        self.deal_held();
        for index in (0..self.members.len()).rev() {
            while self.held.is_empty() && self.members[index].gives_back() && self.any_takes_more() {
                let member = &mut self.members[index];
                match member.sender.take_back() {
                    Received::Connection(connection) => {
                        member.sent -= 1;
                        self.deal(connection);
                    }
                    Received::Lost => member.sent -= 1,
                    Received::Nothing | Received::End => member.has_rest = false,
                    Received::NoDescriptor => return,
                }
            }
            if self.members[index].is_over() {
                self.members.remove(index);
                if index <= self.last {
                    self.last = self.last.saturating_sub(1);
                }
            }
        }
    }

    /// Whether another connection may be accepted.
    pub(crate) fn has_room(&self) -> bool {
        !self.waits_for_taker() && !self.is_at_limit() && self.any_takes_more()
    }

    fn any_takes_more(&self) -> bool {
        self.members.iter().any(Member::takes_more)
    }

    /// Whether a connection that was accepted before has no worker.
    fn waits_for_taker(&self) -> bool {
        !self.held.is_empty() || self.members.iter().any(Member::gives_back)
    }

    /// The same, without those that their worker may still receive.
    pub(crate) fn owes(&self) -> bool {
        !self.held.is_empty() || self.members.iter().any(Member::is_survived)
    }

    pub(crate) fn is_at_limit(&self) -> bool {
        let living = || self.members.iter().filter(|member| member.state != State::Ended);
        let open = || living().map(Member::open).sum::<u64>();
        self.max_connections.is_some_and(|most| open() >= most as u64)
    }

    pub(crate) fn is_serving(&self) -> bool {
        let is_serving = |member: &Member| matches!(member.state, State::Serving { .. });
        self.members.iter().any(is_serving)
    }

    /// When to look again without an event.
    pub(crate) fn pause(&self) -> Option<Duration> {
        if self.any_takes_more() && !self.held.is_empty() {
            // The channels are full.
            return Some(FULL_PAUSE);
        }
        if self.any_takes_more() && self.waits_for_taker() {
            // There is no descriptor.
            return Some(RETRY_PAUSE);
        }
        (self.is_at_limit() && !full_was_reported()).then_some(RETRY_PAUSE)
    }

    /// Gives a connection to the worker that has the fewest. If no worker can take one, it waits for the first that can.
    /// Those that have waited come first.
    pub(crate) fn deal(&mut self, connection: TcpStream) {
        self.held.push_back(connection);
        self.deal_held();
    }

    fn deal_held(&mut self) {
        while let Some(connection) = self.held.pop_front() {
            if let Err(connection) = self.pass(connection) {
                self.held.push_front(connection);
                return;
            }
        }
    }

    /// Sends a connection to the worker that has the fewest. If no worker can take it, it is returned.
    fn pass(&mut self, mut connection: TcpStream) -> std::result::Result<(), TcpStream> {
        let mut refused = Vec::new();
        while let Some(index) = self.with_fewest(&refused) {
            match self.members[index].sender.send(connection) {
                Ok(()) => {
                    self.members[index].sent += 1;
                    self.last = index;
                    return Ok(());
                }
                Err(returned) => {
                    connection = returned;
                    refused.push(index);
                }
            }
        }
        Err(connection)
    }

    /// The worker with the fewest connections, without those whose channel is full.
    fn with_fewest(&self, full: &[usize]) -> Option<usize> {
        let count = self.members.len();
        let after_last = |index: &usize| (index + count - self.last - 1) % count;
        (0..count)
            .filter(|index| self.members[*index].takes_more() && !full.contains(index))
            .min_by_key(|index| (self.members[*index].open(), after_last(index)))
    }

    /// Reads what workers have reported.
    pub(crate) fn read_reports(&mut self) {
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
            let pid = i32::try_from(event.data.u64()).map(Pid::from_raw);
            if let Some(member) = pid.ok().and_then(|pid| member(&mut self.members, pid)) {
                member.read_report();
            }
        }
    }

    /// Lets all workers see the end behind what they have not received.
    pub(crate) fn end_all(&self) {
        for member in &self.members {
            member.sender.end();
        }
    }
}

impl AsFd for Team {
    /// Readable if a worker has reported.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reports.as_fd()
    }
}

/// The worker with this process, which has not ended: another one may have the number of a process that has.
fn member(members: &mut [Member], pid: Pid) -> Option<&mut Member> {
    let is_it = |member: &&mut Member| member.pid == pid && member.state != State::Ended;
    members.iter_mut().find(is_it)
}

impl Member {
    fn takes_more(&self) -> bool {
        self.state == State::Serving { is_full: false }
    }

    /// Whether others should get what may be in its pair.
    fn gives_back(&self) -> bool {
        self.has_rest && !self.takes_more()
    }

    /// Whether connections that were sent to it are left without it.
    fn is_survived(&self) -> bool {
        self.state == State::Ended && self.has_rest
    }

    fn is_over(&self) -> bool {
        self.state == State::Ended && !self.has_rest
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
            self.has_rest = report.is_full;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::channel::{Receiver, Report, channel};

    const PIDS: [i32; 2] = [1, 2];

    /// A team of two that serve, and the ends of the workers.
    fn team() -> (Team, [Receiver; 2]) {
        let mut team = Team::new(Some(4)).unwrap();
        let receivers = PIDS.map(|pid| {
            let (sender, receiver) = channel().unwrap();
            team.join(Pid::from_raw(pid), sender).unwrap();
            team.note(Pid::from_raw(pid), Change::Ready);
            receiver
        });
        (team, receivers)
    }

    /// Deals connections; returns the ends of the clients.
    fn deal(team: &mut Team, count: usize) -> Vec<TcpStream> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = |_| {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            team.deal(listener.accept().unwrap().0);
            client
        };
        (0..count).map(connect).collect()
    }

    fn received(receiver: &Receiver) -> usize {
        std::iter::from_fn(|| match receiver.receive() {
            Received::Connection(connection) => Some(connection),
            _ => None,
        })
        .count()
    }

    #[test]
    fn a_report_that_comes_late_gives_back_too() {
        let (mut team, [full, other]) = team();
        let _clients = deal(&mut team, 4);
        let report = Report {
            ended: 0,
            is_full: true,
        };
        assert!(full.report(report));
        team.read_reports();
        team.deal_again();
        assert_eq!(received(&other), 4);
        assert_eq!(received(&full), 0);
    }

    #[test]
    fn what_nobody_can_take_yet_is_left_where_it_is() {
        let (mut team, [died, other]) = team();
        let _clients = deal(&mut team, 4);
        drop(died);
        let full = Report {
            ended: 0,
            is_full: true,
        };
        assert!(other.report(full));
        team.read_reports();
        team.note(Pid::from_raw(PIDS[0]), Change::Ended);
        team.deal_again();
        assert!(team.owes() && team.held.is_empty());
        assert!(other.report(Report::default()));
        team.read_reports();
        assert!(!team.has_room(), "those that wait come first");
        team.deal_again();
        assert!(!team.owes() && team.is_at_limit());
        assert_eq!(team.members.len(), 1);
        assert_eq!(received(&other), 4);
    }
}
