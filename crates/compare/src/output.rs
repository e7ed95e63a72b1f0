//! Output on stdout and stderr. A closed or full stream causes no panic, and text from outside is escaped for a terminal.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use anyhow::{Context, Result};

use schema::text::terminal;

/// Prints on stdout. A reader that closes it early, such as `head`, is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let text = terminal::escape(text);
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("can't write to stdout"),
    }
}

/// Text for stdout, collected in pieces.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn add(&mut self, piece: impl Display) {
        self.0.push_str(&piece.to_string());
    }

    /// Prints all of it at once.
    pub(crate) fn print(&self) -> Result<()> {
        print(&self.0)
    }
}

/// Prints a line on stderr. If that fails there is nowhere to report it.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", terminal::escape(line));
}

/// A path or another argument, quoted for a shell, whatever bytes it has.
pub(crate) fn for_shell(argument: &OsStr) -> String {
    if let Some(text) = argument.to_str().filter(|text| !text.contains(char::is_control)) {
        return shell_words::quote(text).into_owned();
    }
    let mut quoted = "$'".to_owned();
    for &byte in argument.as_encoded_bytes() {
        match byte {
            b'\'' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            other => quoted.extend(["\\x".to_owned(), format!("{other:02x}")]),
        }
    }
    quoted + "'"
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn any_path_can_be_given_to_a_shell_again() {
        for (bytes, quoted) in [
            (&b"results/a"[..], "results/a"),
            (b"my results", "'my results'"),
            (b"x\xff'\n", "$'x\\xff\\'\\x0a'"),
        ] {
            assert_eq!(for_shell(OsStr::from_bytes(bytes)), quoted);
        }
    }
}
