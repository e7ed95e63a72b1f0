//! What workers report to their supervisor: that they are ready, that they drain, that they have no room.
//!
//! All workers share one socket, so the number of workers does not change how many descriptors each holds. The kernel adds
//! the sender's process id to each report (`SO_PASSCRED`). So a signal handler can report that a worker drains. The
//! supervisor knows it at once, whatever the worker is doing.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg, send, setsockopt, sockopt};
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::error::{Error, Result};
use crate::limits::require_spare_descriptor;
use crate::signals::is_asked;

/// A report is one byte.
const READY: u8 = b'R';
const FULL: u8 = b'F';

/// What a worker reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// It serves.
    Ready,
    /// It has no descriptor for another connection.
    Full,
    /// It was asked to stop: it accepts nothing more, and ends when it has answered what had arrived.
    Drains,
}

/// The supervisor's end.
#[derive(Debug)]
pub(crate) struct Reports(UnixStream);

/// The end of a worker.
#[derive(Debug)]
pub struct Reporter(UnixStream);

/// Makes both ends. From now on a SIGTERM or SIGINT to this process, or to one that it forks, is reported.
pub(crate) fn reports() -> io::Result<(Reports, Reporter)> {
    let (reports, reporter) = UnixStream::pair()?;
    setsockopt(&reports, sockopt::PassCred, &true)?;
    for signal in [SIGTERM, SIGINT] {
        pipe::register(signal, OwnedFd::from(reporter.try_clone()?))?;
    }
    Ok((Reports(reports), Reporter(reporter)))
}

impl Reports {
    /// The next report that has come, and the process that sent it. Never blocks.
    pub(crate) fn next(&self) -> Option<(Pid, Report)> {
        let mut byte = [0];
        let mut iov = [io::IoSliceMut::new(&mut byte)];
        let mut control = nix::cmsg_space!(UnixCredentials);
        let message = recvmsg::<()>(
            self.0.as_raw_fd(),
            &mut iov,
            Some(&mut control),
            MsgFlags::MSG_DONTWAIT,
        )
        .ok()
        .filter(|message| message.bytes == 1)?;
        let sender = message.cmsgs().ok()?.find_map(|control| match control {
            ControlMessageOwned::ScmCredentials(sender) => Some(Pid::from_raw(sender.pid())),
            _ => None,
        })?;
        let report = match byte {
            [READY] => Report::Ready,
            [FULL] => Report::Full,
            _ => Report::Drains,
        };
        Some((sender, report))
    }
}

impl AsFd for Reports {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Reporter {
    /// Reports that this process serves. It needs a descriptor for a connection.
    ///
    /// In a server that stops it does nothing: the reports are not read any more, and the socket may be full.
    pub fn ready(&self) -> Result<()> {
        require_spare_descriptor()?;
        if is_asked() {
            return Ok(());
        }
        (&self.0)
            .write_all(&[READY])
            .map_err(Error::system("report to the supervisor"))
    }
    /// Reports that this process has no descriptor for another connection. Never blocks: if the socket is full, the
    /// supervisor does not learn it now.
    pub fn full(&self) {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let _ = send(self.0.as_raw_fd(), &[FULL], flags);
    }
}
