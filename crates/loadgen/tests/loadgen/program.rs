//! The program, as users run it.

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::fake::PATIENCE;

/// The program while it runs. It is killed at the end of its test.
pub(crate) struct Running(Child);

/// Exit code and output of the program.
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program with these arguments, separated by spaces, to its end.
#[track_caller]
pub(crate) fn loadgen(arguments: &str) -> Left {
    loadgen_with(&arguments.split_whitespace().collect::<Vec<_>>())
}

/// The arguments of a run of an hour, without warm-up: it ends when a test ends it.
pub(crate) fn hour_long_run(address: SocketAddr, more: &str) -> String {
    format!("run --connect {address} --warmup 0 --duration 1h {more}")
}

/// Runs the program with these arguments to its end.
#[track_caller]
pub(crate) fn loadgen_with(arguments: &[&str]) -> Left {
    Running::start(arguments).end()
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with_stderr(arguments, Stdio::piped())
    }

    /// Starts the program with these arguments, separated by spaces.
    pub(crate) fn start_line(arguments: &str) -> Self {
        Self::start(&arguments.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn start_with_stderr(arguments: &[&str], stderr: Stdio) -> Self {
        Self::start_program(env!("CARGO_BIN_EXE_loadgen"), arguments, stderr)
    }

    /// Starts another program, which becomes this one.
    pub(crate) fn start_program(program: &str, arguments: &[&str], stderr: Stdio) -> Self {
        pass_on_no_ignored_hang_up();
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn();
        Self(child.expect("the program can be started"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0.id().cast_signed());
        kill(pid, signal).expect("the program is there");
    }

    /// Waits until it handles these signals. Before that, a signal ends the program as it ends any other.
    #[track_caller]
    pub(crate) fn wait_until_it_handles(&self, signals: &[Signal]) {
        let status = format!("/proc/{}/status", self.0.id());
        let handles = || {
            let status = fs::read_to_string(&status).expect("the program is there");
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = u64::from_str_radix(caught.unwrap_or("0").trim(), 16).expect("it is a mask");
            let handled = |&signal: &Signal| caught & 1 << (signal as u32 - 1) != 0;
            signals.iter().all(handled)
        };
        let deadline = Instant::now() + PATIENCE;
        while !handles() {
            assert!(Instant::now() < deadline, "the program handles no signals");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Repeats this signal until the program ends, without reading its output. Returns its exit code.
    #[track_caller]
    pub(crate) fn signal_to_its_end(mut self, signal: Signal) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().expect("it can be waited for") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "{signal} does not end the program");
            self.signal(signal);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Closes the reading end of its stdout.
    pub(crate) fn close_stdout(&mut self) {
        drop(self.0.stdout.take());
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Left {
        let [stdout, stderr] = [self.0.stdout.take().map(gather), self.0.stderr.take().map(gather)];
        let read = |stream: Option<thread::JoinHandle<String>>| {
            stream.map_or_else(String::new, |stream| stream.join().expect("it can be read"))
        };
        let deadline = Instant::now() + PATIENCE;
        let status: ExitStatus = loop {
            if let Some(status) = self.0.try_wait().expect("it can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "the program does not come to an end");
            thread::sleep(Duration::from_millis(2));
        };
        Left {
            code: status.code(),
            stdout: read(stdout),
            stderr: read(stderr),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a stream to its end on a thread of its own.
fn gather(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("the program writes text");
        text
    })
}

/// These tests may run under nohup(1), and a program keeps a hang-up ignored. A signal that is handled here has its default
/// action in programs that are started from here.
fn pass_on_no_ignored_hang_up() {
    static HANDLED: Once = Once::new();
    HANDLED.call_once(|| {
        signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::default()).expect("it can be handled");
    });
}
