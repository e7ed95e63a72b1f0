//! The processes of a server, as `/proc` shows them at one moment.

use nix::unistd::Pid;
use procfs::process::{FDTarget, ProcState, Process, Stat, all_processes};

/// The processes of a server at one moment: the members of its process group. Children stay in the group when their
/// parent ends.
pub(crate) struct Tree {
    leader: Pid,
    members: Vec<Member>,
}

struct Member {
    process: Process,
    stat: Stat,
}

impl Tree {
    /// The process group of this leader, now.
    pub(crate) fn read(leader: Pid) -> Self {
        let members = all_processes()
            .expect("/proc can be listed")
            .filter_map(|process| {
                // A process that has ended since the listing is no member.
                let process = process.ok()?;
                let stat = process.stat().ok()?;
                (stat.pgrp == leader.as_raw()).then_some(Member { process, stat })
            })
            .collect();
        Self { leader, members }
    }

    fn living(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.is_zombie())
    }

    /// The processes that live, in order.
    pub(crate) fn pids(&self) -> Vec<Pid> {
        let mut pids: Vec<Pid> = self.living().map(Member::pid).collect();
        pids.sort_unstable();
        pids
    }

    /// The living processes that the server's first process is the parent of, in order.
    pub(crate) fn children(&self) -> Vec<Pid> {
        let mut pids: Vec<Pid> = self
            .living()
            .filter(|member| member.stat.ppid == self.leader.as_raw())
            .map(Member::pid)
            .collect();
        pids.sort_unstable();
        pids
    }

    /// Processes that have ended and that a process of the server has yet to reap. If the parent has ended too, `init`
    /// reaps them, and they do not count.
    pub(crate) fn zombies(&self) -> usize {
        self.members
            .iter()
            .filter(|member| member.is_zombie() && self.has(member.stat.ppid))
            .count()
    }

    fn has(&self, pid: i32) -> bool {
        self.living().any(|member| member.stat.pid == pid)
    }

    /// The threads of all processes.
    pub(crate) fn threads(&self) -> i64 {
        self.living().map(|member| member.stat.num_threads).sum()
    }

    /// The threads of all processes by their ids, in order.
    pub(crate) fn thread_ids(&self) -> Vec<i32> {
        let tasks = self.living().filter_map(|member| member.process.tasks().ok());
        let mut ids: Vec<_> = tasks.flatten().flatten().map(|task| task.tid).collect();
        ids.sort_unstable();
        ids
    }

    /// The threads of all processes but the first of the server, in order.
    pub(crate) fn further_threads(&self) -> Vec<Pid> {
        let ids = self.thread_ids().into_iter().map(Pid::from_raw);
        ids.filter(|thread| *thread != self.leader).collect()
    }

    /// The open descriptors of all processes.
    pub(crate) fn descriptors(&self) -> usize {
        self.living().map(Member::descriptors).sum()
    }

    /// The open descriptors of one process; 0 if it has ended.
    pub(crate) fn descriptors_of(&self, pid: Pid) -> usize {
        self.living()
            .filter(|member| member.pid() == pid)
            .map(Member::descriptors)
            .sum()
    }

    /// The process that serves the connection between these ports of the loopback interface. If a parent and its child
    /// both have it, the child does: the parent is about to close its copy.
    pub(crate) fn process_of(&self, server_port: u16, client_port: u16) -> Option<Pid> {
        let connections = procfs::net::tcp().expect("the kernel shows its connections");
        let connection = connections.into_iter().find(|connection| {
            connection.local_address.port() == server_port && connection.remote_address.port() == client_port
        })?;
        let holders = self.living().filter(|member| member.has_socket(connection.inode));
        holders.map(Member::pid).max_by_key(|&pid| pid != self.leader)
    }

    /// The CPU time that all processes, and the children that they have reaped, have used, in seconds.
    pub(crate) fn cpu_s(&self) -> f64 {
        let ticks: u64 = self
            .living()
            .map(|Member { stat, .. }| {
                let reaped = stat.cutime + stat.cstime;
                stat.utime + stat.stime + u64::try_from(reaped).unwrap_or(0)
            })
            .sum();
        ticks as f64 / procfs::ticks_per_second() as f64
    }

    /// How often a process has waited so far, for an event or for time to pass; 0 if it has ended.
    pub(crate) fn sleeps_of(&self, pid: Pid) -> u64 {
        let status = self
            .living()
            .filter(|member| member.pid() == pid)
            .filter_map(|member| member.process.status().ok());
        status.filter_map(|status| status.voluntary_ctxt_switches).sum()
    }

    /// The memory of all processes in bytes. Shared pages count once.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory("Pss")
    }

    /// The memory of all processes that is no copy of a file, in bytes. Unlike [`memory_bytes`](Self::memory_bytes) it does not
    /// depend on how many servers of other cases share the pages of the program.
    pub(crate) fn anonymous_bytes(&self) -> u64 {
        self.memory("Anonymous")
    }

    fn memory(&self, kind: &str) -> u64 {
        self.living()
            .filter_map(|member| member.process.smaps_rollup().ok())
            .flat_map(|rollup| rollup.memory_map_rollup)
            .filter_map(|map| map.extension.map.get(kind).copied())
            .sum()
    }
}

impl Member {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.stat.pid)
    }

    /// Counted one by one. The kernel's own count has one more for a process that waits in `accept`, because that
    /// reserves the descriptor before there is a connection.
    fn descriptors(&self) -> usize {
        self.process.fd().map_or(0, Iterator::count)
    }

    fn has_socket(&self, inode: u64) -> bool {
        let descriptors = self.process.fd().into_iter().flatten().flatten();
        descriptors
            .map(|descriptor| descriptor.target)
            .any(|target| matches!(target, FDTarget::Socket(found) if found == inode))
    }

    fn is_zombie(&self) -> bool {
        matches!(self.stat.state(), Ok(ProcState::Zombie | ProcState::Dead))
    }
}
