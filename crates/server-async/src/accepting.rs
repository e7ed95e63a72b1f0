//! A listener in an event loop, which may share it with other loops.

use std::io;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use rustix::event::epoll::{self, EventData, EventFlags};
use serving::Listener;

/// A listener that may be in the epoll instances of several processes.
///
/// A new connection makes a shared listener readable for all of them, and without further ado the kernel would wake every
/// one, for all but one to find nothing (the thundering herd). `EPOLLEXCLUSIVE` has it wake one; mio does not set it, so
/// the listener adds itself. As with all else in the loop the event is an edge, so that a listener that can't be accepted
/// from, for want of descriptors, does not make the loop spin.
#[derive(Debug)]
pub struct SharedListener(TcpListener);

impl SharedListener {
    /// A clone of a listener, for this process's loop.
    pub fn new(listener: &Listener) -> io::Result<Self> {
        let listener = listener.to_std()?;
        // The flag belongs to the socket, not to the descriptor: for all who share it accept no longer blocks.
        listener.set_nonblocking(true)?;
        Ok(Self(TcpListener::from_std(listener)))
    }

    /// Accepts a connection, if there is one.
    pub fn accept(&self) -> io::Result<TcpStream> {
        self.0.accept().map(|(stream, _)| stream)
    }
}

impl Source for SharedListener {
    fn register(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::ET | EventFlags::EXCLUSIVE;
        epoll::add(
            registry,
            &self.0,
            EventData::new_u64(usize::from(token) as u64),
            flags,
        )?;
        Ok(())
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        // What was added exclusively can't be modified (epoll_ctl(2)).
        self.deregister(registry)?;
        self.register(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        Ok(epoll::delete(registry, &self.0)?)
    }
}
