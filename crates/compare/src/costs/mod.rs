//! What a server costs within the window, all its processes counted, and what else the machine did in that time.
//!
//! Everything here is a look at the kernel's accounts. Two looks, when the window opens and when it closes, make a
//! figure; nothing is read in between, since a reader takes time from those that it reads about.

mod cgroup;
mod footprint;
mod interference;
mod life;
mod meter;
mod syscalls;
mod threads;
pub(crate) mod tree;

pub(crate) use cgroup::Cgroup;
pub(crate) use footprint::Footprint;
pub(crate) use interference::{Disturbance, Interference, Look};
pub(crate) use life::Life;
pub(crate) use meter::{CpuSource, Meter, Reading, Spent, SwitchesOver};
pub(crate) use syscalls::Tracer;
pub(crate) use tree::Family;
