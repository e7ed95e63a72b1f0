//! One thread's connections and its event loop.
//!
//! A request is sent from where the reply before it was read, without waiting for the socket to be writable: it nearly
//! always is, and to ask the kernel each time costs two system calls a request. Only what did not leave waits for an
//! event. In an open loop a request is sent when it is due and a connection is free, whichever comes last.
//!
//! Here stand the loop and what it waits for; [`sending`], [`replies`], [`connections`], [`looking`] and [`window`] have what it
//! does.

mod connections;
mod looking;
mod replies;
mod sending;
#[cfg(test)]
mod stepped;
mod window;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam::channel;
use mio::event::Event;
use mio::{Events, Poll};
use protocol::FrameLimit;
use protocol::buffer::ReadBuffer;

use self::window::CpuReading;
use crate::arrivals::{Arrivals, Due};
use crate::clock::{Clock, nanoseconds};
use crate::connection::{Connection, State};
use crate::cut::Cut;
use crate::gaps::Gaps;
use crate::in_system::InSystem;
use crate::line::Line;
use crate::outages::Outages;
use crate::pacer::{Pacer, TIMER, Wait};
use crate::pauses::Watch;
use crate::plan::{Load, Plan};
use crate::profile::Profile;
use crate::share::Share;
use crate::slices::Slice;
use crate::sources::Sources;
use crate::tally::Tally;
use crate::work::Work;

const EVENTS_AT_ONCE: usize = 1024;
/// Why a run ends that was cancelled.
const INTERRUPTED: &str = "interrupted";
/// For how many timeouts connections are tried at least, where a server that answers no SYN would hold up the run for ever.
const CONNECT_TIMEOUTS_MOST: u64 = 3;

/// When the load begins, and when it is measured, in nanoseconds of the run's clock.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "units stand last in a name")]
pub(crate) struct Schedule {
    pub(crate) begins_ns: u64,
    pub(crate) opens_ns: u64,
    pub(crate) closes_ns: u64,
}

impl Schedule {
    pub(crate) fn from(begins_ns: u64, plan: &Plan) -> Self {
        let opens_ns = begins_ns + nanoseconds(plan.warmup);
        Self {
            begins_ns,
            opens_ns,
            closes_ns: opens_ns + nanoseconds(plan.window()),
        }
    }
}

/// A thread's slice of the window, and its number.
pub(crate) type Slices = channel::Sender<(usize, Slice)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmingUp,
    Measuring,
    /// Nothing more is sent; what is on its way is awaited.
    Finishing,
}

/// One thread of the load.
pub(crate) struct Driver<'a> {
    plan: &'a Plan,
    cancel: &'a AtomicBool,
    clock: Clock,
    watch: Watch,
    timeout_ns: u64,
    work: Work,
    reply_limit: FrameLimit,
    poll: Poll,
    sources: &'a Sources,
    /// The number, among all connections of the run, of this thread's first; the next is `threads` later.
    thread: usize,
    connections: Vec<Connection>,
    /// Which of the server's addresses a connection tries first: the last that one was opened to.
    address: usize,
    /// How many requests are on their way, warm-up included.
    outstanding: usize,
    /// The first number that counts, and how many more may be sent in a closed loop.
    counts_from: u64,
    left: u64,
    /// How many requests this thread measures, where they are counted.
    budget: Option<u64>,
    /// The next request's number. Threads count in steps of their number, so that no two send the same.
    next_number: u64,
    outgoing: Vec<u8>,
    /// Memory to read into, lent to whichever connection reads.
    spare: ReadBuffer,
    /// The open loop, if this is one.
    open: Option<(Line, Pacer)>,
    in_system: InSystem,
    tally: Tally,
    slice: Slice,
    slices: Slices,
    next_slice: usize,
    cut: Cut,
    phase: Phase,
    schedule: Schedule,
    /// When the phase or the slice changes.
    next_edge_ns: u64,
    cpu_at_opening: Option<CpuReading>,
    /// Time in which the clock was looked at and nothing else was to be done.
    spun_ns: u64,
    /// How many connections are open, and since when there is none if there is none.
    open_now: usize,
    none_since_ns: u64,
    /// When there was none, and none could be opened.
    outages: Outages,
}

