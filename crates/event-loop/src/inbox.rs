//! Connections that another thread accepts and delivers to a loop.

use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam::channel::{Receiver, Sender, TryRecvError, unbounded};
use mio::Waker;
use serving::alarm::{Counted, OpenCount};

/// The end of an inbox at which connections are delivered.
#[derive(Debug)]
pub struct Delivery {
    sender: Sender<Delivered>,
    open: OpenCount,
    waker: SharedWaker,
}

/// The end of an inbox at which a loop takes connections. A loop and its successor have clones of one inbox, so that nothing
/// in it is lost when one takes the place of the other.
#[derive(Debug, Clone)]
pub struct Inbox {
    receiver: Receiver<Delivered>,
    waker: SharedWaker,
}

type Delivered = (TcpStream, Counted);
type SharedWaker = Arc<Mutex<Option<Arc<Waker>>>>;

/// What a look into an inbox finds.
pub(crate) enum Mail {
    Connection(TcpStream, Counted),
    Empty,
    /// Nothing, and nothing will come.
    Closed,
}

/// An inbox. Its connections are counted until they end.
#[must_use]
pub fn inbox(open: OpenCount) -> (Delivery, Inbox) {
    let (sender, receiver) = unbounded();
    let waker = SharedWaker::default();
    let inbox = Inbox {
        receiver,
        waker: Arc::clone(&waker),
    };
    (Delivery { sender, open, waker }, inbox)
}

impl Delivery {
    /// How many connections have been delivered and are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.get()
    }

    /// Delivers a connection, and wakes the loop.
    pub fn deliver(&self, stream: TcpStream) {
        // It fails once no loop is left, and closes the connection.
        if self.sender.send((stream, self.open.add())).is_err() {
            return;
        }
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = &*waker {
            // It fails only if the loop has ended.
            let _ = waker.wake();
        }
    }
}

impl Inbox {
    /// From now on a delivery wakes this loop. What was delivered before has to be looked for.
    pub(crate) fn wakes(&self, waker: Arc<Waker>) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    pub(crate) fn take(&self) -> Mail {
        match self.receiver.try_recv() {
            Ok((stream, counted)) => Mail::Connection(stream, counted),
            Err(TryRecvError::Empty) => Mail::Empty,
            Err(TryRecvError::Disconnected) => Mail::Closed,
        }
    }
}
