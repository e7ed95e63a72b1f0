//! A load generator for servers that speak the protocol of [`protocol`]. It checks every reply against its request, and
//! accounts for every request that it sent.
//!
//! [`run()`] takes a [`Plan`] and returns an [`Outcome`] with a [`Report`]. It prints nothing and never ends the process, so a
//! program that measures many servers uses it as the command line does.
//!
//! ```
//! use std::net::TcpListener;
//! use std::sync::atomic::AtomicBool;
//! use std::thread;
//! use std::time::Duration;
//!
//! use loadgen::{Params, Plan, Work};
//! # use std::io::{Read, Write};
//! # use std::net::TcpStream;
//! #
//! # /// Answers each ping with its own parameters.
//! # fn serve(mut stream: TcpStream) -> std::io::Result<()> {
//! #     loop {
//! #         let mut length = [0; 4];
//! #         stream.read_exact(&mut length)?;
//! #         let mut body = vec![0; u32::from_le_bytes(length) as usize];
//! #         stream.read_exact(&mut body)?;
//! #         let request = protocol::Request::parse(&body).map_err(std::io::Error::other)?;
//! #         let mut reply = Vec::new();
//! #         protocol::Reply::append(&mut reply, "pong", |out| out.extend_from_slice(request.params.get().as_bytes()));
//! #         stream.write_all(&reply)?;
//! #     }
//! # }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The server to load: here a thread per connection that answers pings.
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! thread::spawn(move || {
//!     for stream in listener.incoming().flatten() {
//!         thread::spawn(|| serve(stream));
//!     }
//! });
//!
//! // A closed loop of four connections. `Plan::open_loop` has a rate.
//! let plan = Plan {
//!     warmup: Duration::ZERO,
//!     duration: Duration::from_millis(200),
//!     ..Plan::closed_loop(address, 4, Work::new("ping", Params::Unique)?)
//! };
//! // Set the flag from another thread to end the run early; an observer in place of `()` follows its progress.
//! let report = loadgen::run(&plan, &AtomicBool::new(false), &mut ())?.report;
//!
//! assert!(report.checks.accounting && report.requests.failed() == 0);
//! let latency_us = report.latency_us.expect("there were replies");
//! println!("{:.0} requests/s, median {:?} µs", report.throughput_per_s, latency_us.p50);
//! for advice in loadgen::advice::advise(&report) {
//!     println!("! {advice}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The plan:
//! - [`plan`]: all of it, and whether it can be carried out; [`target`]: the server;
//! - [`work`], `operation`, [`mix`], [`distribution`]: what a request contains, and which replies are right;
//! - [`arrivals`]: when requests are due in an open loop; [`rate`] parses a rate; [`stages`]: a rate that changes.
//!
//! The run:
//! - [`run`](mod@run): the threads, and the window in which they measure;
//! - `driver`: the connections and the event loop of one thread; `partition`: its part of the run; `queue` and `pacer`: its
//!   open loop;
//! - `connecting`, `connection`, `source_addresses`, `background`, `outages`: the connections; [`cpu`]: binding threads.
//!
//! The result:
//! - [`slices`]: times, as the window goes on, in [`histogram`]s; `tally`: counts that add up;
//! - `marks`: the times of single connections and requests;
//! - `in_system`, `gaps`, `pauses`, `checks`: what the run is checked by;
//! - `report`: builds the [result](schema::load); [`advice`]: what to know before quoting it; [`hdr`]: a log for other tools.
//!
//! The machine: [`ceiling`], the highest rate of the load generator; [`round_trip`], the time of a ping.
//!
//! For programs: [`signals`] and [`terminal`].

#![forbid(unsafe_code)]

pub mod advice;
pub mod arrivals;
mod background;
pub mod call;
pub mod ceiling;
mod checks;
mod clock;
mod connecting;
mod connection;
pub mod cpu;
pub mod distribution;
mod driver;
mod gaps;
pub mod hdr;
pub mod histogram;
mod in_system;
mod limits;
mod marks;
pub mod mix;
mod operation;
mod outages;
mod pacer;
mod partition;
mod pauses;
pub mod plan;
mod profile;
mod queue;
pub mod rate;
mod report;
pub mod round_trip;
pub mod run;
pub mod signals;
pub mod slices;
mod slicing;
mod source_addresses;
pub mod stages;
mod tally;
pub mod target;
pub mod terminal;
pub mod work;

pub use arrivals::Arrivals;
pub use plan::{Load, Pacing, Plan, PlanError};
pub use run::{LoadError, Observer, Outcome, run};
pub use schema::load::Report;
pub use target::Target;
pub use work::{Params, Work, WorkError};
