//! Signals that a parent blocks or ignores: `compare` works all the same, and does not pass this on to servers.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::{Script, eventually, only_run, text, was_measured};

/// Blocks and ignores signals, then becomes the rest of the command line.
const BLOCKS: &str = "import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [2, 15, 17, 14])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])";

const SHOWS: &str = r#"
sys.stderr.write("".join(line for line in open("/proc/self/status") if line.startswith(("SigBlk", "SigIgn"))))
sys.stderr.flush()
serve("listening on 127.0.0.1:%d", lambda: time.sleep(0.001))
"#;

/// The command, started by a parent that blocks and ignores signals.
fn from_a_careless_parent(command: &Command) -> Command {
    let mut careless = Command::new("python3");
    careless
        .args(["-c", BLOCKS])
        .arg(command.get_program())
        .args(command.get_args());
    careless
}

#[test]
fn blocked_and_ignored_signals_are_not_passed_to_servers() {
    let Some(script) = Script::new("shows", SHOWS, "") else {
        return;
    };
    let done = from_a_careless_parent(&script.smoke()).output().unwrap();
    was_measured(&done, &script.out(), "shows");
    let printed = fs::read_to_string(only_run(&script.out()).join("output/verify-shows.log")).unwrap();
    // Python ignores SIGPIPE and SIGXFSZ, and the C library reserves 32 and 33.
    let others = (1u64 << 12) | (1 << 24) | (3 << 31);
    for line in printed.lines().filter(|line| line.starts_with("Sig")) {
        let mask = u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap();
        assert_eq!(mask & !others, 0, "{printed}");
    }
    assert!(printed.contains("SigBlk"), "{printed}");
}

#[test]
fn a_run_started_with_blocked_signals_can_be_interrupted() {
    let Some(script) = Script::new("shows", SHOWS, "") else {
        return;
    };
    let mut run = script.smoke();
    run.args(["--trials", "1000"]);
    let child = from_a_careless_parent(&run)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let runs = script.out().join("runs");
    let begun = || {
        let runs = fs::read_dir(&runs).into_iter().flatten().flatten();
        let mut records = runs.filter_map(|run| fs::metadata(run.path().join("records.jsonl")).ok());
        records.any(|records| records.len() > 0)
    };
    eventually("a trial is recorded", begun);
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let done = child.wait_with_output().unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(message.contains("interrupted after"), "{message}");
}
