//! A fixed set of workers: which one is missing, and when to fork the next.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::WaitStatus;
use nix::unistd::{ForkResult, Pid};

use crate::children::{Children, Fork, REPEAT};
use crate::error::{Error, Result};
use crate::limits::{EXHAUSTED, FULL, RETRY_PAUSE, is_exhaustion, report_exhaustion_once};
use crate::listener::{Listener, Listeners};
use crate::log;
use crate::options::{Options, WorkerOptions};
use crate::reports::{Report, Reporter, Reports, reports};
use crate::restarts::{EarlyDeaths, Pacing};
use crate::stop::Stop;
use crate::tally::{Tally, TallyFile};

/// How long workers may take to accept what waits in the backlog once the server has been asked to stop. An idle worker
/// takes far less. If all are busy, waiting longer helps no connection.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// How long a signal to all processes of a server may take to reach the supervisor, after a worker has it.
const SIGNAL_TO_ALL: Duration = Duration::from_millis(5);

/// A set of workers with a slot for each, and their supervisor.
///
/// The ready line is printed when the first worker is ready. Until then no second worker is started, because whatever
/// keeps one from starting keeps all of them from it.
#[derive(Debug)]
pub struct Crew {
    children: Children,
    listeners: Listeners,
    reports: Reports,
    reporter: Reporter,
    slots: Vec<Slot>,
    /// Workers that have left their slots and are about to end.
    draining: HashSet<Pid>,
    pacing: Pacing,
    /// No fork before this time, because the last one failed.
    not_before: Option<Instant>,
    start_retries: u32,
    max_connections: Option<usize>,
    tally: Option<TallyFile>,
    announced: bool,
}

/// A slot's number is its worker's for life, and its successor's.
#[derive(Debug)]
struct Slot {
    state: State,
    early_deaths: EarlyDeaths,
}

#[derive(Debug)]
enum State {
    /// A worker is missing.
    Vacant { due: Option<Instant> },
    /// A worker serves. A worker that drains has left its slot to a successor.
    Taken { pid: Pid, since: Instant },
    /// Its workers kept dying.
    GivenUp,
}

/// What a worker needs from its supervisor.
#[derive(Debug)]
pub struct Worker {
    /// Where its connections come from.
    pub listener: Listener,
    /// How it learns that it should stop.
    pub stop: Stop,
    /// The most connections that it may hold, if that is limited.
    pub max_connections: Option<usize>,
    /// Its supervisor, which waits for it to be ready.
    pub supervisor: Reporter,
    /// Where it writes down what it served.
    pub tally: Tally,
}

impl Crew {
    /// A crew of this many workers, none of which is forked yet. It opens their listeners.
    ///
    /// Each worker may hold its share of `--max-connections`. If there may be fewer connections than workers, there are
    /// fewer workers, so that each has a share.
    pub fn listen(options: &Options, workers: usize, flags: &WorkerOptions) -> Result<Self> {
        let tally = flags.tally.as_deref().map(TallyFile::open).transpose()?;
        let stop = Stop::install(options.drain_timeout)?;
        let max_connections = options.max_connections();
        let workers = max_connections.map_or(workers, |most| most.min(workers));
        let (reports, reporter) = reports().map_err(Error::system("make a socket pair"))?;
        EXHAUSTED.share().map_err(Error::system("make an eventfd"))?;
        if max_connections.is_some() {
            FULL.share().map_err(Error::system("make an eventfd"))?;
        }
        let children = Children::watch(stop)?;
        let listeners = Listeners::open(options, flags.accept, workers, children.stop())?;
        let slots = (0..workers).map(|_| Slot::new()).collect();
        Ok(Self {
            children,
            listeners,
            reports,
            reporter,
            slots,
            draining: HashSet::new(),
            pacing: Pacing::default(),
            not_before: None,
            start_retries: flags.start_retries,
            max_connections,
            tally,
            announced: false,
        })
    }

