//! A lock on a file that one process at a time may write. It goes with the process, however that ends.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Pid;

use meter::tree;

/// Held for as long as it is kept.
#[derive(Debug)]
pub(crate) struct Lock {
    /// None where the file system knows no locks.
    _held: Option<Flock<File>>,
}

/// Why there is no lock.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Another process has it, this one as far as that is known.
    Held(Option<i32>),
    Io(io::Error),
}

impl Lock {
    /// Locks an open file, which is at this path.
    pub(crate) fn of(file: &File, path: &Path) -> Result<Self, Refused> {
        let copy = file.try_clone().map_err(Refused::Io)?;
        match Flock::lock(copy, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self { _held: Some(lock) }),
            Err((_, Errno::EWOULDBLOCK)) => Err(Refused::Held(writer(path))),
            Err(_) => Ok(Self { _held: None }),
        }
    }

    /// None at all, for tests.
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
            // The link's own permissions are those that the file was opened with.
            let link = fs::symlink_metadata(fd.path());
            link.is_ok_and(|link| link.permissions().mode() & 0o200 != 0)
                && fs::read_link(fd.path()).is_ok_and(|target| target == path)
        })
    })
}
