//! Who gets the next connection: the loop that has the fewest.

use std::net::TcpStream;

use event_loop::{Delivery, Inbox, inbox};
use serving::ThreadPool;

/// The way of connections to the loops.
#[derive(Debug)]
pub(crate) struct Dealer {
    loops: Vec<Delivery>,
    /// The loop whose turn it is, among those that have equally few.
    next: usize,
}

impl Dealer {
    /// It deals to the inboxes, of which each loop takes the one with its number.
    pub(crate) fn new(threads: &ThreadPool) -> (Self, Vec<Inbox>) {
        let inboxes = (0..threads.workers()).map(|_| inbox(threads.count_connections()));
        let (loops, inboxes) = inboxes.unzip();
        (Self { loops, next: 0 }, inboxes)
    }

    /// How many connections all loops have, those included that they have not taken yet.
    pub(crate) fn open(&self) -> usize {
        self.loops.iter().map(Delivery::open).sum()
    }

    /// Gives a connection to the loop that has the fewest, those included that it has not taken yet. Ties are broken in turn.
    pub(crate) fn deal(&mut self, connection: TcpStream) {
        let in_turn = (self.next..self.loops.len()).chain(0..self.next);
        let fewest = in_turn
            .min_by_key(|&slot| self.loops[slot].open())
            .unwrap_or_default();
        self.loops[fewest].deliver(connection);
        self.next = (fewest + 1) % self.loops.len();
    }
}
