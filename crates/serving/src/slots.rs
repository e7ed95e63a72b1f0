//! Which worker of a fixed set is missing, which one is to be replaced, and when the next one is due. It starts none.

use std::time::Instant;

use nix::unistd::Pid;

use crate::restarts::{EarlyDeaths, Pacing};

/// The slots of a fixed set of workers. A slot's number is its worker's for life, and its successor's.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Vec<Slot>,
    pacing: Pacing,
    start_retries: u32,
    /// No worker that serves is replaced before this time, because the last successor died as it started.
    replace_after: Option<Instant>,
}

#[derive(Debug, Default)]
struct Slot {
    state: State,
    /// It starts, and takes the place of the worker once it is ready.
    successor: Option<Worker>,
    early_deaths: EarlyDeaths,
}

#[derive(Debug)]
enum State {
    /// A worker is missing.
    Vacant { due: Option<Instant> },
    /// A worker serves, or starts to. A worker that drains has left its slot.
    Taken(Worker),
    /// Its workers kept dying.
    GivenUp,
}

#[derive(Debug, Clone, Copy)]
struct Worker {
    pid: Pid,
    since: Instant,
    /// All workers that were there at some time are to be replaced, and this is one of them.
    is_outdated: bool,
}

/// What follows from the end of a process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// It had no slot: it drained, or it is no worker.
    OutsideOfSlots,
    /// Another one takes its place at this time.
    Replaced { at: Instant },
    /// Its successor has started already.
    Succeeded,
    /// It was to take another one's place, which goes on. The next attempt is at this time.
    SuccessorFailed { retry_at: Instant },
    /// The same, once too often: no worker is replaced any more.
    RestartGivenUp,
    /// Its slot is given up, and so many others are left.
    SlotGivenUp { slot: usize, left: usize },
}

