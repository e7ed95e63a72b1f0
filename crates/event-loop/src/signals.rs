//! Signals as events of the loop, which would else sleep through them.

use std::io;
use std::os::fd::OwnedFd;

use mio::net::UnixStream;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// What becomes readable when the process is asked to stop.
pub(crate) fn readable_on_stop() -> io::Result<UnixStream> {
    let (told, tells) = UnixStream::pair()?;
    let tells = OwnedFd::from(tells);
    pipe::register(SIGTERM, tells.try_clone()?)?;
    pipe::register(SIGINT, tells)?;
    Ok(told)
}
