//! The state of one thread of the load.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crossbeam::channel;
use mio::Poll;
use protocol::FrameLimit;
use protocol::buffer::ReadBuffer;

use crate::arrivals::{Arrivals, Due};
use crate::clock::{Clock, nanoseconds};
use crate::connection::Connection;
use crate::gaps::Gaps;
use crate::in_system::InSystem;
use crate::marks::Noted;
use crate::outages::Outages;
use crate::pacer::Pacer;
use crate::partition::Partition;
use crate::pauses::PauseDetector;
use crate::plan::{Load, Plan};
use crate::profile::Profile;
use crate::queue::Queue;
use crate::slices::Slice;
use crate::slicing::Slicing;
use crate::source_addresses::SourceAddresses;
use crate::tally::Tally;
use crate::work::Work;

pub(super) const EVENTS_AT_ONCE: usize = 1024;
/// Why a cancelled run ended.
pub(super) const INTERRUPTED: &str = "interrupted";
/// When the load begins, and when the window opens and closes, in nanoseconds of the run's clock.
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

/// Where a thread sends its slices, with their numbers.
pub(crate) type Slices = channel::Sender<(usize, Slice)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    WarmingUp,
    Measuring,
    /// Nothing more is sent; requests in flight may still be answered.
    Finishing,
}

/// The CPU time of a thread, how long it has waited for a CPU, and when that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct CpuReading {
    pub(super) at_ns: u64,
    pub(super) cpu: Duration,
    pub(super) waited: Duration,
}

/// One thread of the load.
pub(crate) struct Driver<'a> {
    pub(super) plan: &'a Plan,
    pub(super) cancel: &'a AtomicBool,
    pub(super) clock: Clock,
    pub(super) pauses: PauseDetector,
    pub(super) timeout_ns: u64,
    /// The bound of latency within which good replies are counted, if they are.
    pub(super) within_ns: Option<u64>,
    pub(super) work: Work,
    pub(super) reply_limit: FrameLimit,
    pub(super) poll: Poll,
    pub(super) sources: &'a SourceAddresses,
    /// The number of this thread. Its connections have every `threads`-th number of the run.
    pub(super) thread: usize,
    pub(super) connections: Vec<Connection>,
    /// The index of the server's address to try first: the one of the last connection.
    pub(super) address: usize,
    /// The number of requests in flight, warm-up included.
    pub(super) outstanding: usize,
    /// The number of the first request that counts, and how many more may be sent in a closed loop.
    pub(super) counts_from: u64,
    pub(super) left: u64,
    /// The number of requests that this thread measures, if it is limited.
    pub(super) budget: Option<u64>,
    /// The number of the next request. Threads count in steps of the number of threads, so that all numbers differ.
    pub(super) next_number: u64,
    pub(super) outgoing: Vec<u8>,
    /// Memory to read into, lent to the connection that reads.
    pub(super) spare: ReadBuffer,
    /// Queue and pacer of an open loop.
    pub(super) open_loop: Option<(Queue, Pacer)>,
    pub(super) in_system: InSystem,
    pub(super) tally: Tally,
    /// The times of single requests, if they are noted.
    pub(super) marks: Option<Noted>,
    pub(super) slice: Slice,
    pub(super) slices: Slices,
    pub(super) next_slice: usize,
    pub(super) slicing: Slicing,
    pub(super) phase: Phase,
    pub(super) schedule: Schedule,
    /// When the phase or the slice changes.
    pub(super) next_edge_ns: u64,
    pub(super) cpu_at_opening: Option<CpuReading>,
    /// The time spent watching the clock.
    pub(super) spun_ns: u64,
    /// The number of open connections, and since when there is none.
    pub(super) open_count: usize,
    pub(super) disconnected_since_ns: u64,
    /// The times without a connection.
    pub(super) outages: Outages,
}

impl<'a> Driver<'a> {
    /// The driver of the thread with this number.
    pub(crate) fn new(
        plan: &'a Plan,
        thread: usize,
        clock: Clock,
        sources: &'a SourceAddresses,
        slices: Slices,
        cancel: &'a AtomicBool,
    ) -> io::Result<Self> {
        let partition = Partition::new(plan.connections, thread, plan.threads);
        let poll = Poll::new()?;
        let parts = plan.work.parts().len();
        Ok(Self {
            plan,
            cancel,
            clock,
            pauses: PauseDetector::new(plan.timeout),
            timeout_ns: nanoseconds(plan.timeout),
            within_ns: plan.within.map(nanoseconds),
            work: plan.work.clone(),
            reply_limit: plan.work.reply_limit(),
            open_loop: open_loop(plan, partition, &poll)?,
            poll,
            sources,
            thread,
            address: 0,
            connections: (0..partition.connections)
                .map(|_| Connection::default())
                .collect(),
            outstanding: 0,
            counts_from: 0,
            left: u64::MAX,
            budget: plan.requests.map(|requests| partition.requests_of(requests)),
            next_number: thread as u64,
            outgoing: Vec::new(),
            spare: ReadBuffer::default(),
            in_system: InSystem::within(0, 0),
            tally: Tally::with_parts(if parts > 1 { parts } else { 0 }),
            marks: plan.marks.then(|| Noted::by_this_thread(clock, partition)),
            slice: Slice::default(),
            slices,
            next_slice: 0,
            slicing: Slicing::from_plan(plan),
            phase: Phase::WarmingUp,
            schedule: Schedule::from(0, plan),
            next_edge_ns: u64::MAX,
            cpu_at_opening: None,
            spun_ns: 0,
            open_count: 0,
            disconnected_since_ns: 0,
            outages: Outages::default(),
        })
    }
}

fn open_loop(plan: &Plan, partition: Partition, poll: &Poll) -> io::Result<Option<(Queue, Pacer)>> {
    let Load::Open {
        rate_per_s,
        arrivals,
        pacing,
    } = plan.load
    else {
        return Ok(None);
    };
    let profile = (!plan.stages.is_empty())
        .then(|| Arc::new(Profile::new(plan.warmup, &plan.stages, partition.fraction())));
    let due = match &profile {
        None => Due::new(arrivals, rate_per_s, partition, plan.seed),
        Some(profile) => Due::staged(arrivals, Arc::clone(profile), partition, plan.seed),
    };
    let requests = match (arrivals, plan.requests, &profile) {
        (Arrivals::Poisson, Some(requests), _) => partition.requests_of(requests) as f64,
        (Arrivals::Poisson, None, Some(profile)) => profile.total(),
        (Arrivals::Poisson, None, None) => rate_per_s * partition.fraction() * plan.duration.as_secs_f64(),
        // Equal gaps are not checked.
        (Arrivals::Uniform, ..) => f64::INFINITY,
    };
    let pacer = Pacer::new(poll.registry(), pacing, plan.fault)?;
    Ok(Some((
        Queue::new(due, Gaps::for_requests(requests), profile),
        pacer,
    )))
}
