//! What ends the wait of the main thread when one of its worker threads has news.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;

/// Readable after a worker thread has rung it.
#[derive(Debug)]
pub(crate) struct Alarm {
    readable: EventFd,
    /// The main thread waits for room, so that whoever makes room rings. Without this every connection would cost a write.
    expected: AtomicBool,
}

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        Ok(Self {
            readable: EventFd::from_value_and_flags(0, flags)?,
            expected: AtomicBool::new(false),
        })
    }

    pub(crate) fn ring(&self) {
        // It can't be full, and if it were, it would be readable.
        let _ = self.readable.write(1);
    }

    /// The next one that makes room rings. Look for room after this, because there may be some already.
    pub(crate) fn expect_room(&self) {
        self.expected.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// There is room for one more, as everybody can see by now.
    pub(crate) fn made_room(&self) {
        fence(Ordering::SeqCst);
        if self.expected.load(Ordering::Relaxed) && self.expected.swap(false, Ordering::SeqCst) {
            self.ring();
        }
    }

    /// Waits until it rings, or for this long.
    pub(crate) fn wait(&self, most: Duration) {
        let mut readable = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        // A signal ends the wait early.
        let _ = ppoll(&mut readable, Some(TimeSpec::from_duration(most)), None);
        self.clear();
    }

    pub(crate) fn clear(&self) {
        // The count does not matter, and it may be zero.
        let _ = self.readable.read();
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.readable.as_fd()
    }
}

/// How many connections a worker thread has, those included that it has not taken yet.
#[derive(Debug, Clone)]
pub struct OpenCount {
    open: Arc<AtomicUsize>,
    alarm: Arc<Alarm>,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub struct Counted(OpenCount);

impl OpenCount {
    pub(crate) fn new(alarm: Arc<Alarm>) -> Self {
        Self {
            open: Arc::default(),
            alarm,
        }
    }

    /// How many connections are counted.
    #[must_use]
    pub fn get(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts one more.
    #[must_use]
    pub fn add(&self) -> Counted {
        self.open.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.alarm.made_room();
    }
}
