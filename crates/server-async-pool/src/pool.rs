//! A pool of threads that run jobs for an event loop: the queue to them, and the way back.
//!
//! The loop owns the pool and never waits for it. A worker waits for jobs, and wakes the loop for their outcomes.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::num::NonZeroU16;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::channel::{self, Receiver, Sender, TrySendError};
use event_loop::{ConnectionId, Waiter};
use mio::Waker;
use protocol::{Job, Outcome};
use serving::limits::report_exhaustion_once;
use serving::limits::require_stacks;
use serving::threads::spawn_without_signals;
use serving::{Error, Result};

/// How many threads a pool has, and how many jobs its queue has room for.
#[derive(Debug, Clone, Copy)]
struct Size {
    workers: NonZeroU16,
    queue: NonZeroU16,
}

/// The pool, as the loop sees it.
pub(crate) struct Pool<R> {
    size: Size,
    run: R,
    generation: Generation,
    /// Jobs that found the queue full, in the order of their requests. A connection has one job at a time, so there are at
    /// most as many as connections, and each has its turn.
    waiting: VecDeque<Task>,
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

/// The way of outcomes to the loop.
struct WayBack {
    outcomes: Sender<Done>,
    waker: Arc<Waker>,
    /// The loop has been woken, and has not looked for outcomes since. One wake-up serves all that come meanwhile.
    woken: AtomicBool,
}

impl<R: Fn(Job) -> Outcome + Clone + Send + 'static> Pool<R> {
    /// Starts so many threads, which run jobs with `run`, and wake the loop for their outcomes. It fails if they can't all
    /// be started.
    pub(crate) fn start(workers: NonZeroU16, queue: NonZeroU16, waker: Arc<Waker>, run: R) -> Result<Self> {
        let size = Size { workers, queue };
        // There is at most one outcome for each job, and so for each connection.
        let (sender, outcomes) = channel::unbounded();
        let way_back = Arc::new(WayBack {
            outcomes: sender,
            waker,
            woken: AtomicBool::new(false),
        });
        let generation = Generation::start(size, &run, &way_back).map_err(Error::system("start a thread"))?;
        Ok(Self {
            size,
            run,
            generation,
            waiting: VecDeque::new(),
            outcomes,
            way_back,
        })
    }

    /// Queues a job. If the queue is full, the job waits with its connection until there is room.
    pub(crate) fn submit(&mut self, waiter: Waiter, job: Job) {
        self.waiting.push_back(Task { waiter, job });
        self.fill_queue();
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
            }
            Err(error) => report_exhaustion_once("start a thread", &error),
        }
    }

    /// Queues jobs that wait, until the queue is full. It has room again when a worker takes a job, and the worker wakes
    /// the loop after that.
    fn fill_queue(&mut self) {
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
    fn start<R>(size: Size, run: &R, way_back: &Arc<WayBack>) -> io::Result<Self>
    where
        R: Fn(Job) -> Outcome + Clone + Send + 'static,
    {
        require_stacks(size.workers.get().into())?;
        let (jobs, queued) = channel::bounded(size.queue.get().into());
        for _ in 0..size.workers.get() {
            let (jobs, run, way_back) = (queued.clone(), run.clone(), Arc::clone(way_back));
            spawn_without_signals(move || work(&jobs, &run, &way_back))?;
        }
        Ok(Self { jobs, queued })
    }
}

/// A thread of the pool: runs one job after another, until the loop has dropped the queue.
fn work(jobs: &Receiver<Task>, run: &impl Fn(Job) -> Outcome, way_back: &WayBack) {
    let mut next = jobs.recv().ok();
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
            next = jobs.recv().ok();
        }
    }
}

