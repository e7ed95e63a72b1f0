//! The threads of a server at one moment, from `/proc`.

use std::fs;

use meter::{Family, tree};
use syscalls::Sysno;

use crate::event::Thread;

/// The threads of a server, in the order in which they began. The server's first process is the first.
#[must_use]
pub fn in_server(server: Family) -> Vec<Thread> {
    let mut processes = server.processes();
    processes.retain(|stat| !tree::has_ended(stat));
    processes.sort_by_key(|stat| (stat.starttime, stat.pid));
    let threads = processes.iter().flat_map(|stat| in_process(stat.pid));
    threads.collect()
}

fn in_process(process: i32) -> Vec<Thread> {
    let mut numbers: Vec<_> = tree::numbers_in(&format!("/proc/{process}/task")).collect();
    // A process has the number of its first thread; the others have it later.
    numbers.sort_unstable_by_key(|&thread| (thread != process, thread));
    // A thread may end after it was listed.
    let threads = numbers.into_iter().filter_map(|thread| one(process, thread));
    threads.collect()
}

fn one(process: i32, thread: i32) -> Option<Thread> {
    let folder = format!("/proc/{process}/task/{thread}");
    let name = fs::read_to_string(format!("{folder}/comm")).ok()?;
    // Another user's threads do not show it, nor do those that a tracer of its own has.
    let call = fs::read_to_string(format!("{folder}/syscall")).unwrap_or_default();
    Some(Thread {
        process,
        thread,
        name: name.trim_end_matches('\n').to_owned(),
        call: call_in(&call),
    })
}

/// The system call in a line of `/proc/PID/task/TID/syscall`: its number is first, or `running`, or -1 outside of any.
fn call_in(line: &str) -> Option<String> {
    let number = line.split_whitespace().next()?.parse::<usize>().ok()?;
    Some(call_name(number))
}

/// The name of the system call with this number, or the number itself where this program does not know it.
#[must_use]
pub fn call_name(number: usize) -> String {
    Sysno::new(number).map_or_else(|| format!("call {number}"), |call| call.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_call_is_known_by_its_number() {
        let number = Sysno::futex as usize;
        assert_eq!(call_name(number), "futex");
        assert_eq!(call_name(100_000), "call 100000");
        assert_eq!(call_in(&format!("{number} 0x7f 0x0\n")), Some("futex".to_owned()));
        for line in ["running\n", "-1 0x7ffd 0x7f\n", ""] {
            assert_eq!(call_in(line), None, "{line}");
        }
    }

    #[test]
    fn the_threads_of_this_process_are_found() {
        let own = nix::unistd::getpid().as_raw();
        let threads = in_process(own);
        assert_eq!((threads[0].process, threads[0].thread), (own, own));
        let this = nix::unistd::gettid().as_raw();
        assert!(threads.iter().any(|thread| thread.thread == this));
    }
}
