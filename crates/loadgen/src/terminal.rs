//! What a program may print on a terminal.

use std::env;
use std::ffi::OsStr;

use clap::ColorChoice;

/// Whether the terminal shows escape sequences as they are.
#[must_use]
pub fn is_dumb() -> bool {
    shows_escapes(env::var_os("TERM").as_deref())
}

/// Whether clap may use colours. It honours `NO_COLOR`, but uses colours on a dumb terminal if the variable `CI` is set.
#[must_use]
pub fn colors() -> ColorChoice {
    if is_dumb() {
        ColorChoice::Never
    } else {
        ColorChoice::Auto
    }
}

fn shows_escapes(term: Option<&OsStr>) -> bool {
    term.is_some_and(|term| term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_dumb_terminal_shows_escapes() {
        assert!(shows_escapes(Some(OsStr::new("dumb"))));
        assert!(!shows_escapes(Some(OsStr::new("xterm"))) && !shows_escapes(None));
    }
}
