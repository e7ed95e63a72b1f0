//! The messages between `compare` and a keeper.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use meter::Life;
use serde::{Deserialize, Serialize};

/// What the keeper is asked to do. When the connection closes, it ends everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Start the server.
    Start,
    /// Report the last line that the server wrote to stderr.
    LastLine,
    /// Send SIGTERM to the server, kill what is left of it, and report what all of it spent.
    End,
}

/// What the keeper reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// It waits for [`Order::Start`].
    Awake,
    /// The server's first process.
    Started { pid: i32 },
    /// It can't start the server, or can't continue.
    Failed { reason: String },
    /// The first line on stdout that names an address.
    Listening { line: String },
    /// The first line on stdout that names none, if it came before one that does.
    Printed { line: String },
    /// The server closed its stdout.
    Closed,
    /// The server's first process ended before it was asked to.
    Ended(End),
    /// The answer to [`Order::LastLine`].
    LastLine { line: Option<String> },
    /// The answer to [`Order::End`]: no process of the server is left.
    Gone(Gone),
}

/// How a server's first process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    /// As wait(2) has it.
    pub(super) status: i32,
    /// How many processes below it still lived.
    pub(super) left: usize,
}

/// The report on a server that is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gone {
    /// From SIGTERM to the end of its first process.
    pub(crate) drain_us: u64,
    /// What it and all processes below it spent.
    pub(crate) life: Life,
    /// Why its output could not be kept, if so.
    pub(crate) unkept: Option<String>,
}

impl End {
    /// Whether it ended with exit code 1 and left nothing behind: before it was ready that means that it can't run here.
    pub(crate) fn is_refusal(self) -> bool {
        ExitStatus::from_raw(self.status).code() == Some(1) && self.left == 0
    }

    /// Describes it, with the exit status or the signal.
    pub(crate) fn describe(self, when: &str) -> String {
        let status = ExitStatus::from_raw(self.status);
        if status.success() && self.left > 0 {
            let (processes, run) = if self.left == 1 {
                ("1 process", "runs")
            } else {
                (&*format!("{} processes", self.left), "run")
            };
            return format!(
                "went into the background: its first process ended ({status}) and {processes} of it {run} on; start it in \
                 the foreground"
            );
        }
        format!("ended {when} ({status})")
    }
}
