//! The progress line: on a terminal, and nowhere else.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::process::Stdio;
use std::thread;

use nix::pty::{Winsize, openpty};

use crate::fake::{Act, Fake, error};
use crate::output::{short_run, start_short_run};
use crate::program::{Left, Running};

/// What a short run writes to its stderr, if that is a terminal.
fn run_on_a_terminal(fake: &Fake, arguments: &[&str]) -> (Left, String) {
    on_a_terminal(None, |stderr| start_short_run(fake, arguments, stderr))
}

/// What a program writes on a terminal of so many columns.
fn on_a_terminal(columns: Option<u16>, start: impl FnOnce(Stdio) -> Running) -> (Left, String) {
    let size = columns.map(|columns| Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    });
    let terminal = openpty(size.as_ref(), None).expect("there can be a pseudo-terminal");
    let running = start(Stdio::from(terminal.slave));
    let mut master = File::from(terminal.master);
    let reader = thread::spawn(move || {
        let (mut all, mut bytes) = (Vec::new(), [0; 1024]);
        loop {
            match master.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => all.extend_from_slice(&bytes[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // EIO: the other side is closed.
                Err(_) => break,
            }
        }
        String::from_utf8(all).expect("the program writes text")
    });
    let left = running.end();
    (left, reader.join().expect("the terminal can be read"))
}

#[test]
fn a_terminal_shows_rate_p99_and_errors() {
    let fake = Fake::new(|asked| {
        if asked.number.is_multiple_of(5) {
            Act::Instead(error("bad_params"))
        } else {
            Act::Answer
        }
    });
    let (left, seen) = run_on_a_terminal(&fake, &[]);
    assert!(left.stdout.contains("closed loop on"), "{}", left.stdout);
    // Each line overwrites the one before it, and the last one is erased.
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
    let misdeeds = fake.misbehaviors();
    assert!(
        (misdeeds.saturating_sub(4)..=misdeeds).contains(&failed),
        "{failed} of {misdeeds}: {seen:?}"
    );
}

#[test]
fn a_quiet_run_shows_no_progress() {
    let (left, seen) = run_on_a_terminal(&Fake::good(), &["--quiet"]);
    assert_eq!((left.code, &*left.stdout, &*seen), (Some(0), "", ""));
}

#[test]
fn a_pipe_shows_no_progress() {
    let left = short_run(&Fake::good(), &[]);
    assert_eq!((left.code, &*left.stderr), (Some(0), ""));
}

/// A run of three intervals with these variables. Replies are slow at first and then fast, so the lines become shorter.
fn run_in_environment(variables: &[&str], columns: u16, arguments: &[&str]) -> (Left, String) {
    let fake = Fake::new(|asked| {
        if asked.number.is_multiple_of(5) {
            Act::Instead(error("bad_params"))
        } else {
            Act::Answer
        }
    });
    let address = fake.address.to_string();
    let mut all = variables.to_vec();
    all.extend([
        env!("CARGO_BIN_EXE_loadgen"),
        "run",
        "--connect",
        &address,
        "--connections",
        "4",
    ]);
    all.extend(["--warmup", "0", "--duration", "300ms"]);
    all.extend(arguments);
    on_a_terminal(Some(columns), |stderr| {
        Running::start_program("env", &all, stderr)
    })
}

/// The rows of a terminal of so many columns after this output, and the most rows that were ever in use.
fn screen(written: &str, columns: usize) -> (Vec<String>, usize) {
    let (mut rows, mut column, mut most) = (vec![String::new()], 0, 1);
    let mut rest = written;
    while let Some(next) = rest.chars().next() {
        let sequence = if rest.starts_with("\x1b[K") {
            "\x1b[K".len()
        } else {
            next.len_utf8()
        };
        let (this, behind) = rest.split_at(sequence);
        rest = behind;
        let row = rows.last_mut().expect("there is a row");
        match this {
            "\r" => column = 0,
            "\n" => rows.push(String::new()),
            "\x1b[K" => *row = row.chars().take(column).collect(),
            shown => {
                if column == columns {
                    (column, most) = (0, most + 1);
                    rows.push(String::new());
                }
                let row = rows.last_mut().expect("there is a row");
                let mut characters: Vec<_> = row.chars().collect();
                characters.resize(characters.len().max(column + 1), ' ');
                characters[column] = shown.chars().next().expect("there is one");
                *row = characters.into_iter().collect();
                column += 1;
            }
        }
    }
    (rows, most)
}

#[test]
fn a_narrow_terminal_keeps_no_piece_of_a_line() {
    for term in ["TERM=xterm", "TERM=dumb"] {
        for columns in [10, 20, 30, 40, 80] {
            let (_, written) = run_in_environment(&[term], columns, &[]);
            assert!(written.contains("/s"), "{columns} columns: {written:?}");
            let (rows, most) = screen(&written, usize::from(columns));
            assert_eq!(most, 1, "{columns} columns, wrapped: {written:?}");
            assert_eq!(rows.concat().trim(), "", "{columns} columns: {written:?}");
        }
    }
}

#[test]
fn a_dumb_terminal_is_sent_no_escape_sequence() {
    for variables in [
        &["TERM=dumb"][..],
        &["TERM=dumb", "CI=true"],
        &["TERM=xterm", "NO_COLOR=1"],
        &["TERM=xterm", "NO_COLOR=1", "CI=true"],
    ] {
        let (left, written) = run_in_environment(variables, 80, &[]);
        assert!(written.contains("requests/s"), "{written:?}");
        assert!(
            !written.contains('\x1b') && !left.stdout.contains('\x1b'),
            "{written:?}"
        );
        // A mistake in the flags has no colors either.
        let (left, written) = run_in_environment(variables, 80, &["--dance"]);
        assert_eq!(left.code, Some(2));
        assert!(
            written.contains("--dance") && !written.contains('\x1b'),
            "{written:?}"
        );
    }
}