impl WayBack {
    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            // The kernel refuses it only if the loop is woken already.
            let _ = self.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};
    use std::time::Duration;

    use event_loop::EventLoop;
    use protocol::{Clock, Request, SessionOptions};
    use serving::{Service, Stop};

    use super::*;

    const ONE: NonZeroU16 = NonZeroU16::MIN;

    /// Passes no time.
    struct Still;

    impl Clock for Still {
        fn spin(&self, _: Duration) {}

        fn block(&self, _: Duration) {}
    }

    /// A loop that a test steps by hand, with a pool.
    struct Stepped<R> {
        event_loop: EventLoop,
        pool: Pool<R>,
        listener: TcpListener,
    }

    impl<R: Fn(Job) -> Outcome + Clone + Send + 'static> Stepped<R> {
        fn start(run: R) -> Self {
            let service = Service {
                session: SessionOptions::default(),
                idle_timeout: None,
                frame_timeout: None,
                verbose: false,
            };
            let stop = Stop::install(Duration::from_secs(5)).unwrap();
            let mut event_loop = EventLoop::new(service, stop).unwrap();
            let pool = Pool::start(ONE, ONE, event_loop.waker().unwrap(), run).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            Self {
                event_loop,
                pool,
                listener,
            }
        }

        /// A new connection, whose `block` is submitted to the pool.
        fn submit(&mut self, ms: u64) -> TcpStream {
            let mut client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
            let mut request = Vec::new();
            Request::append(&mut request, "block", &ms.to_string());
            client.write_all(&request).unwrap();
            self.event_loop.adopt(self.listener.accept().unwrap().0);
            while !self.step() {}
            client
        }

        /// One round of the loop. Returns whether a job was submitted.
        fn step(&mut self) -> bool {
            self.event_loop.poll().unwrap();
            for (connection, outcome) in self.pool.outcomes() {
                self.event_loop.finish(connection, outcome);
            }
            let mut submitted = false;
            while let Some(connection) = self.event_loop.next_ready() {
                if let Some(job) = self.event_loop.turn(connection) {
                    self.pool.submit(self.event_loop.waiter(connection), job);
                    submitted = true;
                }
            }
            submitted
        }

        fn step_until_connections_are(&mut self, count: usize) {
            while self.event_loop.open_connections() > count {
                self.step();
            }
        }
    }

    #[test]
    fn a_job_that_panics_closes_its_connection_only() {
        let mut stepped = Stepped::start(|job| {
            assert!(!format!("{job:?}").contains("13"), "this job panics on purpose");
            job.run(&Still)
        });
        let mut unlucky = stepped.submit(13);
        stepped.step_until_connections_are(0);
        assert_eq!(unlucky.read(&mut [0; 64]).unwrap(), 0, "closed without a reply");

        let mut next = stepped.submit(1);
        next.shutdown(std::net::Shutdown::Write).unwrap();
        stepped.step_until_connections_are(0);
        let mut reply = Vec::new();
        next.read_to_end(&mut reply).unwrap();
        assert!(reply.ends_with(br#"{"out":"blocked","result":1}"#));
    }

    /// The first job holds the only thread, the second has the only place in the queue, and two more wait.
    #[test]
    fn a_restart_runs_queued_jobs_on_new_threads_in_order() {
        let (report, reports) = mpsc::channel::<(String, ThreadId)>();
        let (release, gate) = channel::bounded::<()>(0);
        let mut stepped = Stepped::start(move |job: Job| {
            let name = format!("{job:?}");
            report.send((name.clone(), thread::current().id())).unwrap();
            if name.contains("100") {
                gate.recv().unwrap();
            }
            job.run(&Still)
        });
        let _held = stepped.submit(100);
        let (_, old) = reports.recv().unwrap();
        let _queued: Vec<_> = [1, 2, 3].map(|ms| stepped.submit(ms)).into();
        stepped.pool.restart();
        for ms in [1, 2, 3] {
            let (job, thread) = loop {
                match reports.try_recv() {
                    Ok(ran) => break ran,
                    // Only an outcome that the loop takes makes room for the next job.
                    Err(_) => stepped.step(),
                };
            };
            assert!(job.contains(&format!("ms: {ms} ")), "{job} in the place of {ms}");
            assert_ne!(thread, old, "the old thread holds the first job");
        }
        release.send(()).unwrap();
    }
}
