//! A supervisor that accepts for its workers.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::Crew;
use crate::error::{Error, Result};
use crate::limits::{RETRY_PAUSE, is_exhaustion, is_interruption, is_peers_fault, report_exhaustion_once};
use crate::options::{Accept, Options, SupervisionOptions};

impl Crew {
    /// A crew whose supervisor accepts. There is one listener, and accepting from it never blocks.
    pub fn accepting(options: &Options, workers: usize, flags: &SupervisionOptions) -> Result<Self> {
        let crew = Self::open(options, workers, Accept::Shared, flags)?;
        crew.listeners.set_nonblocking()?;
        Ok(crew)
    }

    /// Accepts a connection, if one waits. Never blocks in a supervisor that [accepts](Self::accepting).
    ///
    /// Without a descriptor for it, the next attempt is a little later.
    pub fn accept(&mut self) -> Result<Option<TcpStream>> {
        loop {
            match self.listeners.accept_now() {
                Ok(stream) => return Ok(Some(stream)),
                Err(error) if is_peers_fault(&error) => {}
                Err(error) if is_interruption(&error) => return Ok(None),
                Err(error) if is_exhaustion(&error) => {
                    report_exhaustion_once("accept", &error);
                    self.no_accept_before = Some(Instant::now() + RETRY_PAUSE);
                    return Ok(None);
                }
                Err(error) => return Err(Error::system("accept")(error)),
            }
        }
    }

    /// Whether a connection waits to be accepted.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.listeners.has_waiting()
    }

    /// Closes the listeners. From here on connecting is refused.
    pub fn close(&self) {
        self.listeners.close();
    }

    /// Whether the drain timeout leaves time. The first call starts it.
    pub fn has_time_left(&mut self) -> bool {
        self.children.has_time_left()
    }

    /// Waits for a signal, or for the time to pass, also in a server that stops.
    pub fn pause(&self, timeout: Duration) -> Result<()> {
        self.children.signals().wait(&[], Some(timeout)).map(|_| ())
    }
}
