//! The program as people run it.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::fake::PATIENCE;

/// The program while it runs. It does not outlive its test.
pub(crate) struct Running(Child);

/// What a run of the program left.
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program with these arguments, parted by spaces, to its end.
#[track_caller]
pub(crate) fn loadgen(arguments: &str) -> Left {
    loadgen_with(&arguments.split_whitespace().collect::<Vec<_>>())
}

/// Runs the program with these arguments to its end.
#[track_caller]
pub(crate) fn loadgen_with(arguments: &[&str]) -> Left {
    Running::start(arguments).end()
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self(child.expect("the program can be started"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0.id().cast_signed());
        kill(pid, signal).expect("the program is there");
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Left {
        let stdout = gather(self.0.stdout.take());
        let stderr = gather(self.0.stderr.take());
        let deadline = Instant::now() + PATIENCE;
        let status: ExitStatus = loop {
            if let Some(status) = self.0.try_wait().expect("it can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "the program does not come to an end");
            thread::sleep(std::time::Duration::from_millis(2));
        };
        Left {
            code: status.code(),
            stdout: stdout.join().expect("stdout can be read"),
            stderr: stderr.join().expect("stderr can be read"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a stream to its end while others go on.
fn gather(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    let mut stream = stream.expect("it is piped");
    thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("the program writes text");
        text
    })
}
