//! What a process inherits at exec, set to what a server relies on.
//!
//! The program that starts a server may have blocked or ignored signals, set a timer, or started children. The server
//! inherits all of that. The rest is done elsewhere: the standard library ignores SIGPIPE and opens `/dev/null` in place of a
//! closed stdin, stdout or stderr. [`Stop::install`](crate::Stop::install) handles SIGTERM and SIGINT, ignored or not.
//! `program` raises the limit of descriptors.
//!
//! Two things stay as they are. An ignored SIGHUP is the purpose of nohup(1): the server survives the end of its terminal. A
//! server with workers survives it in any case, because there SIGHUP asks for a [rolling restart](crate::restart). By the
//! signal at the parent's death a parent ties the server's life to its own.

use std::io;
use std::sync::atomic::AtomicBool;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::alarm;
use signal_hook::consts::{SIGALRM, SIGPROF, SIGVTALRM, SIGXFSZ};
use signal_hook::flag;

use crate::error::{Error, Result};
use crate::signals;

/// What the handlers below set. It is never read: the handlers only keep their signals from ending the process.
static SURVIVED: AtomicBool = AtomicBool::new(false);

/// Sets what this process relies on. Call it before anything else, while the process has one thread.
pub(crate) fn reset() -> Result<()> {
    let handle = || -> io::Result<()> {
        // Timers of the previous program survive exec, and their signals may be pending already. At a file's size limit a
        // write should fail, and not end the server.
        for signal in [SIGALRM, SIGVTALRM, SIGPROF, SIGXFSZ] {
            flag::register(signal, &SURVIVED)?;
        }
        // Where SIGCHLD is ignored, children can't be waited for.
        signals::notice_children()
    };
    handle().map_err(Error::system("handle signals"))?;
    let _ = alarm::cancel();
    // A write to the terminal of a background job stops it (`stty tostop`), unless it blocks this signal.
    SigSet::from(Signal::SIGTTOU)
        .thread_set_mask()
        .map_err(Error::system("set the signal mask"))
}
