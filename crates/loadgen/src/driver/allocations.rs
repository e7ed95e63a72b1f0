//! The event loop allocates nothing per request.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use protocol::Reply;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam::channel;

use super::state::{Driver, Schedule};
use crate::arrivals::Arrivals;
use crate::clock::Clock;
use crate::plan::Pacing;
use crate::plan::{Load, Plan};
use crate::source_addresses::SourceAddresses;
use crate::work::Params;
use crate::work::Work;

/// The number of allocations of a driver for so many requests on one connection.
fn allocations(load: Load, requests: u64) -> u64 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let work = Work::new("ping", Params::Json("\"ireader 0\"".to_owned())).expect("a ping takes any value");
    let plan = Plan {
        load,
        warmup: Duration::ZERO,
        duration: Duration::from_secs(3600),
        timeout: Duration::from_secs(60),
        ..Plan::closed_loop(listener.local_addr().expect("it has an address"), 1, work.clone())
    };
    let cancel = AtomicBool::new(false);
    let sources = SourceAddresses::for_connections(1, &plan.target).expect("there is a port for one");
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("the driver connects");
            let (mut request, mut reply) = (Vec::new(), Vec::new());
            work.clone().append_request(0, &mut request);
            Reply::append(&mut reply, "pong", |out| out.extend_from_slice(b"\"ireader 0\""));
            for _ in 0..requests {
                stream.read_exact(&mut request).expect("a request comes");
                stream.write_all(&reply).expect("the driver reads");
            }
            cancel.store(true, Ordering::Relaxed);
            // The connection stays open until the client closes it, so that none is lost.
            let _ = stream.read_to_end(&mut request);
        });
        let clock = Clock::start();
        let (slices, _gathered) = channel::unbounded();
        let mut driver =
            Driver::new(&plan, 0, clock, &sources, slices, &cancel).expect("an event loop can be made");
        driver.open_all().expect("the connection can be opened");
        let mut tally = None;
        let allocated = allocation_counter::measure(|| {
            tally = driver.run(Schedule::from(clock.now_ns(), &plan)).ok();
        });
        assert_eq!(tally.expect("the load runs").0.answered_total, requests);
        allocated.count_total
    })
}

#[test]
fn a_warm_connection_allocates_nothing_for_a_request() {
    // What a run of any length allocates: its buffers, its histograms as they grow, a slice for each second.
    const ONCE_MOST: u64 = 500;
    let open = Load::Open {
        rate_per_s: 20_000.0,
        arrivals: Arrivals::Uniform,
        pacing: Pacing::Hybrid,
    };
    for load in [Load::Closed, open] {
        let count = allocations(load, 5_000);
        assert!(count <= ONCE_MOST, "{load:?}: {count}");
    }
}
