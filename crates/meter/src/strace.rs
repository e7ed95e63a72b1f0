//! strace(1), attached to all threads of a server.
//!
//! Every call of a traced process stops it twice, for tens of microseconds.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::NamedTempFile;

use crate::child;
use crate::maker;
use crate::tree::{self, Family};

/// How long it may take until all threads are traced, and until none is any more.
const WITHIN: Duration = Duration::from_secs(5);

const MISSING: &str = "strace is missing; install it";
const MAY_NOT: &str = "strace may not trace other processes here (see /proc/sys/kernel/yama/ptrace_scope)";

/// An strace that traces a server. Dropping it ends it, and the traced processes continue.
///
/// It needs no tie to this process: it ends with the last process that it traces, and no server outlives this process.
#[derive(Debug)]
pub struct Strace {
    strace: Child,
    output: NamedTempFile,
}

impl Strace {
    /// Starts to trace a server, and all that it starts from now on, with these options of strace. When it returns, all
    /// threads are traced. The error is the reason why that can't be.
    pub fn attach(server: Family, options: &[&str]) -> Result<Self, String> {
        let mut processes = server.processes();
        processes.retain(|stat| !tree::has_ended(stat));
        if processes.is_empty() {
            return Err("the server has no process that could be traced".to_owned());
        }
        let file = || {
            maker::temporary_file()
                .map_err(|error| format!("can't create a file for the output of strace: {error}"))
        };
        let (output, errors) = (file()?, file()?);
        // In a process group of its own: Ctrl-C at the terminal must not reach it.
        let strace = Command::new("strace")
            .arg("-f")
            .args(options)
            .arg("-o")
            .arg(output.path())
            .args(
                processes
                    .iter()
                    .flat_map(|stat| ["-p".to_owned(), stat.pid.to_string()]),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors.reopen().map_or_else(|_| Stdio::null(), Stdio::from))
            .process_group(0)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => MISSING.to_owned(),
                _ => format!("can't start strace: {error}"),
            })?;
        let mut tracer = Self { strace, output };
        let tracer_pid = tracer.pid().as_raw();
        let all_traced = || {
            let mut processes = processes.iter();
            processes.all(|stat| is_traced_by(stat.pid, tracer_pid))
        };
        // If strace may not trace, it ends.
        if tracer.wait_until(all_traced) && tracer.lives() {
            Ok(tracer)
        } else {
            let errors = fs::read_to_string(errors.path()).unwrap_or_default();
            Err(refusal(&errors))
        }
    }

    /// Checks whether strace can trace here with these options; the error is the reason.
    pub fn probe(options: &[&str]) -> Result<(), String> {
        if Command::new("strace").arg("-V").output().is_err() {
            return Err(MISSING.to_owned());
        }
        child::try_on_process("strace", |process| {
            Self::attach(Family::LedBy(process), options).map(drop)
        })?
    }

    /// The file that it writes to.
    #[must_use]
    pub fn output(&self) -> &Path {
        self.output.path()
    }

    /// Stops tracing, and returns what strace wrote.
    pub fn finish(mut self) -> io::Result<String> {
        // It detaches from the processes, writes what is left and ends.
        let _ = kill(self.pid(), Signal::SIGINT);
        if !child::ends_within(&mut self.strace, WITHIN) {
            return Err(io::Error::other("strace did not end on SIGINT"));
        }
        let written = fs::read(self.output.path())?;
        Ok(String::from_utf8_lossy(&written).into_owned())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.strace.id().cast_signed())
    }

    fn lives(&mut self) -> bool {
        matches!(self.strace.try_wait(), Ok(None))
    }

    /// Waits until the condition is true, for some seconds at most. Returns whether it became true before strace ended.
    pub fn wait_until(&mut self, condition: impl Fn() -> bool) -> bool {
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

impl Drop for Strace {
    fn drop(&mut self) {
        if self.lives() {
            // On SIGTERM it detaches first. If it is killed, the kernel does that.
            let _ = kill(self.pid(), Signal::SIGTERM);
            child::ends_within(&mut self.strace, Duration::from_millis(500));
            let _ = self.strace.kill();
            let _ = self.strace.wait();
        }
    }
}

/// Why strace does not trace, from what it wrote to stderr.
fn refusal(errors: &str) -> String {
    let complaint = errors.lines().find_map(|line| {
        let complaint = line.strip_prefix("strace: ")?;
        // It writes which process it has attached, too.
        (!complaint.starts_with("Process ")).then_some(complaint)
    });
    match complaint {
        Some(complaint) if !complaint.contains("ptrace") => {
            format!("strace does not work here ({complaint}); install a newer one")
        }
        _ => MAY_NOT.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_agrees_with_a_trial() {
        let mut cat = Command::new("cat")
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let tracer = Strace::attach(Family::LedBy(Pid::from_raw(cat.id().cast_signed())), &[]);
        assert_eq!(Strace::probe(&[]).is_ok(), tracer.is_ok());
        drop(tracer);
        drop(cat.stdin.take());
        cat.wait().unwrap();
    }

    #[test]
    fn a_traced_process_continues_without_its_tracer() {
        let mut cat = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let tracer = Strace::attach(Family::LedBy(Pid::from_raw(cat.id().cast_signed())), &[]);
        if let Err(reason) = &tracer {
            test_support::skip(reason);
        }
        drop(tracer);
        drop(cat.stdin.take());
        assert!(cat.wait().unwrap().success());
    }

    #[test]
    fn what_strace_complains_of_is_the_reason() {
        let may_not = "strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n";
        assert_eq!(refusal(may_not), MAY_NOT);
        assert_eq!(refusal("strace: Process 7 attached\n"), MAY_NOT);
        let old = "strace: unrecognized option '--syscall-times=ns'\nTry 'strace -h' for more information.\n";
        let reason = refusal(old);
        assert!(
            reason.contains("(unrecognized option '--syscall-times=ns')"),
            "{reason}"
        );
    }

    #[test]
    fn an_option_that_is_unknown_to_strace_is_reported() {
        match Strace::probe(&["--no-such-option"]) {
            Err(reason) if reason == MISSING => test_support::skip(reason),
            probed => assert!(probed.unwrap_err().contains("no-such-option")),
        }
    }

    #[test]
    fn a_server_that_has_ended_can_not_be_traced() {
        let mut done = Command::new("true").process_group(0).spawn().unwrap();
        done.wait().unwrap();
        let ended = Family::LedBy(Pid::from_raw(done.id().cast_signed()));
        assert!(
            Strace::attach(ended, &[])
                .unwrap_err()
                .contains("no process that could be traced")
        );
    }
}
