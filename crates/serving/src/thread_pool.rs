//! A fixed set of worker threads, the listeners of their server, and the main thread, which alone sees signals.

use std::net::TcpStream;
use std::num::NonZeroU16;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags};
use signal_hook::flag;

use crate::alarm::OpenCount;
use crate::error::{Error, Result};
use crate::limits::{full_was_reported, report_full_once, require_spare_descriptor};
use crate::listener::{Listener, Listeners, has_waiting};
use crate::options::{Accept as Listening, Options, TallyOptions};
use crate::restart::Restart;
use crate::stop::Stop;
use crate::tally::TallyFile;
use crate::watch::Watch;
use crate::worker_thread::{Accepted, INTERRUPT, Work, WorkerThread};
use crate::worker_threads::WorkerThreads;

/// A fixed set of worker threads, and the main thread that supervises them.
///
/// SIGHUP replaces all threads. One that ends although nobody has asked it to, as after a panic, is replaced too.
#[derive(Debug)]
pub struct ThreadPool {
    watch: Watch,
    restart: Restart,
    /// They live as long as the process.
    listeners: &'static Listeners,
    threads: WorkerThreads,
    max_connections: Option<usize>,
    /// The connections that [`accept`](Self::accept) has returned and that are still open.
    open: OpenCount,
    stopping: bool,
}

/// Why the main thread does not accept, although a connection may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Free,
    /// A queue is full.
    QueueFull,
    /// As many connections are open as there may be.
    AtMost,
}

impl ThreadPool {
    /// A pool of this many threads, none of which is started yet. It opens their listeners: one, or one for each.
    ///
    /// Each worker may hold its share of `--max-connections`. If there may be fewer connections than workers, there are
    /// fewer workers, so that each has a share.
    pub fn listen(
        options: &Options,
        workers: NonZeroU16,
        listening: Listening,
        tally: &TallyOptions,
    ) -> Result<Self> {
        let tally = TallyFile::from_options(tally)?;
        let watch = Watch::start(Stop::install(options.drain_timeout)?)?;
        let restart = Restart::install()?;
        let interrupts = || flag::register(INTERRUPT as i32, Arc::new(AtomicBool::new(false)));
        interrupts().map_err(Error::system("handle signals"))?;
        let max_connections = options.max_connections();
        let workers = usize::from(workers.get());
        let workers = max_connections.map_or(workers, |most| most.min(workers));
        let threads = WorkerThreads::with_tally(workers, watch.stop(), tally)?;
        let listeners = Listeners::open(options, listening, workers, watch.stop().woken_by_close())?;
        let open = threads.count_connections();
        Ok(Self {
            watch,
            restart,
            listeners: Box::leak(Box::new(listeners)),
            threads,
            max_connections,
            open,
            stopping: false,
        })
    }

