//! Threads that receive no signals, and those that serve one connection each.
//!
//! The main thread alone sees signals. It wakes the others by closing what they read from.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::error::{Error, Result};
use crate::listener::Listener;
use crate::options::Options;
use crate::signals::HeldBack;
use crate::stop::Stop;
use crate::watch::Watch;

/// Starts a thread that receives no signal, so that each one reaches the thread that calls this, and ends its wait.
pub fn spawn_without_signals(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let _held_back = HeldBack::from_new_threads()?;
    thread::Builder::new().spawn(run).map(drop)
}

/// The threads of this process that serve a connection each.
pub struct Threads {
    watch: Watch,
    open: Arc<Open>,
    /// Connections for which no thread could be started before the process was asked to stop.
    waiting: Vec<Box<dyn FnOnce()>>,
}

/// The connections that are open.
#[derive(Debug)]
struct Open {
    /// By descriptor, which no two open connections have in common.
    streams: Mutex<HashMap<RawFd, Arc<TcpStream>>>,
    one_less: Condvar,
    limit: Option<Limit>,
}

/// How many connections may be open.
#[derive(Debug)]
struct Limit {
    max_connections: usize,
    /// Readable when a connection has ended.
    one_less: EventFd,
}

/// An open connection, until the last clone of this is dropped.
#[derive(Debug, Clone)]
pub struct Connection(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    stream: Arc<TcpStream>,
    open: Arc<Open>,
}

impl Threads {
    /// For threads that serve a connection each, as many as the flags allow. It fails if this process can't start a thread,
    /// because such a server must not announce itself.
    pub fn one_per_connection(options: &Options) -> Result<Self> {
        let threads = Self {
            watch: Watch::start(Stop::install(options.drain_timeout)?)?,
            open: Arc::new(Open::up_to(options.max_connections())?),
            waiting: Vec::new(),
        };
        let thread = thread::Builder::new()
            .spawn(|| {})
            .map_err(Error::system("start a thread"))?;
        // It can't panic.
        let _ = thread.join();
        Ok(threads)
    }

    /// How a thread learns that it should stop.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.watch.stop().woken_by_close()
    }

    /// Waits for the next connection and accepts it. Returns none if the process should stop.
    ///
    /// With as many connections open as there may be, it waits for one of them to end first.
    pub fn accept(&mut self, listener: &Listener) -> Result<Option<Connection>> {
        if let Some(limit) = &self.open.limit {
            while self.open.lock().len() >= limit.max_connections && !self.watch.stopping() {
                self.watch
                    .wait_while_full(listener, Some(limit.one_less.as_fd()))?;
                // The count does not matter, and it may be zero.
                let _ = limit.one_less.read();
            }
        }
        let nothing_to_reap = || {};
        let stream = self.watch.accept(listener, nothing_to_reap)?;
        Ok(stream.map(|stream| self.open.add(stream)))
    }

    /// Starts a thread for this connection. At the limit of threads it waits until it can.
    ///
    /// The connection has been accepted, so a request to stop is no reason to give up: [`drain`](Self::drain) serves it
    /// then.
    pub fn spawn<T>(
        &mut self,
        connection: Connection,
        serve: impl FnOnce(&TcpStream) -> T + Clone + Send + 'static,
    ) -> Result<()> {
        let serve = move || {
            serve(&connection.0.stream);
        };
        // A thread that can't be started takes its closure with it, so each attempt has one of its own.
        while let Err(error) = thread::Builder::new().spawn(serve.clone()) {
            if self.watch.stopping() {
                self.waiting.push(Box::new(serve));
                break;
            }
            self.watch.ride_out("start a thread", &error)?;
        }
        Ok(())
    }

    /// Wakes all threads, and waits for them to finish what has arrived. At the end of the drain timeout, or at a second
    /// request to stop, the process ends.
    pub fn drain(self) -> Result<()> {
        // From here on this thread only waits, and a second signal has to reach it.
        self.watch.release()?;
        self.watch.stop().begin_drain();
        self.open.stop_reading();
        // This thread is free to answer what was accepted.
        for serve in self.waiting {
            serve();
        }
        self.open.wait_for_all();
        Ok(())
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Threads")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl Open {
    fn up_to(max_connections: Option<usize>) -> Result<Self> {
        let limit = max_connections.map(|max_connections| {
            let one_less = EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
            Ok(Limit {
                max_connections,
                one_less,
            })
        });
        let limit = limit
            .transpose()
            .map_err(Error::system::<Errno>("make an eventfd"))?;
        Ok(Self {
            streams: Mutex::default(),
            one_less: Condvar::new(),
            limit,
        })
    }

    fn add(self: &Arc<Self>, stream: TcpStream) -> Connection {
        let stream = Arc::new(stream);
        self.lock().insert(stream.as_raw_fd(), Arc::clone(&stream));
        Connection(Arc::new(Entry {
            stream,
            open: Arc::clone(self),
        }))
    }

    /// Wakes every thread that waits for its peer. Its socket is closed for reading, behind what has arrived.
    fn stop_reading(&self) {
        for stream in self.lock().values() {
            // It fails only for a peer that has gone.
            let _ = stream.shutdown(Shutdown::Read);
        }
    }

    fn wait_for_all(&self) {
        let mut streams = self.lock();
        while !streams.is_empty() {
            streams = self
                .one_less
                .wait(streams)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RawFd, Arc<TcpStream>>> {
        // A map that a panicking thread left is still a map.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // The entry's own clone of the stream is dropped, and the descriptor with it, after this one has gone.
        self.open.lock().remove(&self.stream.as_raw_fd());
        self.open.one_less.notify_all();
        if let Some(limit) = &self.open.limit {
            // It can't be full, and if it were, it would be readable.
            let _ = limit.one_less.write(1);
        }
    }
}
