//! The way in and out of a server's process.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{ColorChoice, Parser};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::error::{Error, Result};
use crate::model::Model;
use crate::{inherited, log};

/// Reads the flags, runs a server of this model, and returns its exit code: 0 for done, 1 for a failure, 2 for wrong flags.
/// An error takes one line.
#[must_use]
pub fn main<F: Parser>(model: &Model, run: impl FnOnce(&F) -> Result<()>) -> ExitCode {
    let settled = inherited::reset();
    log::prepare();
    let parsed = F::command()
        .name(model.program())
        .about(capitalized(model.summary))
        .long_about(None::<&str>)
        .color(colors())
        .try_get_matches()
        .and_then(|matches| Ok((matches.get_flag("describe"), F::from_arg_matches(&matches)?)));
    let flags = match parsed {
        Ok((true, _)) => return describe(model),
        Ok((false, flags)) => flags,
        Err(error) if error.use_stderr() => {
            log::message(format_args!("{}; see --help", one_line(&error.to_string())));
            return ExitCode::from(2);
        }
        Err(help) => {
            let _ = help.print();
            return ExitCode::SUCCESS;
        }
    };
    allow_all_descriptors();
    let code = match settled.and_then(|()| run(&flags)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Reported) => ExitCode::FAILURE,
        Err(error) => {
            log::message(&error);
            ExitCode::from(if matches!(error, Error::Flag { .. }) { 2 } else { 1 })
        }
    };
    log::finish();
    code
}

/// Prints the model's description on stdout.
fn describe(model: &Model) -> ExitCode {
    let mut line = serde_json::to_string(&model.description()).expect("a description is plain JSON");
    line.push('\n');
    let mut stdout = io::stdout().lock();
    match stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::message(format_args!("can't print the description: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn capitalized(phrase: &str) -> String {
    let mut letters = phrase.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// Whether help and errors have colours. A dumb terminal prints escape sequences as text, and clap does not notice that
/// where the variable `CI` is set. clap itself heeds `NO_COLOR`.
fn colors() -> ColorChoice {
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        ColorChoice::Never
    } else {
        ColorChoice::Auto
    }
}

/// Raises the soft limit of descriptors to the hard one. The soft limit exists for programs that still use select(2).
fn allow_all_descriptors() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// The first paragraph of a message, in one line and without its `error: `.
fn one_line(message: &str) -> String {
    let paragraph: Vec<_> = message
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    let line = paragraph.join(" ");
    line.strip_prefix("error: ").map_or(line.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    #[test]
    fn a_wrong_flag_is_named_in_one_line() {
        for (flag, value) in [
            ("--listen", "nonsense"),
            ("--listen", "127.0.0.1"),
            ("--max-frame", "x"),
            ("--max-frame", "1"),
            ("--idle-timeout", "soon"),
            ("--idle-timeout", "0s"),
            ("--idle-timeout", "500000000000years"),
            ("--frame-timeout", "999us"),
            ("--keepalive", "10h"),
            ("--drain-timeout", "-1s"),
            ("--backlog", "0"),
            ("--no-such-flag", "1"),
        ] {
            let error = Options::try_parse_from(["server", &format!("{flag}={value}")]).unwrap_err();
            let line = one_line(&error.to_string());
            assert!(
                line.contains(flag) && !line.contains('\n') && !line.starts_with("error"),
                "{line}"
            );
        }
    }
}
