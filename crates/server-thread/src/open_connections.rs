//! The connections that are open, so that their threads can be told to finish.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use serving::{Error, Listener, Result, Watch};

/// All open connections of the process.
#[derive(Debug, Clone)]
pub(crate) struct OpenConnections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
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

/// One open connection; it is closed when the last clone of this is dropped.
#[derive(Debug, Clone)]
pub(crate) struct OpenConnection(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    stream: Arc<TcpStream>,
    shared: Arc<Shared>,
}

impl OpenConnections {
    /// None is open yet, and only so many may be, if a number is given.
    pub(crate) fn up_to(max_connections: Option<usize>) -> Result<Self> {
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
        Ok(Self(Arc::new(Shared {
            streams: Mutex::default(),
            one_less: Condvar::new(),
            limit,
        })))
    }

    /// Waits for room and for the next connection, and accepts it; or reports that the process should stop.
    pub(crate) fn accept(&self, watch: &Watch, listener: &Listener) -> Result<Option<OpenConnection>> {
        if let Some(limit) = &self.0.limit {
            while self.0.lock().len() >= limit.max_connections && !watch.stopping() {
                watch.wait_while_full(listener, Some(limit.one_less.as_fd()))?;
                // What it has counted is of no interest, and it may have counted nothing.
                let _ = limit.one_less.read();
            }
        }
        let nothing_to_reap = || {};
        let stream = watch.accept(listener, nothing_to_reap)?;
        Ok(stream.map(|stream| self.add(stream)))
    }

    fn add(&self, stream: TcpStream) -> OpenConnection {
        let stream = Arc::new(stream);
        self.0.lock().insert(stream.as_raw_fd(), Arc::clone(&stream));
        OpenConnection(Arc::new(Entry {
            stream,
            shared: Arc::clone(&self.0),
        }))
    }

    /// Wakes every thread that waits for its peer.
    pub(crate) fn stop_reading(&self) {
        for stream in self.0.lock().values() {
            // What has arrived is still read; behind it stands the end. It fails only for a peer that has gone.
            let _ = stream.shutdown(Shutdown::Read);
        }
    }

    /// Waits until all connections have ended.
    pub(crate) fn wait_for_all(&self) {
        let mut streams = self.0.lock();
        while !streams.is_empty() {
            streams = self
                .0
                .one_less
                .wait(streams)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl OpenConnection {
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.0.stream
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // The entry's own clone of the stream is dropped, and the descriptor with it, after this one has gone.
        self.shared.lock().remove(&self.stream.as_raw_fd());
        self.shared.one_less.notify_all();
        if let Some(limit) = &self.shared.limit {
            // It can't be full, and if it were, it would be readable.
            let _ = limit.one_less.write(1);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<RawFd, Arc<TcpStream>>> {
        // A map that a panicking thread left is still a map.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
