//! A fixed set of worker threads: started together, replaced together at a restart, and one by one when they end.
//!
//! The threads that serve at the same time are a generation. A restart starts the next generation, and retires the last
//! one: its threads answer what has arrived, and end.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::alarm::{Alarm, OpenCount};
use crate::error::{Error, Result};
use crate::limits::{RETRY_PAUSE, is_exhaustion, report_exhaustion_once, require_stacks};
use crate::log;
use crate::restart::{report_not_replaced, report_replaced};
use crate::restarts::Pacing;
use crate::stop::{Stop, retire_before};
use crate::tally::{Tally, TallyFile};
use crate::worker_thread::{Ended, Link, Running, Work, WorkerThread};

/// How often threads that drain are woken again: a thread may block just after it was woken.
const REPEAT: Duration = Duration::from_millis(50);

/// The worker threads of a process. There can be one such set.
pub struct WorkerThreads {
    count: usize,
    stop: Stop,
    tally: Option<TallyFile>,
    alarm: Arc<Alarm>,
    /// Makes the work of a worker.
    make: Box<dyn FnMut(WorkerThread) -> Result<Work>>,
    generation: Generation,
    /// Threads of earlier generations, and when their connections are closed.
    draining: Vec<(Running, Instant)>,
    /// When those are woken again.
    remind_at: Instant,
    pacing: Pacing,
}

/// The threads that serve.
struct Generation {
    number: u64,
    slots: Vec<Slot>,
    /// Dropping it shows the threads that they are replaced.
    replace: Sender<Infallible>,
    replaced: Receiver<Infallible>,
}

enum Slot {
    Taken(Running),
    /// The worker has ended. Its successor is started at this time.
    Vacant {
        due: Instant,
    },
}

impl WorkerThreads {
    /// No threads yet. `stop` is that of the process.
    pub fn new(count: usize, stop: Stop) -> Result<Self> {
        Self::with_tally(count, stop, None)
    }

