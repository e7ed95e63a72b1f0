//! How a ring is set up, and how an operation is meant.

use std::os::fd::RawFd;

/// How a ring is set up.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// When the kernel does its part of an operation that had to wait.
    pub task_work: TaskWork,
    /// A thread of the kernel takes what is queued, and sleeps after this many milliseconds without work.
    pub kernel_thread_idle_ms: Option<u32>,
    /// Operations that can be queued before the kernel has to take them. Further ones wait in the memory of the process.
    pub submissions: u32,
    /// Completions that the kernel can store without allocating.
    pub completions: u32,
    /// Buffers for receiving, a power of two.
    pub buffers: u16,
    /// The size of a buffer.
    pub buffer_bytes: u32,
    /// Places for sockets without a descriptor ([`Target::Direct`]).
    pub direct: u32,
}

/// When the kernel does its part of an operation that had to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskWork {
    /// As soon as it can, and it interrupts the program for that.
    Interrupting,
    /// At the next system call of any kind (`COOP_TASKRUN`).
    Cooperative,
    /// When the program waits for completions (`DEFER_TASKRUN`, Linux 6.1), for a ring that one thread uses.
    Deferred,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            task_work: TaskWork::Deferred,
            kernel_thread_idle_ms: None,
            // An unprivileged user may lock 8 MiB of memory. With the queue of buffers this takes about 170 KiB of it.
            submissions: 1024,
            completions: 4096,
            buffers: 2048,
            buffer_bytes: 4096,
            direct: 0,
        }
    }
}

/// A socket of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// By its descriptor.
    Descriptor(RawFd),
    /// By its place in the table of the ring, which spares the kernel a look into the table of descriptors.
    Direct(u32),
}

/// How long an operation that receives stays in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receive {
    /// For one completion.
    Once,
    /// Until the end, an error, or no free buffer: multishot.
    Multishot,
}
