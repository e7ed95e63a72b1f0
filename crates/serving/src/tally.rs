//! How much of the work came to each worker, for whoever asks how accepting shares it out.
//!
//! Nobody looks at the counts while there is something to serve: a session counts its own requests, they are added up
//! when their connection ends, and a worker writes its sums down when it ends itself.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::{Error, Result};

/// Connections of this process that have ended.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// The requests that were answered on them.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// Counts a connection that has ended, and the requests that were answered on it.
pub fn connection_ended(requests: u64) {
    CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    REQUESTS.fetch_add(requests, Ordering::Relaxed);
}

/// The file of `--tally`.
///
/// It is opened once, before there are workers, so that a file that can't be had is a mistake in the flags; the workers
/// inherit it.
#[derive(Debug, Clone)]
pub struct Tally(Arc<File>);

impl Tally {
    /// Opens a file for lines behind those that it has, or makes one.
    ///
    /// A FIFO is refused: to open one, and to write to it, can wait for a reader for ever. A character device is taken.
    pub(crate) fn open(path: PathBuf) -> std::result::Result<Self, String> {
        let refuse = || "it is not a regular file; give one, or a path for a new one".to_owned();
        let opened = OpenOptions::new()
            .append(true)
            .create(true)
            .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
            .open(path);
        let file = match opened {
            Ok(file) => file,
            // Nobody reads the FIFO, or it is a socket.
            Err(error) if error.raw_os_error() == Some(Errno::ENXIO as i32) => return Err(refuse()),
            Err(error) => return Err(format!("can't append to it: {error}")),
        };
        match file.metadata() {
            Ok(metadata) if metadata.file_type().is_fifo() || metadata.file_type().is_block_device() => {
                Err(refuse())
            }
            Ok(_) => Ok(Self(Arc::new(file))),
            Err(error) => Err(format!("can't append to it: {error}")),
        }
    }

    /// Appends the line of this process, which was the worker of that slot.
    pub(crate) fn append(&self, slot: usize) -> Result<()> {
        let line = format!(
            "{{\"worker\": {slot}, \"pid\": {}, \"connections\": {}, \"requests\": {}}}\n",
            std::process::id(),
            CONNECTIONS.load(Ordering::Relaxed),
            REQUESTS.load(Ordering::Relaxed),
        );
        // In one write: the kernel puts each behind the last, so that lines of several workers don't mix.
        (&*self.0)
            .write_all(line.as_bytes())
            .map_err(Error::system("append to the tally"))
    }
}
