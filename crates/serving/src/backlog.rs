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
    /// For a process that has the listener for itself. Its threads may accept from it at the same time.
    pub(crate) fn close_and_keep_waiting(&self) {
        // Another thread may take a connection just before this one accepts it. It can't fail for a socket.
        let _ = self.socket.set_nonblocking(true);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..WAITING_MOST {
            if !has_waiting(&self.socket) {
                break;
            }
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;
    use std::time::Duration;

    use socket2::{Domain, Type};

    use super::*;

    /// Threads and whoever closes the socket compete for one connection, many times.
    #[test]
    fn closing_never_waits_for_a_connection_that_a_thread_took() {
        let (done, closed) = mpsc::channel();
        thread::spawn(move || {
            for _ in 0..500 {
                close_while_threads_accept();
                done.send(()).unwrap();
            }
        });
        for round in 0..500 {
            let in_time = closed.recv_timeout(Duration::from_secs(30));
            in_time.unwrap_or_else(|_| panic!("round {round}: it waits in accept"));
        }
    }

    fn close_while_threads_accept() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any_port: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
        socket.bind(&any_port.into()).unwrap();
        socket.listen(16).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let backlog = Arc::new(Backlog::new(socket));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let backlog = Arc::clone(&backlog);
                thread::spawn(move || {
                    while !backlog
                        .accept_now()
                        .is_err_and(|error| crate::limits::is_closed(&error))
                    {}
                })
            })
            .collect();
        let clients: Vec<_> = (0..4).map(|_| TcpStream::connect(address).unwrap()).collect();
        backlog.close_and_keep_waiting();
        for thread in threads {
            thread.join().unwrap();
        }
        drop(clients);
    }
}
