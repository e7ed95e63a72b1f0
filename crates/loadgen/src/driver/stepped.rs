//! A driver whose time is stepped by hand, on fake open connections: what is sent is dropped, and what is received comes from
//! the test.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::channel;
use protocol::Reply;

use super::state::{Driver, Schedule};
use crate::arrivals::Arrivals;
use crate::clock::Clock;
use crate::connection::State;
use crate::plan::{Load, Pacing, Plan};
use crate::slices::Slice;
use crate::source_addresses::SourceAddresses;
use crate::tally::Tally;
use crate::work::{Params, Work};

pub(super) const MS: u64 = 1_000_000;

/// The string of a ping and its reply.
const TEXT: &str = "\"ireader 0\"";

/// The driver and its clock.
pub(super) struct Stepped {
    driver: Driver<'static>,
    now_ns: &'static AtomicU64,
    cancel: &'static AtomicBool,
    slices: channel::Receiver<(usize, Slice)>,
    /// Accepts connections that the driver opens as replacements.
    _listener: TcpListener,
}

/// A closed loop without warm-up, with a window of this length.
pub(super) fn closed_loop(window_ms: u64) -> Plan {
    let work = Work::new("ping", Params::Json(TEXT.to_owned())).expect("a ping takes any value");
    Plan {
        warmup: Duration::ZERO,
        duration: Duration::from_millis(window_ms),
        ..Plan::closed_loop(SocketAddr::from(([127, 0, 0, 1], 0)), 1, work)
    }
}

/// The same with a request due each millisecond, the first one as the window opens.
pub(super) fn open_loop(window_ms: u64) -> Plan {
    Plan {
        load: Load::Open {
            rate_per_s: 1_000.0,
            arrivals: Arrivals::Uniform,
            pacing: Pacing::Spin,
        },
        ..closed_loop(window_ms)
    }
}

impl Stepped {
    /// Begins the plan's load at zero, with all connections open.
    pub(super) fn begin(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the kernel has a port");
        let target = listener.local_addr().expect("it is bound");
        let plan: &Plan = Box::leak(Box::new(Plan {
            target: target.into(),
            ..plan
        }));
        let sources = SourceAddresses::for_connections(plan.connections, &plan.target)
            .expect("there are ports for a few");
        let (clock, now_ns) = Clock::stepped();
        let (slices, handed_in) = channel::unbounded();
        let cancel: &AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
        let driver = Driver::new(plan, 0, clock, Box::leak(Box::new(sources)), slices, cancel);
        let mut stepped = Self {
            driver: driver.expect("an event loop can be made"),
            now_ns,
            cancel,
            slices: handed_in,
            _listener: listener,
        };
        for connection in &mut stepped.driver.connections {
            connection.state = State::Open;
        }
        stepped.driver.begin(Schedule::from(0, plan));
        stepped
    }

    /// Lets the driver read the clock at this time.
    pub(super) fn at(&mut self, now_ns: u64) -> &mut Self {
        self.now_ns.store(now_ns, Ordering::Relaxed);
        let since_ns = now_ns - self.driver.pauses.last_tick_ns();
        self.driver.tick_after(Duration::from_nanos(since_ns));
        self.driver.send_due(now_ns);
        self
    }

    /// Lets the driver read the clock at this time after a pause.
    pub(super) fn paused_until(&mut self, now_ns: u64) {
        self.now_ns.store(now_ns, Ordering::Relaxed);
        self.driver.tick();
    }

    /// Delivers the right replies to so many requests on this connection.
    pub(super) fn answer(&mut self, index: usize, replies: usize) {
        let mut bytes = Vec::new();
        for _ in 0..replies {
            Reply::append(&mut bytes, "pong", |out| out.extend_from_slice(TEXT.as_bytes()));
        }
        let input = &mut self.driver.connections[index].input;
        input.room(bytes.len())[..bytes.len()].copy_from_slice(&bytes);
        input.filled(bytes.len());
        let now_ns = self.driver.clock.now_ns();
        assert!(self.driver.take_replies(index, now_ns), "the connection stands");
        self.driver.put_to_use(index, now_ns);
    }

    /// Resets this connection.
    pub(super) fn reset(&mut self, index: usize) {
        self.driver.lose(index, &ErrorKind::ConnectionReset.into());
    }

    /// Opens another connection in this slot.
    pub(super) fn open_again(&mut self, index: usize) {
        let now_ns = self.driver.clock.now_ns();
        self.driver.connections[index].close(now_ns);
        if self.driver.plan.replace_spent {
            self.driver.connections[index].sent = 0;
        }
        self.driver.connections[index].state = State::Open;
        self.driver.open_count = self.driver.count_open();
        self.driver.put_to_use(index, now_ns);
    }

    /// Cancels the run, which the driver finds at the next check.
    pub(super) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Ends the run now.
    pub(super) fn finish(self) -> Tally {
        self.driver.finish().0
    }

    /// Ends the run now. Also returns the good replies and the failed requests of each slice.
    pub(super) fn finish_with_slices(self) -> (Tally, Vec<(u64, u64)>) {
        let tally = self.driver.finish().0;
        let slices = self.slices.try_iter();
        let counts = slices.map(|(_, slice)| (slice.times.latency.len(), slice.failed));
        (tally, counts.collect())
    }
}

impl Deref for Stepped {
    type Target = Driver<'static>;

    fn deref(&self) -> &Self::Target {
        &self.driver
    }
}

impl DerefMut for Stepped {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.driver
    }
}
