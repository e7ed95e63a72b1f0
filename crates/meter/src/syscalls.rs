//! The system calls of a server under load, counted by strace(1).
//!
//! Every call of a traced process stops it twice. So this is for trials of their own, in which nothing else is measured.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::NamedTempFile;

use crate::maker;

use super::tree::{self, Family};

/// How long it may take until all threads are traced, and until none is any more.
const WITHIN: Duration = Duration::from_secs(5);

/// An strace that counts. Dropping it ends it, and the traced processes continue.
///
/// It needs no tie to this process: it ends with the last process that it traces, and no server outlives this process.
#[derive(Debug)]
pub struct Tracer {
    strace: Child,
    output: NamedTempFile,
}

impl Tracer {
    /// Starts to count the calls of a server, and of all that it starts from now on. None where there is no strace, or where it
    /// may not trace.
    #[must_use]
    pub fn attach(server: Family) -> Option<Self> {
        let mut processes = server.processes();
        processes.retain(|stat| !tree::has_ended(stat));
        let output = maker::temporary_file().ok()?;
        // In a process group of its own: Ctrl-C at the terminal must not reach it.
        let strace = Command::new("strace")
            .args(["-f", "-c", "-U", "name,calls", "-o"])
            .arg(output.path())
            .args(
                processes
                    .iter()
                    .flat_map(|stat| ["-p".to_owned(), stat.pid.to_string()]),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .ok()?;
        let mut tracer = Self { strace, output };
        let tracer_pid = tracer.pid().as_raw();
        let all_traced = || {
            let mut processes = processes.iter();
            processes.all(|stat| is_traced_by(stat.pid, tracer_pid))
        };
        // If strace may not trace, it ends.
        (!processes.is_empty() && tracer.wait_until(all_traced) && tracer.lives()).then_some(tracer)
    }

    /// Checks whether system calls can be counted here; the error is the reason.
    pub fn probe() -> Result<(), String> {
        let strace = Command::new("strace").arg("-V").output();
        if strace.is_err() {
            return Err("strace is missing, which counts system calls; install it".to_owned());
        }
        // As in a trial, the traced process is no child of strace.
        let mut cat = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("can't start cat, on which strace is tried: {error}"))?;
        let tracer = Self::attach(Family::LedBy(Pid::from_raw(cat.id().cast_signed())));
        let may_trace = tracer.is_some();
        drop(tracer);
        drop(cat.stdin.take());
        let _ = cat.wait();
        if may_trace {
            Ok(())
        } else {
            Err(
                "strace may not trace other processes here (see /proc/sys/kernel/yama/ptrace_scope)"
                    .to_owned(),
            )
        }
    }

    /// Stops counting, and returns the calls by name.
    pub fn finish(mut self) -> io::Result<BTreeMap<String, u64>> {
        // It detaches from the processes, writes its table and ends.
        let _ = kill(self.pid(), Signal::SIGINT);
        let ended_by = Instant::now() + WITHIN;
        while self.lives() {
            if Instant::now() > ended_by {
                return Err(io::Error::other("strace did not end on SIGINT"));
            }
            thread::sleep(Duration::from_millis(1));
        }
        let table = fs::read_to_string(self.output.path())?;
        calls(&table).ok_or_else(|| io::Error::other("strace wrote no table of calls"))
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.strace.id().cast_signed())
    }

    fn lives(&mut self) -> bool {
        matches!(self.strace.try_wait(), Ok(None))
    }

    /// Whether the condition became true before strace ended.
    fn wait_until(&mut self, condition: impl Fn() -> bool) -> bool {
        let until = Instant::now() + WITHIN;
        while self.lives() && Instant::now() < until {
            if condition() {
                return true;
            }
            thread::sleep(Duration::from_millis(1));
        }
        false
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        if self.lives() {
            // On SIGTERM it detaches first. If it is killed, the kernel does that.
            let _ = kill(self.pid(), Signal::SIGTERM);
            let until = Instant::now() + Duration::from_millis(500);
            while self.lives() && Instant::now() < until {
                thread::sleep(Duration::from_millis(1));
            }
            let _ = self.strace.kill();
            let _ = self.strace.wait();
        }
    }
}

