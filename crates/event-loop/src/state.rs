//! The states of a connection: what its next reply waits for, what a read would find, and how far its close has come.

use std::time::Instant;

/// What the next reply waits for. Meanwhile the connection is not idle, however long it is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pending {
    Nothing,
    /// A `sleep` that ends at this time.
    Sleep(Instant),
    /// A job that runs on some thread.
    Job,
}

/// What a read would find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// Perhaps bytes.
    Unknown,
    /// Nothing before the next event: a read came back short or empty.
    Emptied,
    /// The end, behind what is unread. No further event reports it.
    Ending,
}

/// How far the close has come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Closing {
    /// The conversation goes on.
    No,
    /// The last reply is written, and the sending side is closed. To close the connection at once would reset it. So
    /// bytes from the peer are read and dropped, until this time and up to this many.
    Lingering { until: Instant, left_bytes: usize },
    /// No reply can arrive any more: the connection has failed, or both sides have closed it.
    Vanished,
}

impl Input {
    /// An event, or time that has passed, may have brought bytes.
    pub(crate) fn may_have_more(&mut self) {
        if *self == Self::Emptied {
            *self = Self::Unknown;
        }
    }
}