impl<'a> Driver<'a> {
    /// The driver of the plan's thread of this number.
    pub(crate) fn new(
        plan: &'a Plan,
        thread: usize,
        clock: Clock,
        sources: &'a Sources,
        slices: Slices,
        cancel: &'a AtomicBool,
    ) -> io::Result<Self> {
        let share = Share::of(plan.connections, thread, plan.threads);
        let poll = Poll::new()?;
        let parts = plan.work.parts().len();
        Ok(Self {
            plan,
            cancel,
            clock,
            watch: Watch::new(plan.timeout),
            timeout_ns: nanoseconds(plan.timeout),
            work: plan.work.clone(),
            reply_limit: plan.work.reply_limit(),
            open: open_loop(plan, share, &poll)?,
            poll,
            sources,
            thread,
            address: 0,
            connections: (0..share.connections).map(|_| Connection::default()).collect(),
            outstanding: 0,
            counts_from: 0,
            left: u64::MAX,
            budget: plan.requests.map(|requests| share.part_of(requests)),
            next_number: thread as u64,
            outgoing: Vec::new(),
            spare: ReadBuffer::default(),
            in_system: InSystem::within(0, 0),
            tally: Tally::with_parts(if parts > 1 { parts } else { 0 }),
            slice: Slice::default(),
            slices,
            next_slice: 0,
            cut: Cut::of_plan(plan),
            phase: Phase::WarmingUp,
            schedule: Schedule::from(0, plan),
            next_edge_ns: u64::MAX,
            cpu_at_opening: None,
            spun_ns: 0,
            open_now: 0,
            none_since_ns: 0,
            outages: Outages::default(),
        })
    }

    /// Runs the load to its end, and gives what was counted, with the connections: whoever looks at the server when the
    /// window closes is to find them open.
    pub(crate) fn run(mut self, schedule: Schedule) -> io::Result<(Tally, Vec<Connection>)> {
        self.begin(schedule);
        // Timeouts are looked for this often: a request is given up at most a twentieth later than it should be.
        let sweep_every_ns = (self.timeout_ns / 20).clamp(1_000_000, 100_000_000);
        let mut next_sweep_ns = schedule.begins_ns + sweep_every_ns;
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        // A thread that was woken too late to begin in time was held up as well.
        let mut looked_ns = schedule.begins_ns;
        while self.phase != Phase::Finishing || self.outstanding > 0 {
            let wait = self.next_wait(self.watch.looked_ns(), next_sweep_ns.min(self.next_edge_ns))?;
            self.wait(&mut events, wait)?;
            let now_ns = self.look_after(wait);
            let (overslept, mut sent) = self.send_before_receiving(&events, wait, now_ns);
            for event in events.iter().filter(|event| event.token() != TIMER) {
                self.on_event(event);
            }
            if self.watch.is_catching_up {
                self.catch_up();
            }
            let now_ns = self.look();
            sent += self.send_due(now_ns);
            if let Some((_, pacer)) = &mut self.open {
                pacer.sent(overslept, sent - overslept);
            }
            if wait.is_zero() {
                self.tally.longest_gap_ns = self.tally.longest_gap_ns.max(now_ns - looked_ns);
                if events.is_empty() && sent == 0 && self.phase == Phase::Measuring {
                    self.looked_in_vain(now_ns - looked_ns);
                }
            }
            looked_ns = now_ns;
            if self.has_had_all() {
                self.close_window(now_ns);
            }
            if now_ns >= next_sweep_ns && !self.watch.is_catching_up {
                next_sweep_ns = now_ns + sweep_every_ns;
                self.sweep(now_ns);
                self.tally.ended_early = self.ends_early();
                if self.tally.ended_early.is_some() {
                    break;
                }
                self.look();
            }
        }
        Ok(self.finish())
    }

    /// Sends what has fallen due during the wait, before the replies are read that came in it: a request leaves late by all
    /// that is done before it, whereas a reply's time is that of one read in any case. Says how many were overslept, and how
    /// many were sent.
    fn send_before_receiving(&mut self, events: &Events, waited: Duration, now_ns: u64) -> (usize, usize) {
        if self.open.is_none() {
            return (0, 0);
        }
        let sent = self.send_due(now_ns);
        let woken = !waited.is_zero() && events.iter().any(|event| event.token() == TIMER);
        (if woken { sent } else { 0 }, sent)
    }

