//! The instrument: it loads a server that speaks the wire, checks every reply against its own request, and accounts for
//! every request it sent.
//!
//! A [`Plan`] goes in, a [`Report`] comes out; nothing is printed and the process is not ended, so that a program which
//! measures many servers can use it as the command line does.
//!
//! What is asked for:
//! - [`plan`]: all of it, and whether it can be done; [`target`]: the server;
//! - [`work`], `operation`, [`mix`], [`distribution`]: what a request says, and what its reply has to say;
//! - [`arrivals`]: when requests are due in an open loop; [`rate`]: how many, as people write it; [`stages`]: how that changes.
//!
//! How it is done:
//! - [`run`](mod@run): the threads together, and the window in which they measure;
//! - `driver`: one thread's connections and its event loop, its `share` of the run; `line` and `pacer`: its open loop;
//! - `connecting`, `connection`, `sources`, `bystanders`, `outages`: the connections; [`cpu`]: where threads run.
//!
//! What comes of it:
//! - [`slices`]: times, as the window goes on, in [`histogram`]s; `tally`: counts, so that they add up;
//! - `in_system`, `gaps`, `pauses`, `checks`: what the run is checked by;
//! - `report`: the [result](schema::load); [`advice`]: what to make of it; [`hdr`]: the log that other tools read.

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
