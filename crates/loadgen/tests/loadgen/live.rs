//! The line that says how the load is going: on a terminal, and nowhere else.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::process::Stdio;
use std::thread;

use nix::pty::openpty;

use crate::fake::{Act, Fake, error};
use crate::output::{short_run, start_short_run};
use crate::program::Left;

/// A short run whose stderr is a terminal, and what stands on that when it is over.
fn run_on_a_terminal(fake: &Fake, arguments: &[&str]) -> (Left, String) {
    let terminal = openpty(None, None).expect("there can be a pseudo-terminal");
    let running = start_short_run(fake, arguments, Stdio::from(terminal.slave));
    let mut master = File::from(terminal.master);
    let reader = thread::spawn(move || {
        let (mut all, mut bytes) = (Vec::new(), [0; 1024]);
        loop {
            match master.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => all.extend_from_slice(&bytes[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // EIO: nobody has the other side open any more.
                Err(_) => break,
            }
        }
        String::from_utf8(all).expect("the program writes text")
    });
    let left = running.end();
    (left, reader.join().expect("the terminal can be read"))
}

#[test]
fn a_terminal_is_told_rate_p99_and_errors_as_the_load_goes_on() {
    let fake = Fake::new(|asked| {
        if asked.number.is_multiple_of(5) {
            Act::Instead(error("bad_params"))
        } else {
            Act::Answer
        }
    });
    let (left, seen) = run_on_a_terminal(&fake, &[]);
    assert!(left.stdout.contains("closed loop on"), "{}", left.stdout);
    // Each line is written over the one before it, and the last is wiped away.
    let lines: Vec<_> = seen
        .split('\r')
        .filter(|line| line.contains("requests/s"))
        .collect();
    assert!(!lines.is_empty() && seen.ends_with("\r\x1b[K"), "{seen:?}");
    let mut failed = 0;
    for line in lines {
        let (speed, failures) = line.rsplit_once(", ").expect("it has parts");
        assert!(
            speed.contains(" s: ") && speed.contains(" requests/s, p99 "),
            "{line:?}"
        );
        let count = failures
            .strip_suffix(" failed\x1b[K")
            .expect("it ends with the errors");
        failed += count.parse::<u64>().expect("they are counted");
    }
    // The last reply on each of the four connections may come after the window.
    let misdeeds = fake.misdeeds();
    assert!(
        (misdeeds.saturating_sub(4)..=misdeeds).contains(&failed),
        "{failed} of {misdeeds}: {seen:?}"
    );
}

#[test]
fn a_terminal_is_told_nothing_by_a_quiet_run() {
    let (left, seen) = run_on_a_terminal(&Fake::good(), &["--quiet"]);
    assert_eq!((left.code, &*left.stdout, &*seen), (Some(0), "", ""));
}

#[test]
fn what_is_no_terminal_is_told_nothing() {
    let left = short_run(&Fake::good(), &[]);
    assert_eq!((left.code, &*left.stderr), (Some(0), ""));
}