    fn begin(&mut self, schedule: Schedule) {
        self.schedule = schedule;
        self.watch.begin(self.clock.now_ns());
        self.next_edge_ns = schedule.opens_ns;
        self.open_now = self.count_open();
        self.none_since_ns = schedule.begins_ns;
        self.outages = Outages::default();
        self.in_system = InSystem::within(schedule.opens_ns, schedule.closes_ns);
        if let Some((line, _)) = &mut self.open {
            line.begin(schedule.begins_ns, schedule.opens_ns);
        }
        for index in 0..self.connections.len() {
            // Whatever has come before the first request is the reply to none.
            if self.connections[index].state == State::Open {
                self.receive(index);
            }
        }
        while self.clock.now_ns() < schedule.begins_ns {
            std::hint::spin_loop();
        }
        self.watch.begin(schedule.begins_ns);
        for index in 0..self.connections.len() {
            let now_ns = self.look();
            self.put_to_use(index, now_ns);
        }
    }

    fn ends_early(&self) -> Option<String> {
        if self.cancel.load(Ordering::Relaxed) {
            return Some(INTERRUPTED.to_owned());
        }
        let (target, ride_out_ns) = (&self.plan.target, nanoseconds(self.plan.ride_out));
        if self.outages.refused_for_ns().is_some_and(|ns| ns > ride_out_ns) {
            return Some(format!("the server at {target} is gone"));
        }
        // A window that lasts until its last request may never end without a connection.
        self.budget?;
        let (failed_ns, failure) = self.outages.failed_for_ns()?;
        let most_ns = ride_out_ns.max(self.timeout_ns.saturating_mul(CONNECT_TIMEOUTS_MOST));
        let failed = Duration::from_nanos(failed_ns);
        (failed_ns > most_ns)
            .then(|| format!("no connection to {target} could be opened for {failed:.1?} ({failure})"))
    }

    /// How long to wait for events at the most.
    fn next_wait(&mut self, now_ns: u64, most_ns: u64) -> io::Result<Duration> {
        let sleep = |most_ns| Duration::from_nanos(most_ns);
        let finishing = self.phase == Phase::Finishing;
        match &mut self.open {
            Some((_, pacer)) if pacer.never_sleeps() => Ok(Duration::ZERO),
            Some((line, pacer)) if !finishing && !line.is_idle() => {
                match pacer.until(line.next_due_ns(), now_ns, most_ns)? {
                    Wait::Spin => Ok(Duration::ZERO),
                    Wait::Sleep { most_ns } => Ok(sleep(most_ns)),
                }
            }
            // Nothing can be sent before something comes.
            _ => Ok(sleep(most_ns.saturating_sub(now_ns))),
        }
    }

    fn wait(&mut self, events: &mut Events, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other,
        }
    }

    fn on_event(&mut self, event: &Event) {
        let index = event.token().0;
        let connection = &mut self.connections[index];
        connection.told(event);
        match connection.state {
            State::Down { .. } => {}
            State::Connecting { .. } => {
                if self.finish_connect(index) {
                    if event.is_readable() {
                        self.receive(index);
                    }
                    // It was counted as opened at this time, so it is put to use in the same phase.
                    self.put_to_use(index, self.watch.looked_ns());
                }
            }
            State::Open => {
                if event.is_writable() && !connection.can_send() {
                    connection.send_rest();
                    let now_ns = self.look();
                    self.put_to_use(index, now_ns);
                }
                self.receive(index);
            }
        }
    }
}

fn open_loop(plan: &Plan, share: Share, poll: &Poll) -> io::Result<Option<(Line, Pacer)>> {
    let Load::Open {
        rate_per_s,
        arrivals,
        pacing,
    } = plan.load
    else {
        return Ok(None);
    };
    let profile = (!plan.stages.is_empty()).then(|| Arc::new(Profile::of_plan(plan, share.fraction())));
    let due = match &profile {
        None => Due::new(arrivals, rate_per_s, share, plan.seed),
        Some(profile) => Due::staged(arrivals, Arc::clone(profile), share, plan.seed),
    };
    let requests = match (arrivals, plan.requests, &profile) {
        (Arrivals::Poisson, Some(requests), _) => share.part_of(requests) as f64,
        (Arrivals::Poisson, None, Some(profile)) => profile.total(),
        (Arrivals::Poisson, None, None) => rate_per_s * share.fraction() * plan.duration.as_secs_f64(),
        // Nothing is asked of gaps that are all the same.
        (Arrivals::Uniform, ..) => f64::INFINITY,
    };
    let pacer = Pacer::new(poll.registry(), pacing, plan.fault)?;
    Ok(Some((Line::new(due, Gaps::of(requests), profile), pacer)))
}

#[cfg(test)]
mod tests;
