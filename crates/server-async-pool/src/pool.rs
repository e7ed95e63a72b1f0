//! A pool of threads that run jobs for an event loop: the queue to them, and the way back.
//!
//! The loop owns the pool and never waits for it. A worker waits for jobs, and wakes the loop for their outcomes.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::num::NonZeroU16;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use crossbeam::channel::{self, Receiver, Sender, TrySendError};
use event_loop::{ConnectionId, Waiter};
use mio::Waker;
use protocol::{Job, Outcome};
use serving::limits::require_stacks;
use serving::restart::{report_not_replaced, report_replaced};
use serving::threads::spawn_without_signals;
use serving::{Error, Result, Stop};

/// How many threads a pool has, and how many jobs its queue has room for.
#[derive(Debug, Clone, Copy)]
struct Size {
    workers: NonZeroU16,
    queue: NonZeroU16,
}

/// The pool, as the loop sees it.
pub(crate) struct Pool {
    size: Size,
    run: Run,
    generation: Generation,
    /// Jobs that found the queue full, in the order of their requests. A connection has one job at a time, so each has its
    /// turn.
    waiting: VecDeque<Task>,
    /// With more jobs than this, those whose connections have ended are dropped. So there are never many more jobs than
    /// connections, and each costs the same on average however many there are.
    most_waiting: usize,
    outcomes: Receiver<Done>,
    way_back: Arc<WayBack>,
}

/// Threads that were started together, as their queue. Once it is dropped, each finishes the job in hand and ends.
struct Generation {
    jobs: Sender<Task>,
    /// Takes back what no worker has taken.
    queued: Receiver<Task>,
}

/// A job, and who waits for its outcome.
struct Task {
    waiter: Waiter,
    job: Job,
}

/// A job that is done. It has no outcome if it has panicked, or if nobody waited for it any more.
type Done = (ConnectionId, Option<Outcome>);

/// How a job is run.
type Run = Arc<dyn Fn(Job) -> Outcome + Send + Sync>;

/// The way of outcomes to the loop.
struct WayBack {
    outcomes: Sender<Done>,
    waker: Arc<Waker>,
    /// The loop has been woken, and has not looked for outcomes since. One wake-up serves all that come meanwhile.
    woken: AtomicBool,
    /// Jobs have found the queue full. A thread that takes one from the queue wakes the loop then, to fill the queue.
    jobs_wait: AtomicBool,
}

/// How many jobs may wait, whether or not their connections have ended.
const FEW: usize = 64;

impl Pool {
    /// Starts so many threads, which run jobs, and wake the loop for their outcomes. It fails if they can't all be started.
    pub(crate) fn start(
        workers: NonZeroU16,
        queue: NonZeroU16,
        waker: Arc<Waker>,
        stop: Stop,
    ) -> Result<Self> {
        // The loop alone begins the drain, when it has accepted what waits in the backlog.
        let stop = stop.handled_elsewhere();
        let run = move |job| serving::perform(job, stop);
        Self::with_run(Size { workers, queue }, waker, Arc::new(run))
    }

    fn with_run(size: Size, waker: Arc<Waker>, run: Run) -> Result<Self> {
        // There is at most one outcome for each job, and so for each connection.
        let (sender, outcomes) = channel::unbounded();
        let way_back = Arc::new(WayBack {
            outcomes: sender,
            waker,
            woken: AtomicBool::new(false),
            jobs_wait: AtomicBool::new(false),
        });
        let generation = Generation::start(size, &run, &way_back).map_err(Error::system("start a thread"))?;
        Ok(Self {
            size,
            run,
            generation,
            waiting: VecDeque::new(),
            most_waiting: FEW,
            outcomes,
            way_back,
        })
    }

    /// Queues a job. If the queue is full, the job waits with its connection until there is room.
    pub(crate) fn submit(&mut self, waiter: Waiter, job: Job) {
        self.waiting.push_back(Task { waiter, job });
        self.fill_queue();
        if self.waiting.len() > self.most_waiting {
            self.waiting.retain(|task| !task.waiter.has_gone());
            self.most_waiting = self.waiting.len() * 2 + FEW;
            self.waiting.shrink_to(self.most_waiting);
        }
    }

