//! What is written to stdout and stderr.

use std::io::{self, Write};

use anyhow::Context;

/// Writes a line to stderr. If that fails, there is nowhere else to write it.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "loadgen: {line}");
}

/// Writes to stdout. The reader may have gone: that is an error, and no panic.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    io::stdout()
        .write_all(text.as_bytes())
        .and_then(|()| io::stdout().flush())
        .context("can't write to stdout")
}
