//! A listening socket, and what waits in its backlog.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::Socket;

use crate::limits::{is_interruption, is_peers_fault};

/// The most connections that a server takes from its backlog as it closes it: as many as the backlog holds by default. Under
/// a flood of connections it would never be empty.
const WAITING_MOST: usize = 4096;

/// A listening socket with its backlog.
#[derive(Debug)]
pub(crate) struct Backlog {
    socket: Socket,
    /// Connections that waited when the socket was closed for a drain, and have not been taken since.
    waiting: Mutex<VecDeque<TcpStream>>,
}

impl Backlog {
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            socket,
            waiting: Mutex::default(),
        }
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(crate) fn into_socket(self) -> Socket {
        self.socket
    }

    /// Accepts a connection without a second attempt.
    pub(crate) fn accept_now(&self) -> io::Result<TcpStream> {
        self.socket.accept().map(|(stream, _)| stream.into())
    }

    /// Accepts what waits, for [`next_waiting`](Self::next_waiting), and closes the socket. The requests of these
    /// connections may have arrived before the request to stop; the kernel would reset them.
    ///
    /// For a process that has the listener for itself: another one might leave this one without a connection to accept.
    pub(crate) fn close_and_keep_waiting(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.len() < WAITING_MOST && has_waiting(&self.socket) {
            match self.accept_now() {
                Ok(stream) => waiting.push_back(stream),
                Err(error) if is_interruption(&error) || is_peers_fault(&error) => {}
                // Without a descriptor they can't be served.
                Err(_) => break,
            }
        }
        self.close();
    }

    /// The next connection that waited when the socket was closed.
    pub(crate) fn next_waiting(&self) -> Option<TcpStream> {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// Closes the socket in every process that shares it. From here on connecting is refused.
    pub(crate) fn close(&self) {
        // It can only fail for a socket that is closed already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl AsFd for Backlog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether a connection waits to be accepted from this listener. On a closed one none waits.
pub fn has_waiting(listener: &impl AsFd) -> bool {
    let mut descriptors = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    let is_ready = poll(&mut descriptors, PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
    let events = descriptors[0].revents().unwrap_or(PollFlags::empty());
    is_ready && events.contains(PollFlags::POLLIN) && !events.contains(PollFlags::POLLHUP)
}
