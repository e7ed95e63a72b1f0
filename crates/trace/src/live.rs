//! A real process for tests of what records it.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use meter::Family;
use nix::unistd::Pid;

use crate::event::{Kind, Recording};
use crate::threads;

/// A shell that reads a line, starts a program in a process of its own, waits for it, and reads another line.
pub(crate) struct Shell(Child);

/// Nothing happens within so much time of the moments at which a recording begins and ends, as with a load.
const QUIET: Duration = Duration::from_millis(20);

impl Shell {
    /// Starts it, and waits until it waits for a line.
    pub(crate) fn start() -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "read go; sleep 0.01; read end; true"]);
        let shell = command.stdin(Stdio::piped()).process_group(0).spawn();
        let shell = Self(shell.expect("there is a shell"));
        let reads = || threads::in_server(shell.server())[0].call.as_deref() == Some("read");
        while !reads() {
            thread::sleep(Duration::from_millis(1));
        }
        shell
    }

    pub(crate) fn server(&self) -> Family {
        Family::LedBy(Pid::from_raw(self.number()))
    }

    fn number(&self) -> i32 {
        self.0.id().cast_signed()
    }

    /// Lets it run to its end, and returns its number.
    pub(crate) fn run(mut self) -> i32 {
        thread::sleep(QUIET);
        let mut stdin = self.0.stdin.take().expect("its input is a pipe");
        stdin.write_all(b"go\nend\n").expect("it reads");
        assert!(self.0.wait().expect("it ends").success());
        thread::sleep(QUIET);
        self.number()
    }

    /// Ends it at once.
    pub(crate) fn give_up(mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("it ends");
    }
}

/// The events of a thread, without their times.
pub(crate) fn kinds(recording: &Recording, thread: i32) -> Vec<Kind> {
    let own = recording.events.iter().filter(|event| event.thread == thread);
    own.map(|event| event.kind.clone()).collect()
}

/// Checks what every recording of the shell has, and returns the events of the shell and of its child.
pub(crate) fn check(recording: &Recording, shell: i32) -> (Vec<Kind>, Vec<Kind>) {
    assert!(recording.events.is_sorted_by_key(|event| event.at_ns));
    let within = recording.from_ns..=recording.to_ns;
    assert!(recording.events.iter().all(|event| within.contains(&event.at_ns)));
    let first = &recording.threads[0];
    assert_eq!((first.thread, first.call.as_deref()), (shell, Some("read")));
    let own = kinds(recording, shell);
    let started = own.iter().find_map(|kind| match kind {
        Kind::Started { process, thread } => Some((*process, *thread)),
        _ => None,
    });
    let (process, child) = started.expect("it starts a process");
    assert_eq!(process, child);
    let of_child = kinds(recording, child);
    assert!(
        of_child.contains(&Kind::Named("sleep".to_owned())),
        "{of_child:?}"
    );
    for kinds in [&own, &of_child] {
        assert!(kinds.contains(&Kind::Ended), "{kinds:?}");
    }
    (own, of_child)
}
