//! Connections that another thread accepts and delivers to a loop.

use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
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

/// The end of an inbox at which a loop takes connections. A loop and its successor have clones of one inbox, made in this
/// order, so that nothing in it is lost when one takes the place of the other.
#[derive(Debug)]
pub struct Inbox {
    receiver: Receiver<Delivered>,
    waker: SharedWaker,
    /// A clone has a higher number. A loop that starts late must not take the deliveries of its successor.
    number: u64,
    clones: Arc<AtomicU64>,
}

type Delivered = (TcpStream, Counted);
/// What wakes the loop with the highest number so far.
type SharedWaker = Arc<Mutex<Option<(u64, Arc<Waker>)>>>;

impl Clone for Inbox {
    fn clone(&self) -> Self {
        Self {
            receiver: self.receiver.clone(),
            waker: Arc::clone(&self.waker),
            number: self.clones.fetch_add(1, Ordering::Relaxed) + 1,
            clones: Arc::clone(&self.clones),
        }
    }
}

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
        number: 0,
        clones: Arc::default(),
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
        if let Some((_, waker)) = &*waker {
            // It fails only if the loop has ended.
            let _ = waker.wake();
        }
    }
}

impl Inbox {
    /// From now on a delivery wakes this loop, unless it has a successor that is awake. What was delivered before has to be looked for.
    pub(crate) fn wakes(&self, waker: Arc<Waker>) {
        let mut woken = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if woken.as_ref().is_none_or(|(number, _)| *number <= self.number) {
            *woken = Some((self.number, waker));
        }
    }

    pub(crate) fn take(&self) -> Mail {
        match self.receiver.try_recv() {
            Ok((stream, counted)) => Mail::Connection(stream, counted),
            Err(TryRecvError::Empty) => Mail::Empty,
            Err(TryRecvError::Disconnected) => Mail::Closed,
        }
    }
}
