//! The connections of a run, counted.

use serde::{Deserialize, Serialize};

use super::requests::LoopKind;

/// The connections that carry the load.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Connections {
    /// How many the plan asks for at once.
    pub asked: u64,
    /// How many of them could be opened.
    pub opened: u64,
    /// How many could never be opened.
    pub failed: u64,
    /// How many had a good reply within the window, or to a request of it: the reply of a slow operation may come after the
    /// window.
    pub served: u64,
    /// How many connections were opened within the window to replace one that had ended.
    pub reconnects: u64,
}

impl Connections {
    /// How many connections had something to send within the window, or could not be opened, and were never served. In an
    /// open loop the connections take turns: with fewer requests `sent` than connections, some have nothing to send.
    #[must_use]
    pub fn never_served(&self, loop_kind: LoopKind, sent: u64) -> u64 {
        let asked = match loop_kind {
            // A closed loop uses all of them, unless it is to send fewer requests than it has connections.
            LoopKind::Closed => self.asked.min(sent.max(self.failed)),
            LoopKind::Open => self.opened.min(sent) + self.failed,
        };
        asked.saturating_sub(self.served)
    }
}

/// The background connections: they carry no load. How many were opened, and how many were still open at the end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
pub struct BackgroundConnections {
    /// Idle connections: they send nothing.
    pub idle: u64,
    /// How many of these were open at the end.
    pub idle_open: u64,
    /// Silent connections: each sent half a frame, and then nothing.
    pub silent: u64,
    /// How many of these were open at the end.
    pub silent_open: u64,
}

/// The times without any connection on any thread, while none could be opened.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Outage {
    /// How many there were.
    pub count: u64,
    /// Their total length.
    pub total_s: f64,
    /// The length of the longest.
    pub longest_s: f64,
}
