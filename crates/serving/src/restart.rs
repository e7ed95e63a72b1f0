//! SIGHUP as a request for a rolling restart: each worker is replaced by a new one, and drains.

use crate::error::{Error, Result};
use crate::log;
use crate::signals::{notice_restarts, take_restart};

/// Notices SIGHUP in a server with workers. Without it, SIGHUP ends the process.
#[derive(Debug)]
pub struct Restart(());

impl Restart {
    /// Takes SIGHUP as a request to replace all workers from now on, also where the program that started this one had
    /// ignored it: a server that survives the end of its terminal is what nohup(1) is for.
    pub fn install() -> Result<Self> {
        notice_restarts().map_err(Error::system("handle SIGHUP"))?;
        Ok(Self(()))
    }

    /// Whether SIGHUP has come since the last call. Several at the same time count as one.
    #[must_use]
    pub fn requested(&self) -> bool {
        take_restart()
    }
}

/// Reports that a restart has failed, so that the old worker threads go on. There is no second attempt: the reason may last,
/// and each attempt costs all the threads that it starts.
pub fn report_not_replaced(error: &Error) {
    log::message(format_args!(
        "SIGHUP: the worker threads are not replaced: {error}"
    ));
}

/// Reports that so many worker threads have taken the place of as many others.
pub fn report_replaced(workers: usize) {
    if workers == 1 {
        log::message("SIGHUP: a new worker thread serves; the old one drains");
    } else {
        log::message(format_args!(
            "SIGHUP: {workers} new worker threads serve; the old ones drain"
        ));
    }
}