    pub(crate) fn with_tally(count: usize, stop: Stop, tally: Option<TallyFile>) -> Result<Self> {
        Ok(Self {
            count,
            stop,
            tally,
            alarm: Arc::new(Alarm::new().map_err(Error::system("make an eventfd"))?),
            make: Box::new(|_| unreachable!("threads are started with what they do")),
            generation: Generation::empty(0),
            draining: Vec::new(),
            remind_at: Instant::now(),
            pacing: Pacing::default(),
        })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// What ends a wait when [`tend`](Self::tend) has something to do.
    pub(crate) fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// A count of connections. A wait for room ends when it falls.
    pub(crate) fn count_connections(&self) -> OpenCount {
        OpenCount::new(Arc::clone(&self.alarm))
    }

    /// Starts the threads. `make` prepares the work of one, and is called again for each successor.
    pub fn start(&mut self, make: impl FnMut(WorkerThread) -> Result<Work> + 'static) -> Result<()> {
        self.make = Box::new(make);
        self.generation = self.start_generation(1)?;
        Ok(())
    }

    /// Replaces all threads: starts the next generation, then retires this one. If not all can be started, none is
    /// replaced.
    pub fn restart(&mut self) {
        let next = match self.start_generation(self.generation.number + 1) {
            Ok(next) => next,
            Err(error) => {
                report_not_replaced(&error);
                return;
            }
        };
        let last = std::mem::replace(&mut self.generation, next);
        // In this order: a thread that drains should take nothing more from a queue.
        drop(last.replace);
        retire_before(self.generation.number);
        let cut_off_at = Instant::now() + self.stop.drain_timeout();
        for running in last.slots.into_iter().filter_map(Slot::into_running) {
            running.wake();
            self.draining.push((running, cut_off_at));
        }
        report_replaced(self.count);
    }

    /// Joins threads that have ended, replaces those that nobody had asked to, and reminds those that should stop. Returns
    /// after which time it has something to do again, if there is one.
    pub fn tend(&mut self) -> Option<Duration> {
        let now = Instant::now();
        for number in 0..self.generation.slots.len() {
            self.tend_slot(number, now);
        }
        self.tend_draining(now);
        let next_vacancy = self.generation.slots.iter().filter_map(Slot::due).min();
        let repeat = (!self.draining.is_empty()).then_some(self.remind_at);
        let next = next_vacancy.into_iter().chain(repeat).min();
        next.map(|due| due.saturating_duration_since(now))
    }

    /// A round through all of them takes time, and this is called for every connection.
    fn tend_draining(&mut self, now: Instant) {
        if self.draining.is_empty() || now < self.remind_at {
            return;
        }
        self.remind_at = now + REPEAT;
        let draining = std::mem::take(&mut self.draining);
        for (running, cut_off_at) in draining {
            if running.has_ended() {
                report(running.join());
                continue;
            }
            if cut_off_at <= now {
                // A handler can't be ended from outside. It finds its connection closed.
                running.cut_off();
            }
            running.wake();
            self.draining.push((running, cut_off_at));
        }
    }

    fn tend_slot(&mut self, number: usize, now: Instant) {
        let slots = &mut self.generation.slots;
        let due = match &slots[number] {
            Slot::Taken(running) if !running.has_ended() => return,
            Slot::Taken(running) => {
                let pause = self.pacing.after(running.since, now);
                let due = now + pause;
                if let Slot::Taken(running) = std::mem::replace(&mut slots[number], Slot::Vacant { due }) {
                    let how = match running.join() {
                        Ok(()) => "ended".to_owned(),
                        Err(error) => format!("ended: {error}"),
                    };
                    let pause_ms = pause.as_millis();
                    log::message(format_args!(
                        "worker thread {number} {how}; another takes its place in {pause_ms} ms"
                    ));
                }
                due
            }
            Slot::Vacant { due } => *due,
        };
        if due > now {
            return;
        }
        let (start, started) = bounded(1);
        // The thread waits for it, whether or not it is started yet.
        let _ = start.send(());
        let Generation {
            number: generation,
            replaced,
            ..
        } = &self.generation;
        let started = self.start_thread(number, *generation, replaced.clone(), started);
        self.generation.slots[number] = match started {
            Ok(running) => Slot::Taken(running),
            Err(error) => {
                match &error {
                    Error::System { what, source } if is_exhaustion(source) => {
                        report_exhaustion_once(what, source);
                    }
                    error => log::message(error),
                }
                Slot::Vacant {
                    due: now + RETRY_PAUSE,
                }
            }
        };
    }

    /// Starts as many threads as there are slots, or none.
    fn start_generation(&mut self, number: u64) -> Result<Generation> {
        require_stacks(self.count).map_err(Error::system("start a thread"))?;
        let mut generation = Generation::empty(number);
        let (start, started) = bounded(self.count);
        for slot in 0..self.count {
            match self.start_thread(slot, number, generation.replaced.clone(), started.clone()) {
                Ok(running) => generation.slots.push(Slot::Taken(running)),
                Err(error) => {
                    // Those that wait for their start end.
                    drop(start);
                    for running in generation.slots.into_iter().filter_map(Slot::into_running) {
                        report(running.join());
                    }
                    return Err(error);
                }
            }
        }
        for _ in 0..self.count {
            // There is room for all of them.
            let _ = start.send(());
        }
        Ok(generation)
    }

    fn start_thread(
        &mut self,
        slot: usize,
        generation: u64,
        replaced: Receiver<Infallible>,
        started: Receiver<()>,
    ) -> Result<Running> {
        let link = Arc::new(Link::default());
        let work = (self.make)(WorkerThread {
            slot,
            stop: self.stop.in_generation(generation),
            max_connections: None,
            tally: Tally::new(slot, self.tally.clone()),
            replaced,
            link: Arc::clone(&link),
            alarm: Arc::clone(&self.alarm),
        })?;
        Running::start(slot, work, link, Arc::clone(&self.alarm), started)
    }

    /// Asks all threads to answer what has arrived, and to end once there is nothing left to take.
    pub fn retire(&self) {
        retire_before(self.generation.number + 1);
        self.serving().for_each(Running::wake);
    }

    /// Waits until a queue has room. [`retire`](Self::retire) has asked all threads to end, which take what is left in it.
    /// Returns false if none of them is left.
    pub(crate) fn wait_for_room(&self, has_room: impl Fn() -> bool) -> bool {
        loop {
            self.alarm.expect_room();
            if has_room() {
                return true;
            }
            if self.serving().all(Running::has_ended) {
                return false;
            }
            self.remind_all();
        }
    }

    /// Waits for all threads to end, which [`retire`](Self::retire) has asked them to.
    pub fn join(self) {
        while !self.all().all(Running::has_ended) {
            self.remind_all();
        }
        let serving = self.generation.slots.into_iter().filter_map(Slot::into_running);
        let draining = self.draining.into_iter().map(|(running, _)| running);
        serving.chain(draining).map(Running::join).for_each(report);
    }

    /// Wakes all threads, and waits for news of them.
    fn remind_all(&self) {
        self.all().for_each(Running::wake);
        self.alarm.wait(REPEAT);
    }

    fn all(&self) -> impl Iterator<Item = &Running> {
        let draining = self.draining.iter().map(|(running, _)| running);
        self.serving().chain(draining)
    }

    fn serving(&self) -> impl Iterator<Item = &Running> {
        self.generation.slots.iter().filter_map(Slot::running)
    }
}

/// Reports what a thread that should end could not do.
fn report(ended: Ended) {
    if let Err(error) = ended {
        log::message(error);
    }
}

impl Generation {
    fn empty(number: u64) -> Self {
        let (replace, replaced) = bounded(0);
        Self {
            number,
            slots: Vec::new(),
            replace,
            replaced,
        }
    }
}

impl Slot {
    fn into_running(self) -> Option<Running> {
        match self {
            Self::Taken(running) => Some(running),
            Self::Vacant { .. } => None,
        }
    }

    fn running(&self) -> Option<&Running> {
        match self {
            Self::Taken(running) => Some(running),
            Self::Vacant { .. } => None,
        }
    }

    fn due(&self) -> Option<Instant> {
        match self {
            Self::Taken(_) => None,
            Self::Vacant { due } => Some(*due),
        }
    }
}

impl fmt::Debug for WorkerThreads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WorkerThreads")
            .field("count", &self.count)
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}