    /// How many workers there are.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.threads.count()
    }

    /// A count of connections. [`accept_below_limit`](Self::accept_below_limit) notices when it falls.
    #[must_use]
    pub fn count_connections(&self) -> OpenCount {
        self.threads.count_connections()
    }

    /// Starts all threads, and prints the ready line. `make` prepares the work of one; it is called again for each successor.
    /// It gets the listener of the worker, which is that of all workers if they share one.
    pub fn start(
        &mut self,
        mut make: impl FnMut(WorkerThread, &'static Listener) -> Result<Work> + 'static,
    ) -> Result<()> {
        let (listeners, count, max_connections) = (self.listeners, self.workers(), self.max_connections);
        self.threads.start(move |worker| {
            let listener = listeners.listener_of(worker.slot);
            let share = |most| most / count + usize::from(worker.slot < most % count);
            let worker = WorkerThread {
                stop: worker.stop.closing(listener.backlog()),
                max_connections: max_connections.map(share),
                ..worker
            };
            make(worker, listener)
        })?;
        require_spare_descriptor()?;
        self.listeners.announce();
        Ok(())
    }

    /// Waits for the next connection and accepts it for a queue, once that has room and fewer connections are open than
    /// `--max-connections` allows. Returns none when the process should stop and what waited in the backlog has been returned.
    pub fn accept(&mut self, has_room: impl Fn() -> bool) -> Result<Option<Accepted>> {
        let (open, most) = (self.open.clone(), self.max_connections);
        let accepted = self.accept_if(|| match most {
            Some(most) if open.get() >= most => Room::AtMost,
            _ if has_room() => Room::Free,
            _ => Room::QueueFull,
        })?;
        // What waited in the backlog is accepted already, but the queue may be full.
        if self.stopping && accepted.is_some() && !self.threads.wait_for_room(has_room) {
            return Ok(None);
        }
        Ok(accepted.map(|stream| Accepted {
            stream,
            counted: Some(open.add()),
        }))
    }

    /// Waits for the next connection and accepts it while fewer are open than `--max-connections` allows. Returns none as
    /// [`accept`](Self::accept) does.
    pub fn accept_below_limit(&mut self, open: impl Fn() -> usize) -> Result<Option<TcpStream>> {
        let most = self.max_connections;
        self.accept_if(|| match most {
            Some(most) if open() >= most => Room::AtMost,
            _ => Room::Free,
        })
    }

    /// Waits until the process should stop, while the workers accept for themselves.
    pub fn supervise(&mut self) -> Result<()> {
        while !self.watch.stopping() {
            let timeout = self.tend();
            self.wait(false, timeout)?;
        }
        Ok(())
    }

    /// Waits for all threads to finish what has arrived. At the end of the drain timeout, or at a second request to stop,
    /// the process ends.
    pub fn drain(mut self) -> Result<()> {
        self.begin_drain()?;
        self.threads.join();
        Ok(())
    }

    fn accept_if(&mut self, room: impl Fn() -> Room) -> Result<Option<TcpStream>> {
        let listeners = self.listeners;
        let listener = listeners.listener_of(0);
        loop {
            if self.watch.stopping() {
                self.begin_drain()?;
                return Ok(listener.backlog().next_waiting());
            }
            let timeout = self.tend();
            let mut found = room();
            if found != Room::Free {
                self.threads.alarm().expect_room();
                found = room();
            }
            let reports = found == Room::AtMost && !full_was_reported();
            let has_connection = self.wait(found == Room::Free || reports, timeout)?;
            if reports && has_waiting(listener) {
                report_full_once();
            }
            if has_connection
                && found == Room::Free
                && let Some(stream) = self.watch.accept_ready(listener, &mut || {})?
            {
                return Ok(Some(stream));
            }
        }
    }

    fn tend(&mut self) -> Option<Duration> {
        if self.restart.requested() {
            self.threads.restart();
        }
        self.threads.tend()
    }

    /// Waits for a signal, for news of a thread, or for the time to pass; also for a connection, if that is wanted. Returns
    /// whether one waits.
    fn wait(&self, for_connection: bool, timeout: Option<Duration>) -> Result<bool> {
        let alarm = self.threads.alarm();
        let mut descriptors = vec![PollFd::new(alarm.as_fd(), PollFlags::POLLIN)];
        if for_connection {
            let listener = self.listeners.listener_of(0);
            descriptors.push(PollFd::new(listener.as_fd(), PollFlags::POLLIN));
        }
        self.watch.poll(&mut descriptors, timeout)?;
        let mut is_ready = descriptors
            .iter()
            .map(|descriptor| descriptor.any() == Some(true));
        if is_ready.next() == Some(true) {
            alarm.clear();
        }
        Ok(is_ready.next() == Some(true))
    }

    /// Closes the listeners and keeps what waits in their backlogs. Then all threads finish what has arrived.
    fn begin_drain(&mut self) -> Result<()> {
        if self.stopping {
            return Ok(());
        }
        self.stopping = true;
        // From here on this thread only waits, and a second signal has to reach it.
        self.watch.release()?;
        self.watch.stop().begin_drain();
        self.listeners.close_and_keep_waiting();
        self.threads.retire();
        Ok(())
    }
}
