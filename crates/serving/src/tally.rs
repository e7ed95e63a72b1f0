//! How many connections and requests each worker served, for those who compare ways of accepting.
//!
//! A session counts its own requests. Its worker adds them up when the connection ends, and writes the sums down when it
//! ends itself. So nothing is counted where there is something to serve.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::error::{Error, Result};
use crate::options::TallyOptions;

/// What a worker has served so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served {
    /// Connections that have ended.
    pub connections: u64,
    /// Requests that were answered on them.
    pub requests: u64,
}

impl Served {
    /// Adds a connection that has ended, with the requests that were answered on it.
    pub fn add(&mut self, requests: u64) {
        self.connections += 1;
        self.requests += requests;
    }
}

/// The file of `--tally`. It is opened once, before there are workers, which inherit it.
#[derive(Debug, Clone)]
pub(crate) struct TallyFile(Arc<File>);

impl TallyFile {
    /// The file that the flag names, if it was given.
    pub(crate) fn from_options(options: &TallyOptions) -> Result<Option<Self>> {
        options.tally.as_deref().map(Self::open).transpose()
    }

    /// Opens a file for lines behind those that it has, or makes one.
    ///
    /// A FIFO is refused: to open one, and to write to it, can wait for a reader for ever. A character device is taken.
    fn open(path: &Path) -> Result<Self> {
        open_for_appending(path)
            .map(|file| Self(Arc::new(file)))
            .map_err(|problem| Error::flag("--tally <FILE>", path.display(), problem))
    }
}

fn open_for_appending(path: &Path) -> std::result::Result<File, String> {
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
        Ok(_) => Ok(file),
        Err(error) => Err(format!("can't append to it: {error}")),
    }
}

/// The line of one worker in the file of `--tally`, if there is one.
#[derive(Debug)]
pub struct Tally {
    slot: usize,
    file: Option<TallyFile>,
}

impl Tally {
    pub(crate) fn new(slot: usize, file: Option<TallyFile>) -> Self {
        Self { slot, file }
    }

    /// Appends the line of this process, which served this much. It is the last thing that a worker does.
    pub fn append(self, served: Served) -> Result<()> {
        let Some(TallyFile(file)) = self.file else {
            return Ok(());
        };
        let line = format!(
            "{{\"worker\": {}, \"pid\": {}, \"connections\": {}, \"requests\": {}}}\n",
            self.slot,
            std::process::id(),
            served.connections,
            served.requests,
        );
        // In one write: the kernel puts each behind the last, so that lines of several workers don't mix.
        (&*file)
            .write_all(line.as_bytes())
            .map_err(Error::system("append to the tally"))
    }
}