    /// The jobs that are done since the last call, with their outcomes.
    pub(crate) fn outcomes(&mut self) -> impl Iterator<Item = Done> {
        // Before the look, so that an outcome that comes after it wakes the loop again.
        self.way_back.woken.swap(false, Ordering::AcqRel);
        self.fill_queue();
        self.outcomes.try_iter()
    }

    /// Replaces every thread by a new one: first the new ones start, and then each old one finishes the job in hand and
    /// ends. Jobs that no thread has taken go to the new ones, in their order. At the limit of threads the old ones stay.
    pub(crate) fn restart(&mut self) {
        match Generation::start(self.size, &self.run, &self.way_back) {
            Ok(generation) => {
                let old = mem::replace(&mut self.generation, generation);
                let mut waiting: VecDeque<_> = old.queued.try_iter().collect();
                waiting.append(&mut self.waiting);
                self.waiting = waiting;
                self.fill_queue();
                report_replaced(self.size.workers.get().into());
            }
            Err(error) => report_not_replaced(&Error::system("start a thread")(error)),
        }
    }

    /// Queues jobs that wait, until the queue is full. It has room again when a worker takes a job, and the worker wakes
    /// the loop after that.
    fn fill_queue(&mut self) {
        self.queue_waiting();
        let jobs_wait = !self.waiting.is_empty();
        let waited_before = self.way_back.jobs_wait.swap(jobs_wait, Ordering::Relaxed);
        if jobs_wait && !waited_before {
            // A worker that has taken a job meanwhile may not have seen that another one waits. Of the flag and the room, one
            // is seen by the other side.
            fence(Ordering::SeqCst);
            self.queue_waiting();
        }
    }

    fn queue_waiting(&mut self) {
        while let Some(task) = self.waiting.pop_front() {
            if task.waiter.has_gone() {
                continue;
            }
            if let Err(TrySendError::Full(task) | TrySendError::Disconnected(task)) =
                self.generation.jobs.try_send(task)
            {
                self.waiting.push_front(task);
                break;
            }
        }
    }
}

impl Generation {
    fn start(size: Size, run: &Run, way_back: &Arc<WayBack>) -> io::Result<Self> {
        require_stacks(size.workers.get().into())?;
        let (jobs, queued) = channel::bounded(size.queue.get().into());
        for _ in 0..size.workers.get() {
            let (jobs, run, way_back) = (queued.clone(), Arc::clone(run), Arc::clone(way_back));
            spawn_without_signals(move || work(&jobs, &*run, &way_back))?;
        }
        Ok(Self { jobs, queued })
    }
}

/// A thread of the pool: runs one job after another, until the loop has dropped the queue.
fn work(jobs: &Receiver<Task>, run: &dyn Fn(Job) -> Outcome, way_back: &WayBack) {
    let mut next = way_back.wait_for_job(jobs);
    while let Some(Task { waiter, job }) = next {
        let id = waiter.id;
        // A panic ends the job, and not the thread: a pool that lost a thread with each would end without any.
        let outcome = if waiter.has_gone() {
            None
        } else {
            panic::catch_unwind(AssertUnwindSafe(|| run(job))).ok()
        };
        // It fails only if the loop has ended.
        let _ = way_back.outcomes.send((id, outcome));
        // It takes a job first, so that the loop finds the room that this leaves.
        next = jobs.try_recv().ok();
        way_back.wake();
        if next.is_none() {
            next = way_back.wait_for_job(jobs);
        }
    }
}

impl WayBack {
    /// Waits for a job, and takes it. None comes once the loop has dropped the queue.
    fn wait_for_job(&self, jobs: &Receiver<Task>) -> Option<Task> {
        let task = jobs.recv().ok()?;
        fence(Ordering::SeqCst);
        if self.jobs_wait.load(Ordering::Relaxed) {
            self.wake();
        }
        Some(task)
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            // The kernel refuses it only if the loop is woken already.
            let _ = self.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
