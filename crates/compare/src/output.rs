//! What goes to stdout and stderr. A stream that is closed or full is no reason to panic.

use std::io::{self, ErrorKind, Write};

use anyhow::{Context, Result};

/// Prints on stdout. A reader that has seen enough, such as `head`, is no error.
#[expect(dead_code)]
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("can't write to stdout"),
    }
}

/// Prints a line on stderr. If that fails there is nowhere to report it.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
