//! The instrument: it loads a server that speaks the wire, checks every reply against its own request, and accounts for
//! every request it sent.
//!
//! A [`Plan`] goes in, a [`Report`] comes out; nothing is printed and the process is not ended, so that a program which
//! measures many servers can use it as the command line does.
//!
//! - [`plan`]: what is asked for;
//! - [`work`]: what a request says, and what its reply has to say;
//! - [`driver`]: one thread's connections and its event loop;
//! - [`tally`]: what happened, counted so that it adds up;
//! - [`run`](mod@run): the threads together, and the window in which they measure;
//! - [`report`]: what comes out, as JSON and as text.

#![forbid(unsafe_code)]

pub mod call;
mod connection;
mod driver;
pub mod plan;
pub mod report;
pub mod run;
mod tally;
pub mod work;

pub use plan::{Plan, PlanError};
pub use report::Report;
pub use run::{LoadError, Observer, Outcome, run};
pub use work::{Params, Work, WorkError};
