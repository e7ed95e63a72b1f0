//! Waits that hold the thread, and act on signals meanwhile.

use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::stop::Stop;

/// Waits for this long.
pub(crate) fn pause(duration: Duration, stop: Stop) {
    wait(&mut [], Instant::now() + duration, stop);
}

/// Waits for one of these events on a socket, or for an error on it, or until that time. Returns whether there was an
/// event.
pub(crate) fn wait_for(socket: &TcpStream, events: PollFlags, until: Instant, stop: Stop) -> bool {
    wait(&mut [PollFd::new(socket.as_fd(), events)], until, stop)
}

/// The same, but it also returns after a signal, or when it is time to look for one.
pub(crate) fn wait_once_for(socket: &TcpStream, events: PollFlags, until: Instant, stop: Stop) -> bool {
    wait_once(&mut [PollFd::new(socket.as_fd(), events)], until, stop)
}

fn wait(descriptors: &mut [PollFd<'_>], until: Instant, stop: Stop) -> bool {
    loop {
        // A process that is asked to stop in the middle of a long wait begins its drain here.
        stop.handle_signals();
        if wait_once(descriptors, until, stop) {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
    }
}

fn wait_once(descriptors: &mut [PollFd<'_>], until: Instant, stop: Stop) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    let most = stop.look_again().map_or(left, |look_again| left.min(look_again));
    ppoll(descriptors, Some(TimeSpec::from_duration(most)), None).is_ok_and(|ready| ready > 0)
}
