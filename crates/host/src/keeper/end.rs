//! How a server's whole tree is ended, whatever its processes did to leave it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use meter::{Cgroup, tree};

/// How long killed processes may take to be gone. One in a disk operation ends after it.
const WITHIN: Duration = Duration::from_secs(10);

/// Kills all processes below this one and in the control group, and waits until they are gone.
///
/// This process is a subreaper. So a process that loses its parent becomes its child, and when it has no child, none is left.
pub(super) fn all(cgroup: Option<&Path>) -> Result<(), String> {
    let own = Pid::this();
    let began = Instant::now();
    loop {
        if let Some(cgroup) = cgroup {
            Cgroup::end_members(cgroup);
        }
        for process in tree::below(own) {
            let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        while let Some(child) = reap() {
            if child == Reaped::NoChild {
                return Ok(());
            }
        }
        if began.elapsed() > WITHIN {
            return Err(format!(
                "{} processes of it are still there {WITHIN:?} after SIGKILL",
                tree::below(own).len()
            ));
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Removes a control group without processes.
pub(super) fn remove(cgroup: &Path) {
    let began = Instant::now();
    while fs::remove_dir(cgroup).is_err() && cgroup.exists() && began.elapsed() < WITHIN {
        Cgroup::end_members(cgroup);
        thread::sleep(Duration::from_millis(2));
    }
}

/// The result of a search for ended children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaped {
    /// This one has ended, with this status.
    Child(Pid, i32),
    /// One was ended by a signal that has no name.
    Unknown,
    /// There is no child, neither living nor ended.
    NoChild,
}

/// Reaps a child that has ended; none if all children live.
pub(super) fn reap() -> Option<Reaped> {
    match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::Exited(pid, code)) => Some(Reaped::Child(pid, code << 8)),
        Ok(WaitStatus::Signaled(pid, signal, core)) => {
            let core = if core { 0x80 } else { 0 };
            Some(Reaped::Child(pid, signal as i32 | core))
        }
        Ok(_) | Err(Errno::EINTR) => None,
        Err(Errno::ECHILD) => Some(Reaped::NoChild),
        // It was ended by a real-time signal, which has no name here.
        Err(_) => Some(Reaped::Unknown),
    }
}
