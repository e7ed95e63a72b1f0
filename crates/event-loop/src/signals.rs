//! Signals as events of the loop. A signal that arrives just before the loop waits would otherwise not end that wait.

use std::io;
use std::os::fd::OwnedFd;

use mio::net::UnixStream;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// A socket that becomes readable when the process is asked to stop.
pub(crate) fn readable_on_stop() -> io::Result<UnixStream> {
    let (receiver, sender) = UnixStream::pair()?;
    let sender = OwnedFd::from(sender);
    pipe::register(SIGTERM, sender.try_clone()?)?;
    pipe::register(SIGINT, sender)?;
    Ok(receiver)
}
