//! A fixed set of workers: who is missing, and when to fork the next.

use std::time::{Duration, Instant};

use nix::sys::wait::WaitStatus;
use nix::unistd::{ForkResult, Pid};

use crate::children::{Children, Fork};
use crate::limits::{RETRY_PAUSE, is_exhaustion, tell_once, tell_once_for_all};
use crate::options::program;
use crate::signals::Stop;
use crate::telling::tell;
use crate::{Error, Result};

/// A set of workers with a seat for each, and their supervisor.
#[derive(Debug)]
pub struct Crew {
    children: Children,
    /// Who sits where. A seat's number is its worker's for life, and its successor's.
    seats: Vec<Option<Seated>>,
    pacing: Pacing,
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct Seated {
    pid: Pid,
    since: Instant,
}

impl Crew {
    /// A crew of so many workers, none of which is there yet.
    pub fn of(workers: usize, stop: Stop) -> Result<Self> {
        tell_once_for_all().map_err(Error::system("make an eventfd"))?;
        let seats = (0..workers).map(|_| None).collect();
        Ok(Self {
            children: Children::watch(stop)?,
            seats,
            pacing: Pacing::default(),
            not_before: None,
        })
    }

    /// What a worker looks at to learn that it should stop.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.children.stop()
    }

    /// Waits until a worker is missing and due, and gives its seat; none once the process has been asked to stop.
    pub fn vacancy(&mut self) -> Result<Option<usize>> {
        loop {
            while let Some((pid, status)) = self.children.reap() {
                self.bury(pid, status);
            }
            if self.children.signals().stopping() {
                return Ok(None);
            }
            let pause = self
                .not_before
                .map(|due| due.saturating_duration_since(Instant::now()));
            match self.seats.iter().position(Option::is_none) {
                Some(seat) if pause.is_none_or(|pause| pause.is_zero()) => return Ok(Some(seat)),
                Some(_) => self.children.signals().wait(None, pause)?,
                None => self.children.signals().wait(None, None)?,
            };
        }
    }

    /// Forks the worker of a seat. Where the limit of processes is reached the seat stays vacant, and is due again a
    /// little later.
    pub fn fork(&mut self, seat: usize) -> Result<Fork> {
        match self.children.try_fork() {
            Ok(ForkResult::Child) => Ok(Fork::Child),
            Ok(ForkResult::Parent { child }) => {
                self.seats[seat] = Some(Seated {
                    pid: child,
                    since: Instant::now(),
                });
                Ok(Fork::Parent)
            }
            Err(Error::System { source, .. }) if is_exhaustion(&source) => {
                tell_once("fork a worker", &source);
                self.not_before = Some(Instant::now() + RETRY_PAUSE);
                Ok(Fork::Parent)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until all workers have finished what had arrived, and kills those that take too long.
    pub fn drain(&mut self) -> Result<()> {
        self.children.drain()
    }

    fn bury(&mut self, pid: Pid, status: WaitStatus) {
        let now = Instant::now();
        let Some(seat) = self
            .seats
            .iter_mut()
            .find(|seat| seat.as_ref().is_some_and(|seated| seated.pid == pid))
        else {
            return;
        };
        let Some(worker) = seat.take() else { return };
        if self.children.signals().stopping() {
            return;
        }
        let pause = self.pacing.after(worker.since, now);
        self.not_before = Some(now + pause);
        let how = match status {
            WaitStatus::Signaled(_, signal, _) => format!("was killed by {signal}"),
            WaitStatus::Exited(_, code) => format!("exited with {code}"),
            other => format!("ended ({other:?})"),
        };
        tell(format_args!(
            "{}: worker {pid} {how}; another takes its place in {} ms",
            program(),
            pause.as_millis()
        ));
    }
}

/// How long to wait before a worker is replaced: hardly at all, unless they keep dying.
#[derive(Debug, Default)]
struct Pacing {
    last_pause: Duration,
    last_death: Option<Instant>,
}

impl Pacing {
    /// A worker that lived this long shows that the last fork did well.
    const LONG_LIFE: Duration = Duration::from_secs(2);
    const FIRST_PAUSE: Duration = Duration::from_millis(50);
    const LONGEST_PAUSE: Duration = Duration::from_secs(5);

    /// The pause before the successor of a worker that was born and died at these times.
    ///
    /// Of workers that die together only the first makes the pause grow: the others were there before it, and say nothing
    /// of how its successor would have fared.
    fn after(&mut self, born: Instant, died: Instant) -> Duration {
        let is_successor = self.last_death.is_none_or(|last_death| born >= last_death);
        self.last_death = Some(died);
        if died - born >= Self::LONG_LIFE {
            self.last_pause = Duration::ZERO;
        } else if is_successor {
            self.last_pause = (self.last_pause * 2).clamp(Self::FIRST_PAUSE, Self::LONGEST_PAUSE);
        }
        self.last_pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YOUNG: Duration = Duration::from_millis(10);

    #[test]
    fn the_pause_grows_while_successors_die_young_and_is_forgotten_when_one_lives() {
        let (mut pacing, mut now) = (Pacing::default(), Instant::now());
        let mut die_after = |lived: Duration| {
            let born = now;
            now += lived;
            pacing.after(born, now).as_millis()
        };
        let pauses: Vec<_> = (0..10).map(|_| die_after(YOUNG)).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert_eq!(die_after(Duration::from_secs(60)), 0);
        assert_eq!(die_after(YOUNG), 50);
    }

    #[test]
    fn workers_that_die_together_are_one_death() {
        let (mut pacing, born) = (Pacing::default(), Instant::now());
        let pauses: Vec<_> = (0..10)
            .map(|_| pacing.after(born, born + YOUNG).as_millis())
            .collect();
        assert_eq!(pauses, [50; 10]);
    }
}
