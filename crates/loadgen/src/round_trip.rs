//! The round trip of this machine: how long a ping takes to the least server and back.
//!
//! It belongs to the machine and not to a server, so a bound on latency that is made from it is the same for all servers.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use protocol::frame::{self, Head, PREFIX_BYTES};
use protocol::{FrameLimit, Reply, Request};
use thiserror::Error;

use crate::cpu::pin_thread;
use crate::plan::Plan;
use crate::run::{LoadError, run};
use crate::work::{Params, Work};

/// Why there is no round trip.
#[derive(Debug, Error)]
pub enum RoundTripError {
    /// The server could not be started.
    #[error("can't start the server for the round trip: {0}")]
    Server(#[from] io::Error),
    /// It could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The load had no result.
    #[error("can't measure the round trip: {0}; run it again")]
    NoResult(String),
}

const WARMUP: Duration = Duration::from_millis(20);
const WINDOW: Duration = Duration::from_millis(100);
/// Other programs can make a round trip longer, and never shorter. So the lowest of some medians is the machine's own.
const WINDOWS: usize = 5;

/// The median latency of pings on one connection, in microseconds, with server and client each on its CPU, or on any: the
/// lowest of a few windows. None if it was cancelled.
///
/// The server is one thread that blocks in `recv(2)`, as the client does in `epoll_wait(2)`. So the time has a wake-up on either
/// side, as it has with every model.
///
/// # Panics
/// If one of its own threads does.
pub fn measure(
    server_cpu: Option<usize>,
    client_cpu: Option<usize>,
    cancel: &AtomicBool,
) -> Result<Option<f64>, RoundTripError> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let target = listener.local_addr()?;
    let over = Arc::new(AtomicBool::new(false));
    let server = {
        let over = Arc::clone(&over);
        let serve = move || serve_until(&over, &listener, server_cpu);
        thread::Builder::new()
            .name("round trip".to_owned())
            .spawn(serve)?
    };
    let work = Work::new("ping", Params::Unique).expect("a ping takes any value");
    let plan = Plan {
        warmup: WARMUP,
        duration: WINDOW,
        cpus: client_cpu.into_iter().collect(),
        ..Plan::closed_loop(target, 1, work)
    };
    let outcomes: Vec<_> = (0..WINDOWS).map(|_| run(&plan, cancel, &mut ())).collect();
    over.store(true, Ordering::Relaxed);
    // The server waits for its next connection. If it has ended already, nobody is there.
    drop(TcpStream::connect(target));
    let ended = server.join().expect("the server does not panic");
    if cancel.load(Ordering::Relaxed) {
        return Ok(None);
    }
    ended?;
    let mut lowest_us: Option<f64> = None;
    for outcome in outcomes {
        let report = outcome?.report;
        if let Some(reason) = report.disqualification() {
            return Err(RoundTripError::NoResult(reason));
        }
        let p50_us = report.latency_us.and_then(|latency| latency.p50);
        lowest_us = p50_us.into_iter().chain(lowest_us).reduce(f64::min);
    }
    let none = || RoundTripError::NoResult("too few replies came".to_owned());
    lowest_us.map(Some).ok_or_else(none)
}

/// Serves one connection after the other.
fn serve_until(over: &AtomicBool, listener: &TcpListener, cpu: Option<usize>) -> io::Result<()> {
    if let Some(cpu) = cpu {
        pin_thread(cpu)?;
    }
    loop {
        let (stream, _) = listener.accept()?;
        if over.load(Ordering::Relaxed) {
            return Ok(());
        }
        serve(stream)?;
    }
}

/// Serves a connection until its client closes it.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut reply) = (Vec::new(), Vec::new());
    let mut bytes = [0; 4096];
    loop {
        let read = stream.read(&mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        input.extend_from_slice(&bytes[..read]);
        while let Head::Whole(body) = frame::head(&input, FrameLimit::MOST) {
            let request = Request::parse(body).map_err(io::Error::other)?;
            reply.clear();
            Reply::append(&mut reply, "pong", |out| {
                out.extend_from_slice(request.params.get().as_bytes());
            });
            let length = PREFIX_BYTES + body.len();
            stream.write_all(&reply)?;
            input.drain(..length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_measured_on_any_cpu() {
        let round_trip_us = measure(None, None, &AtomicBool::new(false)).unwrap().unwrap();
        // Two system calls on each side, and less than the timeout.
        assert!((1.0..1e6).contains(&round_trip_us), "{round_trip_us}");
    }

    #[test]
    fn a_cancelled_measurement_ends_without_a_value() {
        let cancel = AtomicBool::new(false);
        cancel.store(true, Ordering::Relaxed);
        assert_eq!(measure(None, None, &cancel).unwrap(), None);
    }

    #[test]
    fn a_cpu_that_does_not_exist_is_an_error() {
        let beyond = nix::sched::CpuSet::count() - 1;
        assert!(measure(Some(beyond), None, &AtomicBool::new(false)).is_err());
    }
}
