//! How connections get into a loop: from its listener, from its inbox, or from whoever drives it.

use std::mem;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Instant;

use mio::net::TcpStream;
use mio::unix::SourceFd;
use mio::{Interest, Token};
use serving::alarm::Counted;
use serving::{Error, Result, Visit};

use super::{EVENTS_AT_ONCE, EventLoop, LISTENER, Open, Source, WATCHED};
use crate::acceptor::Acceptor;
use crate::connection::Connection;
use crate::inbox::{Inbox, Mail};

impl EventLoop {
    /// Accepts from this listener, while the loop has fewer than `max_connections` connections. Loops in several threads or
    /// processes may share one. The first [`poll`](Self::poll) registers it, so that a loop that is made and never runs gets
    /// nothing.
    pub fn listen(&mut self, listener: std::net::TcpListener, max_connections: Option<usize>) {
        self.source = Some(Source::Listener(listener, max_connections));
    }

    /// Takes connections from this inbox, from the first [`poll`](Self::poll) on.
    pub fn receive(&mut self, inbox: Inbox) {
        self.source = Some(Source::Inbox(inbox));
    }

    /// Lets the loop's source wake it from now on.
    pub(super) fn register(&mut self, source: Source) -> Result<()> {
        match source {
            Source::Listener(listener, max_connections) => {
                let acceptor = Acceptor::new(listener, max_connections, self.poll.registry(), LISTENER);
                self.acceptor = Some(acceptor.map_err(Error::system("watch the listener"))?);
            }
            Source::Inbox(inbox) => {
                inbox.wakes(self.waker()?);
                self.inbox = Some(inbox);
                self.has_mail = true;
            }
        }
        Ok(())
    }

    /// Accepts all connections that wait, if there is room for them.
    pub fn accept(&mut self) -> Result<()> {
        // After the request to stop, new connections belong to the worker's successor. Here they would be closed as
        // idle.
        if self.stop.has_successor() {
            return Ok(());
        }
        while self.accept_one()? {}
        self.take_mail();
        Ok(())
    }

    /// Accepts a connection. Returns whether there was one, and room for it.
    fn accept_one(&mut self) -> Result<bool> {
        let Some(acceptor) = &mut self.acceptor else {
            return Ok(false);
        };
        let Some(stream) = acceptor.accept(self.poll.registry(), self.connections.len())? else {
            return Ok(false);
        };
        if let Err(stream) = self.add(stream, None) {
            if let Some(acceptor) = &mut self.acceptor {
                acceptor.hold(stream, self.poll.registry(), self.connections.len());
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// Accepts what an event has reported and nobody else takes. Under a flood there is always more, which wakes others.
    pub(super) fn accept_once_more(&mut self) {
        for _ in 0..EVENTS_AT_ONCE {
            // Whatever fails here is the successor's to report.
            if !self.accept_one().unwrap_or(false) {
                return;
            }
        }
    }

    /// Adds what has been delivered.
    fn take_mail(&mut self) {
        while self.has_mail {
            match self.inbox.as_ref().map_or(Mail::Closed, Inbox::take) {
                Mail::Connection(stream, counted) => self.adopt_counted(stream, Some(counted)),
                Mail::Empty => self.has_mail = false,
                Mail::Closed => {
                    self.inbox = None;
                    self.has_mail = false;
                }
            }
        }
    }

    /// Adds a connection, or returns it if the kernel has no memory to watch one more.
    pub(super) fn add(
        &mut self,
        mut stream: TcpStream,
        counted: Option<Counted>,
    ) -> std::result::Result<(), TcpStream> {
        let place = self.connections.vacant_entry();
        let both = Interest::READABLE | Interest::WRITABLE;
        if self
            .poll
            .registry()
            .register(&mut stream, Token(place.key()), both)
            .is_err()
        {
            return Err(stream);
        }
        let key = place.key();
        let visit = Visit::begin(&self.service, || stream.peer_addr());
        let connection = Connection::new(stream, &self.service, &self.lent.clock);
        self.timers.follow(key, connection.deadline());
        self.added += 1;
        place.insert(Box::new(Open {
            number: self.added,
            connection,
            presence: None,
            _visit: visit,
            _counted: counted,
        }));
        Ok(())
    }

    /// Adds a connection that another thread or process has accepted. If the kernel has no memory to watch it, it is
    /// closed.
    pub fn adopt(&mut self, stream: std::net::TcpStream) {
        self.adopt_counted(stream, None);
    }

    fn adopt_counted(&mut self, stream: std::net::TcpStream, counted: Option<Counted>) {
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        let key = self.connections.vacant_key();
        if self.add(TcpStream::from_std(stream), counted).is_err() {
            return;
        }
        // What has arrived by now is all that a loop that drains reads.
        if self.draining {
            let open = &mut self.connections[key];
            open.connection.begin_drain();
            open.connection.notice_queued();
            let id = open.id(key);
            self.ready.push_back(id);
        }
    }

    /// Ends the wait of [`poll`](Self::poll) also when something comes on this descriptor, which the model reads.
    pub fn watch(&mut self, readable: &impl AsFd) -> Result<()> {
        let descriptor = readable.as_fd().as_raw_fd();
        self.watched_event = true;
        self.poll
            .registry()
            .register(&mut SourceFd(&descriptor), WATCHED, Interest::READABLE)
            .map_err(Error::system("watch a descriptor"))
    }

    /// Whether something has come on the watched descriptor since the last call. There may be more than one read returns.
    pub fn take_watched_event(&mut self) -> bool {
        mem::take(&mut self.watched_event)
    }

    /// Ends the wait of [`poll`](Self::poll) at this time at the latest, until another one is set.
    pub fn look_again_at(&mut self, at: Option<Instant>) {
        self.look_again_at = at;
    }
}