    /// Waits until a worker is missing and due, and returns its slot. Returns none once the process has been asked to stop.
    pub fn vacancy(&mut self) -> Result<Option<usize>> {
        loop {
            self.read_reports()?;
            while let Some((pid, status)) = self.children.reap() {
                // Whatever it reported before it ended has arrived by now.
                self.read_reports()?;
                self.bury(pid, status)?;
            }
            if self.children.signals().stopping() {
                return Ok(None);
            }
            self.repeat_requests();
            let now = Instant::now();
            let next = self.next_vacancy();
            let pause =
                next.map(|(due, _)| due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now)));
            match next {
                Some((_, slot)) if pause == Some(Duration::ZERO) => return Ok(Some(slot)),
                _ => {
                    let repeat = (!self.draining.is_empty()).then_some(REPEAT);
                    let timeout = [pause, repeat].into_iter().flatten().min();
                    self.children.signals().wait(&[self.reports.as_fd()], timeout)?
                }
            };
        }
    }

    /// Forks the worker of a slot. At the limit of processes the slot stays vacant, and is due again a little later. The
    /// first worker must be forked.
    pub fn fork(&mut self, slot: usize) -> Result<Fork> {
        match self.children.try_fork() {
            Ok(ForkResult::Child) => Ok(Fork::Child),
            Ok(ForkResult::Parent { child }) => {
                self.slots[slot].state = State::Taken {
                    pid: child,
                    since: Instant::now(),
                };
                self.not_before = None;
                Ok(Fork::Parent)
            }
            Err(Error::System { source, .. }) if self.announced && is_exhaustion(&source) => {
                report_exhaustion_once("fork a worker", &source);
                self.not_before = Some(Instant::now() + RETRY_PAUSE);
                Ok(Fork::Parent)
            }
            Err(error) => Err(error),
        }
    }

    /// What the worker of a slot needs. Everything else that its supervisor holds is dropped in this process.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn into_worker(self, slot: usize) -> Worker {
        let count = self.slots.len();
        let share = |most| most / count + usize::from(slot < most % count);
        Worker {
            stop: self.children.stop(),
            max_connections: self.max_connections.map(share),
            listener: self.listeners.into_listener_of(slot),
            supervisor: self.reporter,
            tally: Tally::new(slot, self.tally),
        }
    }

    /// Closes the listeners, waits until all workers have finished what had arrived, and kills those that take too long.
    pub fn drain(mut self) -> Result<()> {
        self.drain_workers()
    }

    fn drain_workers(&mut self) -> Result<()> {
        let until = Instant::now() + LAST_LOOK;
        while self.listeners.has_waiting() && Instant::now() < until && self.children.has_time_left() {
            self.children
                .signals()
                .wait(&[], Some(Duration::from_millis(1)))?;
        }
        // Dropping them would leave them open in the workers. Closed, they refuse connections and end every accept.
        self.listeners.close();
        self.children.drain()
    }

    /// The slot that is due first, and when. Without a time it is due at once.
    fn next_vacancy(&self) -> Option<(Option<Instant>, usize)> {
        let taken = |slot: &Slot| matches!(slot.state, State::Taken { .. });
        if !self.announced && self.slots.iter().any(taken) {
            return None;
        }
        let vacant = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(number, slot)| match slot.state {
                State::Vacant { due } => Some((due.max(self.not_before), number)),
                _ => None,
            });
        vacant.min()
    }

    fn read_reports(&mut self) -> Result<()> {
        let mut drain = Vec::new();
        while let Some((sender, report)) = self.reports.next() {
            match report {
                Report::Ready if !self.announced && self.slot_of(sender).is_some() => {
                    self.announced = true;
                    self.listeners.announce();
                }
                Report::Ready => {}
                Report::Drains => drain.push(sender),
            }
        }
        // A sender without a slot drains already, or is this process.
        drain.retain(|sender| self.slot_of(*sender).is_some());
        if !drain.is_empty() {
            // A signal to a whole group, such as Ctrl-C, can reach a worker first.
            self.children.signals().wait(&[], Some(SIGNAL_TO_ALL))?;
        }
        for worker in drain {
            self.free_slot_of(worker);
        }
        Ok(())
    }

    /// Leaves the slot of a worker that drains to a successor.
    fn free_slot_of(&mut self, worker: Pid) {
        let Some((number, _)) = self.slot_of(worker) else {
            return;
        };
        self.slots[number].state = State::Vacant { due: None };
        self.draining.insert(worker);
        if !self.children.signals().stopping() {
            log::message(format_args!("worker {worker} drains; another takes its place"));
        }
    }

    /// A worker that was about to block in a call when the signal came has not noticed it, so it is repeated.
    fn repeat_requests(&self) {
        for worker in &self.draining {
            // It can only have ended already.
            let _ = kill(*worker, Signal::SIGTERM);
        }
    }

    fn bury(&mut self, pid: Pid, status: WaitStatus) -> Result<()> {
        let now = Instant::now();
        let how = match status {
            WaitStatus::Signaled(_, signal, _) => format!("was killed by {signal}"),
            WaitStatus::Exited(_, code) => format!("exited with {code}"),
            other => format!("ended ({other:?})"),
        };
        if self.draining.remove(&pid) && matches!(status, WaitStatus::Signaled(..)) {
            log::message(format_args!("worker {pid} {how} as it drained"));
        }
        let Some((number, since)) = self.slot_of(pid) else {
            return Ok(());
        };
        let slot = &mut self.slots[number];
        slot.state = State::Vacant { due: None };
        if self.children.signals().stopping() {
            return Ok(());
        }
        if !self.announced && matches!(status, WaitStatus::Exited(_, code) if code != 0) {
            // It has printed why, and the next one would fail in the same way.
            return Err(Error::Reported);
        }
        if slot.early_deaths.count(now - since, self.start_retries) {
            slot.state = State::GivenUp;
            return self.give_up(number, &format!("worker {pid} {how}"));
        }
        let pause = self.pacing.after(since, now);
        slot.state = State::Vacant {
            due: Some(now + pause),
        };
        log::message(format_args!(
            "worker {pid} {how}; another takes its place in {} ms",
            pause.as_millis()
        ));
        Ok(())
    }

    /// Gives a slot up, and goes on with the others, if there are any.
    fn give_up(&mut self, number: usize, what: &str) -> Result<()> {
        let left = self
            .slots
            .iter()
            .filter(|slot| !matches!(slot.state, State::GivenUp))
            .count();
        if left == 0 || !self.announced {
            self.drain_workers()?;
            return Err(Error::NoWorker {
                last: what.to_owned(),
                retries: self.start_retries,
            });
        }
        self.listeners.give_up(number);
        log::message(format_args!(
            "{what}, and so did {} before it; its slot is given up, {left} of {} are left",
            self.start_retries,
            self.slots.len()
        ));
        Ok(())
    }

    /// The slot of a worker that serves, and since when it serves.
    fn slot_of(&self, worker: Pid) -> Option<(usize, Instant)> {
        self.slots
            .iter()
            .enumerate()
            .find_map(|(number, slot)| match slot.state {
                State::Taken { pid, since } if pid == worker => Some((number, since)),
                _ => None,
            })
    }
}

impl Slot {
    fn new() -> Self {
        Self {
            state: State::Vacant { due: None },
            early_deaths: EarlyDeaths::default(),
        }
    }
}
