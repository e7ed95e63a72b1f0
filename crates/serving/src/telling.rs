//! What a server says on stderr.

use std::fmt::Display;
use std::io::{self, Write};

/// Says this on a line of stderr, in one write, so that lines of several processes don't mix.
///
/// That it can't be heard, for want of a reader or of room on a disk, is no reason to stop serving: `eprintln!` would
/// panic.
pub(crate) fn tell(what: impl Display) {
    let line = format!("{what}\n");
    let _ = io::stderr().write_all(line.as_bytes());
}
