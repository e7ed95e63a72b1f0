//! A fixed set of workers: which one is missing, and when to fork the next.

mod accepting;

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::WaitStatus;
use nix::unistd::{ForkResult, Pid};

use crate::children::{Children, Fork, REPEAT};
use crate::error::{Error, Result};
use crate::events::{Change, Event};
use crate::limits::{EXHAUSTED, FULL, RETRY_PAUSE, is_exhaustion, report_exhaustion_once};
use crate::listener::{Listener, Listeners};
use crate::log;
use crate::options::{Accept, Options, SupervisionOptions, WorkerOptions};
use crate::reports::{Report, Reporter, Reports, reports};
use crate::restart::Restart;
use crate::slots::{Death, Slots};
use crate::stop::Stop;
use crate::tally::{Tally, TallyFile};
use crate::watch::Woken;

/// How long workers may take to accept what waits in the backlog once the server has been asked to stop. An idle worker
/// takes far less. If all are busy, waiting longer helps no connection.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// How long a signal to all processes of a server may take to reach the supervisor, after a worker has it.
const SIGNAL_TO_ALL: Duration = Duration::from_millis(5);

/// How much longer than the drain timeout a worker may take that drains alone. A worker ends itself at the timeout, unless
/// it is stopped.
const OVERDUE: Duration = Duration::from_secs(1);

