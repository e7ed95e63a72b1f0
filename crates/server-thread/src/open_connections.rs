//! The connections that are open, so that their threads can be told to finish.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// All open connections of the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenConnections(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// By descriptor, which no two open connections have in common.
    streams: Mutex<HashMap<RawFd, Arc<TcpStream>>>,
    one_less: Condvar,
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
    pub(crate) fn add(&self, stream: TcpStream) -> OpenConnection {
        let stream = Arc::new(stream);
        self.0.lock().insert(stream.as_raw_fd(), Arc::clone(&stream));
        OpenConnection(Arc::new(Entry {
            stream,
            shared: Arc::clone(&self.0),
        }))
    }

    /// Wakes every thread that waits for its peer, and waits until all connections have ended.
    pub(crate) fn drain(&self) {
        let mut streams = self.0.lock();
        for stream in streams.values() {
            // What has arrived is still read; behind it stands the end. It fails only for a peer that has gone.
            let _ = stream.shutdown(Shutdown::Read);
        }
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
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<RawFd, Arc<TcpStream>>> {
        // A map that a panicking thread left is still a map.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
