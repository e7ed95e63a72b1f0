//! Running the jobs of a session, on whichever thread calls this.

use std::time::{Duration, Instant};

use protocol::{Clock, Job, Outcome};

use crate::stop::Stop;
use crate::waiting::pause;

/// Runs a job to its end on this thread. The process begins its drain if it is asked to stop meanwhile.
#[must_use]
pub fn perform(job: Job, stop: Stop) -> Outcome {
    job.run(&Attentive(stop))
}

/// A clock that looks for signals as it passes time.
struct Attentive(Stop);

impl Clock for Attentive {
    fn spin(&self, duration: Duration) {
        let start = Instant::now();
        while start.elapsed() < duration {
            self.0.handle_signals();
            std::hint::spin_loop();
        }
    }

    fn block(&self, duration: Duration) {
        pause(duration, self.0);
    }
}