/// Whether all threads of this process are traced. One that has ended meanwhile does not count.
fn is_traced_by(pid: i32, tracer: i32) -> bool {
    tree::numbers_in(&format!("/proc/{pid}/task")).all(|thread| {
        let status = fs::read_to_string(format!("/proc/{pid}/task/{thread}/status"));
        status.map_or(true, |status| {
            let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
            line.and_then(|tracer| tracer.trim().parse().ok()) == Some(tracer)
        })
    })
}

/// The calls in a table of `strace -c -U name,calls`; none if it is not one. An empty file means that nothing was called.
fn calls(table: &str) -> Option<BTreeMap<String, u64>> {
    let mut lines = table.lines();
    let Some(head) = lines.next() else {
        return Some(BTreeMap::new());
    };
    if !head.split_whitespace().eq(["syscall", "calls"]) {
        return None;
    }
    let mut calls = BTreeMap::new();
    for line in lines.filter(|line| !line.starts_with('-')) {
        let mut words = line.split_whitespace();
        let (name, count) = (words.next()?, words.next()?.parse().ok()?);
        if name != "total" {
            calls.insert(name.to_owned(), count);
        }
    }
    Some(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// strace 6.1 on a server that served four connections for most of a second.
    const TABLE: &str = "\
syscall              calls
---------------- ---------
sendto               23401
recvfrom             23402
---------------- ---------
total                46803
";

    #[test]
    fn a_table_is_read_without_its_total() {
        let expected = [("recvfrom", 23_402), ("sendto", 23_401)];
        let expected = expected.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(calls(TABLE), Some(BTreeMap::from(expected)));
    }

    #[test]
    fn an_empty_table_has_no_calls() {
        assert_eq!(calls(""), Some(BTreeMap::new()));
        assert_eq!(
            calls("strace: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n"),
            None
        );
        assert_eq!(calls("syscall calls\nread many\n"), None);
    }

    #[test]
    fn the_probe_agrees_with_a_trial() {
        let mut cat = Command::new("cat")
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let tracer = Tracer::attach(Family::LedBy(Pid::from_raw(cat.id().cast_signed())));
        assert_eq!(Tracer::probe().is_ok(), tracer.is_some());
        drop(tracer);
        drop(cat.stdin.take());
        cat.wait().unwrap();
    }

    #[test]
    fn calls_of_new_children_are_counted_too() {
        // The shell reads a line byte by byte, since it may not read what is for others; then it starts `cat`.
        let mut shell = Command::new("sh")
            .args(["-c", "read go; cat < /dev/null; read end; true"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let leader = Pid::from_raw(shell.id().cast_signed());
        let Some(tracer) = Tracer::attach(Family::LedBy(leader)) else {
            test_support::skip("strace is missing, or may not trace");
            shell.kill().unwrap();
            shell.wait().unwrap();
            return;
        };
        let mut stdin = shell.stdin.take().unwrap();
        io::Write::write_all(&mut stdin, b"go and do it\nend\n").unwrap();
        shell.wait().unwrap();
        let calls = tracer.finish().unwrap();
        assert!(calls["read"] >= 13, "{calls:?}");
        assert_eq!(calls["execve"], 1, "{calls:?}");
    }

    #[test]
    fn a_traced_process_continues_without_its_tracer() {
        let mut cat = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let tracer = Tracer::attach(Family::LedBy(Pid::from_raw(cat.id().cast_signed())));
        if tracer.is_none() {
            test_support::skip("strace is missing, or may not trace");
        }
        drop(tracer);
        drop(cat.stdin.take());
        assert!(cat.wait().unwrap().success());
    }
}
