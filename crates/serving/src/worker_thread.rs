//! A worker thread: what it gets from the main thread, and how the main thread reaches it while it blocks.

use std::convert::Infallible;
use std::fmt;
use std::net::{Shutdown, TcpStream};
use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, select_biased};
use nix::sys::pthread::pthread_kill;
use nix::sys::signal::Signal;

use crate::alarm::{Alarm, Counted};
use crate::connection;
use crate::drain_limit::FIRST_REQUEST;
use crate::error::{Error, Result};
use crate::listener::Listener;
use crate::service::Service;
use crate::stop::Stop;
use crate::tally::Tally;

/// Interrupts a thread that blocks in accept. Its handler does nothing.
pub(crate) const INTERRUPT: Signal = Signal::SIGUSR1;

/// What a worker thread needs from the main thread.
#[derive(Debug)]
pub struct WorkerThread {
    /// Its number. A successor has the same.
    pub slot: usize,
    /// How it learns that it should stop.
    pub stop: Stop,
    /// The most connections that it may hold, if that is limited.
    pub max_connections: Option<usize>,
    /// Where it writes down what it served.
    pub tally: Tally,
    /// It is closed when a successor serves.
    pub(crate) replaced: Receiver<Infallible>,
    pub(crate) link: Arc<Link>,
    pub(crate) alarm: Arc<Alarm>,
}

impl WorkerThread {
    /// Waits for the next item of a queue that all workers share. Returns none once a successor serves, to which the rest of
    /// the queue is left, or once the queue is closed and empty.
    #[must_use]
    pub fn receive<T>(&self, queue: &Receiver<T>) -> Option<T> {
        let item = select_biased! {
            recv(self.replaced) -> _ => None,
            recv(queue) -> item => item.ok(),
        };
        if item.is_some() {
            self.alarm.made_room();
        }
        item
    }

    /// Accepts as [`Listener::accept`] does. The main thread can interrupt it.
    pub fn accept(&self, listener: &Listener) -> Result<Option<Accepted>> {
        listener.make_interruptible()?;
        self.link.accepts.store(true, Ordering::SeqCst);
        let accepted = listener.accept(self.stop);
        self.link.accepts.store(false, Ordering::SeqCst);
        if let Ok(Some(stream)) = &accepted {
            listener.make_uninterruptible(stream)?;
        }
        let uncounted = |stream| Accepted {
            stream,
            counted: None,
        };
        Ok(accepted?.map(uncounted))
    }

    /// Serves one connection to its end, as [`serving::serve`](connection::serve) does. The main thread wakes this one by
    /// closing what it reads from.
    #[must_use]
    pub fn serve(&self, connection: Accepted, service: &Service) -> u64 {
        // It counts until it is closed: variables are dropped in the reverse order.
        let Accepted {
            stream,
            counted: _counted,
        } = connection;
        let stream = self.link.hold(stream);
        let answered = connection::serve(&stream, service, self.stop);
        self.link.release();
        answered
    }
}

/// A connection for a [worker thread](WorkerThread::serve).
#[derive(Debug)]
pub struct Accepted {
    pub(crate) stream: TcpStream,
    /// Of a connection that the main thread has accepted, and that may wait in a queue. Last, so that it is closed when it no
    /// longer counts.
    pub(crate) counted: Option<Counted>,
}

/// What a worker thread does, and what else ends its wait.
pub struct Work {
    run: Box<dyn FnOnce() -> Result<()> + Send>,
    wake: Box<dyn Fn()>,
}

impl Work {
    /// Work that waits only for connections and for what [`WorkerThread`] waits for.
    pub fn new(run: impl FnOnce() -> Result<()> + Send + 'static) -> Self {
        Self {
            run: Box::new(run),
            wake: Box::new(|| {}),
        }
    }

    /// The same for work that waits for something else, such as an event loop. `wake` ends that wait, and may fail once the
    /// work has ended.
    #[must_use]
    pub fn woken_by<T>(self, wake: impl Fn() -> T + 'static) -> Self {
        Self {
            wake: Box::new(move || drop(wake())),
            ..self
        }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Work").finish_non_exhaustive()
    }
}

/// What a worker thread and the main thread share.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// The connection that it serves, if it blocks for one.
    held: Mutex<Option<Held>>,
    /// It may block in accept.
    accepts: AtomicBool,
    /// It has ended, or is about to.
    ended: AtomicBool,
}

#[derive(Debug)]
struct Held {
    stream: Arc<TcpStream>,
    since: Instant,
}

impl Link {
    fn hold(&self, stream: TcpStream) -> Arc<TcpStream> {
        let stream = Arc::new(stream);
        *self.lock() = Some(Held {
            stream: Arc::clone(&stream),
            since: Instant::now(),
        });
        stream
    }

    fn release(&self) {
        *self.lock() = None;
    }

    /// Shuts down a connection that is at least this old.
    fn shut_down(&self, how: Shutdown, age: Duration) {
        if let Some(held) = &*self.lock()
            && held.since.elapsed() >= age
        {
            // It fails only for a peer that has gone.
            let _ = held.stream.shutdown(how);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        // What a panicking thread left is still a connection.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker thread as the main thread sees it.
pub(crate) struct Running {
    pub(crate) slot: usize,
    pub(crate) since: Instant,
    handle: JoinHandle<Result<()>>,
    link: Arc<Link>,
    wake: Box<dyn Fn()>,
}

/// How a worker thread ended.
pub(crate) type Ended = Result<()>;

impl Running {
    /// Starts a thread that waits for a `start`, and ends if there is none.
    pub(crate) fn start(
        slot: usize,
        work: Work,
        link: Arc<Link>,
        alarm: Arc<Alarm>,
        start: Receiver<()>,
    ) -> Result<Self> {
        let Work { run, wake } = work;
        let report = ReportsItsEnd {
            link: Arc::clone(&link),
            alarm,
        };
        let run = move || {
            let _report = report;
            if start.recv().is_ok() { run() } else { Ok(()) }
        };
        let handle = thread::Builder::new()
            .name(format!("worker-{slot}"))
            .spawn(run)
            .map_err(Error::system("start a thread"))?;
        Ok(Self {
            slot,
            since: Instant::now(),
            handle,
            link,
            wake,
        })
    }

    /// Ends every wait of a thread that should stop: for a connection, for a request, and its own.
    ///
    /// It has to be repeated. An accept that begins just after it is not interrupted, and a new connection has a moment for
    /// its first request.
    pub(crate) fn wake(&self) {
        (self.wake)();
        // Its socket is closed for reading, behind what has arrived.
        self.link.shut_down(Shutdown::Read, FIRST_REQUEST);
        if self.link.accepts.load(Ordering::SeqCst) {
            // The thread has not been joined, so this can't fail.
            let _ = pthread_kill(self.handle.as_pthread_t(), INTERRUPT);
        }
    }

    /// Closes the connection that it serves.
    pub(crate) fn cut_off(&self) {
        self.link.shut_down(Shutdown::Both, Duration::ZERO);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.link.ended.load(Ordering::SeqCst)
    }

    /// Waits for it to end, and returns how it did.
    pub(crate) fn join(self) -> Ended {
        self.handle.join().unwrap_or(Err(Error::Panicked))
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Running")
            .field("slot", &self.slot)
            .finish_non_exhaustive()
    }
}

/// Reports that a thread ends, also if it panics.
struct ReportsItsEnd {
    link: Arc<Link>,
    alarm: Arc<Alarm>,
}

impl Drop for ReportsItsEnd {
    fn drop(&mut self) {
        self.link.ended.store(true, Ordering::SeqCst);
        self.alarm.ring();
    }
}