impl Slots {
    pub(crate) fn new(count: usize, start_retries: u32) -> Self {
        Self {
            all: (0..count).map(|_| Slot::default()).collect(),
            pacing: Pacing::default(),
            start_retries,
            replace_after: None,
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// Whether a worker serves or starts.
    pub(crate) fn any_taken(&self) -> bool {
        self.all.iter().any(|slot| slot.worker().is_some())
    }

    /// The slot whose next worker is due first, and when. Without a time it is due at once.
    ///
    /// A missing worker comes first. Workers that serve are replaced one after another: the next one once the last
    /// successor is ready.
    pub(crate) fn next_due(&self) -> Option<(Option<Instant>, usize)> {
        let numbered = || self.all.iter().enumerate();
        let vacant = numbered().filter_map(|(number, slot)| match slot.state {
            State::Vacant { due } => Some((due, number)),
            _ => None,
        });
        let replaces_none = self.all.iter().all(|slot| slot.successor.is_none());
        let outdated = numbered()
            .find(|(_, slot)| slot.worker().is_some_and(|worker| worker.is_outdated))
            .filter(|_| replaces_none)
            .map(|(number, _)| (self.replace_after, number));
        vacant.chain(outdated).min()
    }

    /// A worker was started for this slot.
    ///
    /// # Panics
    /// If there is no such slot.
    pub(crate) fn started(&mut self, slot: usize, pid: Pid, now: Instant) {
        let worker = Worker {
            pid,
            since: now,
            is_outdated: false,
        };
        let slot = &mut self.all[slot];
        match slot.state {
            State::Taken(_) => slot.successor = Some(worker),
            State::Vacant { .. } | State::GivenUp => slot.state = State::Taken(worker),
        }
    }

    /// A worker is ready. Returns the one whose place it takes, which has to drain.
    pub(crate) fn ready(&mut self, pid: Pid) -> Option<Pid> {
        let slot = self
            .all
            .iter_mut()
            .find(|slot| slot.successor.is_some_and(|successor| successor.pid == pid))?;
        self.replace_after = None;
        let replaced = slot.worker().map(|worker| worker.pid);
        slot.promote_successor();
        replaced
    }

    /// A worker drains, and leaves its slot. Returns false if it had none.
    pub(crate) fn leave(&mut self, pid: Pid) -> bool {
        for slot in &mut self.all {
            if slot.successor.is_some_and(|successor| successor.pid == pid) {
                slot.successor = None;
                return true;
            }
            if slot.worker().is_some_and(|worker| worker.pid == pid) {
                slot.promote_successor();
                return true;
            }
        }
        false
    }

    /// Whether this process is a worker that serves or starts.
    pub(crate) fn has(&self, pid: Pid) -> bool {
        self.find(pid).is_some()
    }

    /// All workers that there are now are to be replaced.
    pub(crate) fn outdate_all(&mut self) {
        for slot in &mut self.all {
            if let State::Taken(worker) = &mut slot.state {
                worker.is_outdated = true;
            }
            if let Some(successor) = &mut slot.successor {
                successor.is_outdated = true;
            }
        }
    }

    /// A process has ended, in a server that goes on.
    pub(crate) fn died(&mut self, pid: Pid, now: Instant) -> Death {
        let Some((number, dead)) = self.find(pid) else {
            return Death::OutsideOfSlots;
        };
        let slot = &mut self.all[number];
        let is_successor = slot.successor.is_some_and(|successor| successor.pid == pid);
        if !is_successor && slot.successor.is_some() {
            slot.promote_successor();
            return Death::Succeeded;
        }
        let is_one_too_many = slot.early_deaths.count(now - dead.since, self.start_retries);
        if is_successor {
            slot.successor = None;
            if is_one_too_many {
                slot.early_deaths = EarlyDeaths::default();
                self.keep_all();
                return Death::RestartGivenUp;
            }
            let retry_at = now + self.pacing.after(dead.since, now);
            self.replace_after = Some(retry_at);
            return Death::SuccessorFailed { retry_at };
        }
        if is_one_too_many {
            slot.state = State::GivenUp;
            let is_left = |slot: &&Slot| !matches!(slot.state, State::GivenUp);
            let left = self.all.iter().filter(is_left).count();
            return Death::SlotGivenUp { slot: number, left };
        }
        let at = now + self.pacing.after(dead.since, now);
        slot.state = State::Vacant { due: Some(at) };
        Death::Replaced { at }
    }

    fn keep_all(&mut self) {
        self.replace_after = None;
        for slot in &mut self.all {
            if let State::Taken(worker) = &mut slot.state {
                worker.is_outdated = false;
            }
        }
    }

    fn find(&self, pid: Pid) -> Option<(usize, Worker)> {
        self.all.iter().enumerate().find_map(|(number, slot)| {
            let workers = [slot.worker(), slot.successor];
            let found = workers.into_iter().flatten().find(|worker| worker.pid == pid);
            found.map(|worker| (number, worker))
        })
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Vacant { due: None }
    }
}

impl Slot {
    fn worker(&self) -> Option<Worker> {
        match self.state {
            State::Taken(worker) => Some(worker),
            State::Vacant { .. } | State::GivenUp => None,
        }
    }

    /// The slot belongs to the successor, if there is one.
    fn promote_successor(&mut self) {
        self.state = self.successor.take().map_or_else(State::default, State::Taken);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const OLD: [i32; 2] = [10, 11];
    const NEW: [i32; 2] = [20, 21];

    fn pid(number: i32) -> Pid {
        Pid::from_raw(number)
    }

    /// Two slots whose workers are `OLD`.
    fn taken(start_retries: u32, now: Instant) -> Slots {
        let mut slots = Slots::new(2, start_retries);
        for worker in OLD {
            let (_, slot) = slots.next_due().expect("a worker is missing");
            slots.started(slot, pid(worker), now);
        }
        assert_eq!(slots.next_due(), None);
        slots
    }

    #[test]
    fn workers_are_replaced_one_after_another() {
        let now = Instant::now();
        let mut slots = taken(10, now);
        slots.outdate_all();
        for (slot, (old, new)) in OLD.into_iter().zip(NEW).enumerate() {
            assert_eq!(slots.next_due(), Some((None, slot)));
            slots.started(slot, pid(new), now);
            assert_eq!(slots.next_due(), None, "the successor is not ready");
            assert_eq!(slots.ready(pid(new)), Some(pid(old)));
            assert!(!slots.has(pid(old)));
            assert_eq!(slots.died(pid(old), now), Death::OutsideOfSlots);
        }
        assert_eq!(slots.next_due(), None);
    }

    #[test]
    fn a_second_restart_replaces_the_successors_too() {
        let now = Instant::now();
        let mut slots = taken(10, now);
        slots.outdate_all();
        slots.started(0, pid(20), now);
        slots.outdate_all();
        assert_eq!(slots.ready(pid(20)), Some(pid(10)));
        assert_eq!(slots.next_due(), Some((None, 0)));
        slots.started(0, pid(30), now);
        assert_eq!(slots.ready(pid(30)), Some(pid(20)));
        assert_eq!(slots.next_due(), Some((None, 1)));
    }

    #[test]
    fn a_missing_worker_is_started_before_others_are_replaced() {
        let now = Instant::now();
        let mut slots = taken(10, now);
        assert!(slots.leave(pid(11)));
        slots.outdate_all();
        assert_eq!(slots.next_due(), Some((None, 0)));
        slots.started(0, pid(20), now);
        assert_eq!(slots.next_due(), Some((None, 1)));
        slots.started(1, pid(21), now);
        assert_eq!(slots.ready(pid(21)), None);
        assert_eq!(slots.ready(pid(20)), Some(pid(10)));
        assert_eq!(slots.next_due(), None, "the one of slot 1 is not outdated");
    }

    #[test]
    fn a_successor_that_cannot_start_leaves_the_worker() {
        let now = Instant::now();
        let mut slots = taken(1, now);
        slots.outdate_all();
        slots.started(0, pid(20), now);
        let retry_at = now + Duration::from_millis(50);
        assert_eq!(slots.died(pid(20), now), Death::SuccessorFailed { retry_at });
        assert_eq!(slots.next_due(), Some((Some(retry_at), 0)));
        slots.started(0, pid(21), retry_at);
        assert_eq!(slots.died(pid(21), retry_at), Death::RestartGivenUp);
        assert_eq!(slots.next_due(), None);
        assert!(slots.has(pid(10)) && slots.has(pid(11)));
    }

    #[test]
    fn a_worker_that_dies_during_its_restart_has_a_successor() {
        let now = Instant::now();
        let mut slots = taken(0, now);
        slots.outdate_all();
        slots.started(0, pid(20), now);
        assert_eq!(slots.died(pid(10), now), Death::Succeeded);
        assert_eq!(slots.ready(pid(20)), None);
        assert_eq!(slots.next_due(), Some((None, 1)));
    }
}
