//! A lock on a file that only one process at a time may write. The kernel drops it when the process ends.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Pid;

use meter::tree;

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    /// None where the file system has no locks.
    _held: Option<Flock<File>>,
}

/// Why there is no lock.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Another process holds it; its number, if that is known.
    Held(Option<i32>),
    Io(io::Error),
}

impl Lock {
    /// Locks an open file, which has this path.
    pub(crate) fn take(file: &File, path: &Path) -> Result<Self, Refused> {
        let copy = file.try_clone().map_err(Refused::Io)?;
        match Flock::lock(copy, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self { _held: Some(lock) }),
            Err((_, Errno::EWOULDBLOCK)) => Err(Refused::Held(writer(path))),
            Err(_) => Ok(Self { _held: None }),
        }
    }

    /// No lock, for tests.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { _held: None }
    }
}

/// A process, other than this one, that has this file open for writing.
fn writer(path: &Path) -> Option<i32> {
    let path = path.canonicalize().ok()?;
    let own = Pid::this().as_raw();
    tree::numbers_in("/proc").filter(|&pid| pid != own).find(|pid| {
        let open = fs::read_dir(format!("/proc/{pid}/fd"));
        let mut open = open.into_iter().flatten().flatten();
        open.any(|fd| {
            // The permissions of the link show how the file was opened.
            let link = fs::symlink_metadata(fd.path());
            link.is_ok_and(|link| link.permissions().mode() & 0o200 != 0)
                && fs::read_link(fd.path()).is_ok_and(|target| target == path)
        })
    })
}