/// A set of workers with a slot for each, and their supervisor.
///
/// The ready line is printed when the first worker is ready. Until then no second worker is started, because whatever
/// keeps one from starting keeps all of them from it.
#[derive(Debug)]
pub struct Crew {
    children: Children,
    restart: Restart,
    listeners: Listeners,
    reports: Reports,
    reporter: Reporter,
    slots: Slots,
    /// Workers that have left their slots and are about to end, with the time at which they are killed.
    draining: HashMap<Pid, Instant>,
    /// What has happened to workers, for a supervisor that accepts.
    changes: VecDeque<(Pid, Change)>,
    /// No fork before this time, because the last one failed.
    not_before: Option<Instant>,
    /// No accept before this time, because no descriptor was left.
    no_accept_before: Option<Instant>,
    start_retries: u32,
    max_connections: Option<usize>,
    tally: Option<TallyFile>,
    announced: bool,
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
        Self::open(options, workers, flags.accept, &flags.supervision)
    }

    fn open(options: &Options, workers: usize, accept: Accept, flags: &SupervisionOptions) -> Result<Self> {
        let tally = TallyFile::from_options(&flags.tally)?;
        let stop = Stop::install(options.drain_timeout)?;
        let restart = Restart::install()?;
        let max_connections = options.max_connections();
        let workers = max_connections.map_or(workers, |most| most.min(workers));
        let (reports, reporter) = reports().map_err(Error::system("make a socket pair"))?;
        EXHAUSTED.share().map_err(Error::system("make an eventfd"))?;
        if max_connections.is_some() {
            FULL.share().map_err(Error::system("make an eventfd"))?;
        }
        let children = Children::watch(stop)?;
        let listeners = Listeners::open(options, accept, workers, children.stop())?;
        Ok(Self {
            children,
            restart,
            listeners,
            reports,
            reporter,
            slots: Slots::new(workers, flags.start_retries),
            draining: HashMap::new(),
            changes: VecDeque::new(),
            not_before: None,
            no_accept_before: None,
            start_retries: flags.start_retries,
            max_connections,
            tally,
            announced: false,
        })
    }

    /// Waits until a worker is due, and returns its slot: one is missing, or a rolling restart replaces the one that serves.
    /// Returns none once the process has been asked to stop.
    pub fn vacancy(&mut self) -> Result<Option<usize>> {
        loop {
            match self.next(false, None, None)? {
                Event::Vacancy(slot) => return Ok(Some(slot)),
                Event::Stop => return Ok(None),
                Event::Worker(..) | Event::Woken => {}
            }
        }
    }

    /// Waits until there is something to do. It waits for connections only if `accepts`, and for `also` to become readable.
    pub fn next(
        &mut self,
        accepts: bool,
        also: Option<BorrowedFd<'_>>,
        timeout: Option<Duration>,
    ) -> Result<Event> {
        let mut has_waited = false;
        loop {
            self.look_after_workers()?;
            if let Some((worker, change)) = self.changes.pop_front() {
                return Ok(Event::Worker(worker, change));
            }
            if self.children.signals().stopping() {
                return Ok(Event::Stop);
            }
            if has_waited {
                return Ok(Event::Woken);
            }
            self.repeat_requests();
            let now = Instant::now();
            let next = self.next_vacancy();
            let pause =
                next.map(|(due, _)| due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now)));
            if let Some((_, slot)) = next
                && pause == Some(Duration::ZERO)
            {
                return Ok(Event::Vacancy(slot));
            }
            let accept_pause = self
                .no_accept_before
                .map(|at| at.saturating_duration_since(now))
                .filter(|pause| accepts && !pause.is_zero());
            let repeat = (!self.draining.is_empty()).then_some(REPEAT);
            let timeout = [pause, repeat, accept_pause, timeout].into_iter().flatten().min();
            let mut readable = vec![self.reports.as_fd()];
            readable.extend(also);
            if accepts && accept_pause.is_none() {
                readable.extend(self.listeners.first());
            }
            if self.children.signals().wait(&readable, timeout)? == Woken::Ready && accepts {
                // Under a flood of connections the listener is always ready, and ppoll lets no signal in.
                self.children.signals().wait(&[], Some(Duration::ZERO))?;
            }
            has_waited = true;
        }
    }

    /// Reads what workers report, buries those that have ended, and takes note of a SIGHUP.
    fn look_after_workers(&mut self) -> Result<()> {
        self.read_reports()?;
        while let Some((pid, status)) = self.children.reap() {
            // Whatever it reported before it ended has arrived by now.
            self.read_reports()?;
            self.bury(pid, status)?;
        }
        if self.restart.requested() && !self.children.signals().stopping() {
            log::message("SIGHUP: starts a new worker in place of each, one after another");
            self.slots.outdate_all();
        }
        Ok(())
    }

    /// Forks the worker of a slot. At the limit of processes the slot stays vacant, and is due again a little later. The
    /// first worker must be forked.
    pub fn fork(&mut self, slot: usize) -> Result<Fork> {
        match self.children.try_fork() {
            Ok(ForkResult::Child) => {
                // A terminal that hangs up sends SIGHUP to all processes, and only the supervisor restarts workers.
                SigSet::from(Signal::SIGHUP)
                    .thread_block()
                    .map_err(Error::system("block SIGHUP"))?;
                Ok(Fork::Child)
            }
            Ok(ForkResult::Parent { child }) => {
                self.slots.started(slot, child, Instant::now());
                self.not_before = None;
                Ok(Fork::Parent(child))
            }
            Err(error) => self.put_off(error).map(|()| Fork::Failed),
        }
    }

    /// Leaves a worker that can't be forked, because a table of the kernel is full, for a little later. The first worker must
    /// be forked, so it returns any other error.
    pub fn put_off(&mut self, error: Error) -> Result<()> {
        match error {
            Error::System { source, .. } if self.announced && is_exhaustion(&source) => {
                report_exhaustion_once("fork a worker", &source);
                self.not_before = Some(Instant::now() + RETRY_PAUSE);
                Ok(())
            }
            error => Err(error),
        }
    }

    /// What the worker of a slot needs. Everything else that its supervisor holds is dropped in this process.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn into_worker(self, slot: usize) -> Worker {
        let count = self.slots.count();
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
        if !self.announced && self.slots.any_taken() {
            return None;
        }
        let (due, slot) = self.slots.next_due()?;
        Some((due.max(self.not_before), slot))
    }

    fn read_reports(&mut self) -> Result<()> {
        let mut drain = Vec::new();
        while let Some((sender, report)) = self.reports.next() {
            match report {
                Report::Ready if self.slots.has(sender) => {
                    if !self.announced {
                        self.announced = true;
                        self.listeners.announce();
                    }
                    self.changes.push_back((sender, Change::Ready));
                    if let Some(replaced) = self.slots.ready(sender) {
                        self.expect_end(replaced);
                    }
                }
                Report::Ready => {}
                Report::Full => self.changes.push_back((sender, Change::Full)),
                Report::Drains => drain.push(sender),
            }
        }
        // A sender without a slot drains already, or is this process.
        drain.retain(|sender| self.slots.has(*sender));
        if !drain.is_empty() {
            // A signal to a whole group, such as Ctrl-C, can reach a worker first.
            self.children.signals().wait(&[], Some(SIGNAL_TO_ALL))?;
        }
        if self.children.signals().stopping() {
            return Ok(());
        }
        for worker in drain {
            self.slots.leave(worker);
            self.expect_end(worker);
            log::message(format_args!("worker {worker} drains; another takes its place"));
        }
        Ok(())
    }

    /// A worker has left its slot: it drains, or is asked to.
    fn expect_end(&mut self, worker: Pid) {
        let time = self.children.signals().drain_timeout() + OVERDUE;
        self.draining.insert(worker, Instant::now() + time);
        self.changes.push_back((worker, Change::Drains));
    }

    /// Asks the workers that drain to do so. A worker that was about to block in a call when the signal came has not noticed
    /// it, so it is repeated. One that is overdue is killed.
    fn repeat_requests(&self) {
        let now = Instant::now();
        for (worker, overdue_at) in &self.draining {
            let signal = if now < *overdue_at {
                Signal::SIGTERM
            } else {
                Signal::SIGKILL
            };
            // It can only have ended already.
            let _ = kill(*worker, signal);
        }
    }

    fn bury(&mut self, pid: Pid, status: WaitStatus) -> Result<()> {
        let now = Instant::now();
        let how = match status {
            WaitStatus::Signaled(_, signal, _) => format!("was killed by {signal}"),
            WaitStatus::Exited(_, code) => format!("exited with {code}"),
            other => format!("ended ({other:?})"),
        };
        self.changes.push_back((pid, Change::Ended));
        if self.draining.remove(&pid).is_some() && matches!(status, WaitStatus::Signaled(..)) {
            log::message(format_args!("worker {pid} {how} as it drained"));
        }
        if self.children.signals().stopping() {
            return Ok(());
        }
        if !self.announced
            && self.slots.has(pid)
            && matches!(status, WaitStatus::Exited(_, code) if code != 0)
        {
            // It has printed why, and the next one would fail in the same way.
            return Err(Error::Reported);
        }
        let in_ms = |at: Instant| (at - now).as_millis();
        let retries = self.start_retries;
        match self.slots.died(pid, now) {
            Death::OutsideOfSlots => {}
            Death::Replaced { at } => log::message(format_args!(
                "worker {pid} {how}; another takes its place in {} ms",
                in_ms(at)
            )),
            Death::Succeeded => log::message(format_args!("worker {pid} {how}; another takes its place")),
            Death::SuccessorFailed { retry_at } => log::message(format_args!(
                "new worker {pid} {how}; the old one goes on, and the next attempt is in {} ms",
                in_ms(retry_at)
            )),
            Death::RestartGivenUp => log::message(format_args!(
                "new worker {pid} {how}, and so did {retries} before it; the restart is given up, and the old workers go on"
            )),
            Death::SlotGivenUp { slot, left } => {
                return self.give_up(slot, left, &format!("worker {pid} {how}"));
            }
        }
        Ok(())
    }

    /// Gives a slot up, and goes on with the others, if there are any.
    fn give_up(&mut self, slot: usize, left: usize, what: &str) -> Result<()> {
        if left == 0 || !self.announced {
            self.drain_workers()?;
            return Err(Error::NoWorker {
                last: what.to_owned(),
                retries: self.start_retries,
            });
        }
        self.listeners.give_up(slot);
        log::message(format_args!(
            "{what}, and so did {} before it; its slot is given up, {left} of {} are left",
            self.start_retries,
            self.slots.count()
        ));
        Ok(())
    }
}
