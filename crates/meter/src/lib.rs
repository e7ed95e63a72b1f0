//! What a server costs within the window, all its processes counted, and what else the machine did in that time.
//!
//! Everything here is read from the kernel's accounts. A metric is the difference of two readings, one when the window opens
//! and one when it closes. Nothing is read in between, since a reader takes CPU time from those that it reads about.

#![forbid(unsafe_code)]

mod cgroup;
pub mod child;
pub mod cpus;
mod footprint;
mod interference;
mod life;
mod maker;
mod reading;
mod strace;
mod syscalls;
mod threads;
pub mod tree;

pub use cgroup::{Cgroup, CpuTime};
pub use interference::MachineReading;
pub use life::Life;
pub use maker::{Maker, TEMPORARY, temporary_file};
pub use reading::{Meter, Reading};
pub use strace::Strace;
pub use syscalls::Tracer;
pub use tree::Family;
