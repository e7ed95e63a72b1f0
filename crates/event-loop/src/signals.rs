//! Signals as events of the loop. A signal that arrives just before the loop waits would otherwise not end that wait.

use std::io;
use std::os::fd::OwnedFd;

use mio::net::UnixStream;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// The signals that ask a process to stop.
pub const STOP_SIGNALS: [i32; 2] = [SIGTERM, SIGINT];

/// A socket that becomes readable when one of these signals arrives.
pub fn readable_on(signals: &[i32]) -> io::Result<UnixStream> {
    let (receiver, sender) = UnixStream::pair()?;
    let sender = OwnedFd::from(sender);
    for signal in signals {
        pipe::register(*signal, sender.try_clone()?)?;
    }
    Ok(receiver)
}
