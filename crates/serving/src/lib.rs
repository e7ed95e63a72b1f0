//! What every server shares and no model is about: flags, the listener, one blocking connection, signals, supervision.
//!
//! A model's page (`main.rs` of its crate) holds its accept, its fork or its spawn. What those stand on is here, from the
//! bottom up:
//!
//! - [`error`], [`times`], [`limits`]: errors with advice, times as flags have them, and full tables of the kernel;
//! - [`model`]: what a model is, for `--describe`;
//! - [`stop`]: how a process learns that it should stop, and how its drain begins;
//! - [`options`], [`service`], [`program`]: the flags, what they mean for a connection, and the way in and out;
//! - [`listener`], [`watch`]: accepting in the face of signals and full tables;
//! - [`frame_clock`], [`drain_limit`], [`job`], [`connection`]: one blocking connection, and what an event loop shares
//!   with it;
//! - [`threads`], [`children`]: a thread or a process for each connection;
//! - [`crew`], [`events`], [`reports`], [`restart`]: a fixed set of workers that are replaced;
//! - [`thread_pool`], [`worker_thread`], [`worker_threads`]: the same with threads;
//! - [`tally`]: how much each worker served.

#![deny(unsafe_code)]

pub mod alarm;
mod backlog;
pub mod children;
pub mod connection;
pub mod crew;
pub mod drain_limit;
pub mod error;
pub mod events;
pub mod frame_clock;
mod inherited;
pub mod job;
pub mod limits;
pub mod listener;
mod log;
pub mod model;
pub mod options;
pub mod program;
pub mod reports;
pub mod restart;
mod restarts;
pub mod service;
mod signals;
mod slots;
pub mod stop;
pub mod tally;
pub mod thread_pool;
pub mod threads;
pub mod times;
mod waiting;
pub mod watch;
pub mod worker_thread;
pub mod worker_threads;

pub use children::{Children, Fork};
pub use connection::serve;
pub use crew::{Crew, Worker};
pub use error::{Error, Result};
pub use events::{Change, Event};
pub use job::perform;
pub use listener::{Listener, Listeners};
pub use model::Model;
pub use options::{Accept as Listening, Options, SupervisionOptions, TallyOptions, WorkerOptions};
pub use program::main;
pub use reports::Reporter;
pub use restart::Restart;
pub use service::{Service, Visit};
pub use stop::Stop;
pub use tally::Served;
pub use thread_pool::ThreadPool;
pub use threads::Threads;
pub use watch::Watch;
pub use worker_thread::{Accepted, Work, WorkerThread};
