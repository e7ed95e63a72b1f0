//! The flags that every server takes, and the way in and out of its process.

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, ValueEnum};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use protocol::{FrameLimit, SessionOptions, Writes};

use crate::connection::Service;
use crate::model::Model;
use crate::tally::Tally;
use crate::telling::tell;
use crate::times::{self, TimeOrOff};
use crate::{Error, Result, inherited, telling};

/// The flags that every server takes. For a model without flags of its own they are all there are.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Options {
    /// Address to listen on; with port 0 the kernel chooses one, which the ready line shows
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    pub listen: SocketAddr,

    /// Connections that the kernel holds before the server accepts them, 1 to 2147483647 (it caps this at
    /// net.core.somaxconn)
    #[arg(long, value_name = "CONNECTIONS", default_value_t = 4096, value_parser = clap::value_parser!(i32).range(1..))]
    pub backlog: i32,

    /// Most connections served at once, 1 to 4294967295; further ones wait in the backlog. Each worker may hold an equal
    /// share [default: no limit]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: Option<u32>,

    /// Longest request body, 256 to 1073741824 bytes; a longer one is answered `frame_too_large`, and the connection
    /// closes
    #[arg(long, value_name = "BYTES", default_value = "1048576", value_parser = frame_limit)]
    pub max_frame: FrameLimit,

    /// Close a connection on which no byte moves in either direction for this long, 1ms to 365days, or off. A peer that
    /// reads a reply slowly is not idle
    #[arg(long, value_name = "TIME", default_value = "off", allow_hyphen_values = true, value_parser = times::timeout)]
    pub idle_timeout: TimeOrOff,

    /// Close a connection whose request is not whole this long after its first byte, 1ms to 365days, or off, however
    /// steadily its bytes come
    #[arg(long, value_name = "TIME", default_value = "off", allow_hyphen_values = true, value_parser = times::timeout)]
    pub frame_timeout: TimeOrOff,

    /// Probe a silent peer after this long, 1s to 9h, or off. A peer that answers none of three probes is gone after
    /// twice this time and 3 s
    #[arg(long, value_name = "TIME", default_value = "5m", allow_hyphen_values = true, value_parser = times::keepalive)]
    pub keepalive: TimeOrOff,

    /// Time for requests in progress after SIGTERM or SIGINT, 0 to 365days. A second signal ends the server at once, with
    /// exit code 1
    #[arg(long, value_name = "TIME", default_value = "5s", allow_hyphen_values = true, value_parser = times::drain)]
    pub drain_timeout: Duration,

    /// Write a reply's prefix and body apart and without `TCP_NODELAY`, as the original does; a client that waits for each
    /// reply loses 40 ms
    #[arg(long)]
    pub two_writes: bool,

    /// Print a line on stderr when a connection opens and when it closes
    #[arg(short, long)]
    pub verbose: bool,

    /// Print what this model is as one JSON object, and exit
    #[arg(long)]
    pub describe: bool,
}

impl Options {
    /// The most connections served at the same time, if that is limited.
    #[must_use]
    pub fn max_connections(&self) -> Option<usize> {
        self.max_connections
            .map(|most| usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// The service as a connection needs to know it.
    #[must_use]
    pub fn service(&self) -> Service {
        let writes = if self.two_writes {
            Writes::PrefixThenBody
        } else {
            Writes::Whole
        };
        Service {
            session: SessionOptions {
                limit: self.max_frame,
                writes,
            },
            idle_timeout: self.idle_timeout.0,
            frame_timeout: self.frame_timeout.0,
            verbose: self.verbose,
        }
    }
}

/// The flags of a server that has a fixed set of workers.
#[derive(Debug, Clone, Args)]
pub struct WorkerOptions {
    /// How workers get connections
    #[arg(long, value_enum, default_value_t = Accept::Shared)]
    pub accept: Accept,

    /// Successors in a row that may die within 2 s of their start before a worker's slot is given up, 0 to 4294967295.
    /// With no slot left, exit with 1
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 10)]
    pub start_retries: u32,

    /// File to which each worker that ends in good order appends a line of JSON: how many connections and requests it
    /// served
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(Tally::open))]
    pub tally: Option<Tally>,
}

impl WorkerOptions {
    /// The last thing that the worker of a slot does: it writes to the file of `--tally`, if there is one, how much came
    /// to it.
    pub fn append_tally(&self, slot: usize) -> Result<()> {
        match &self.tally {
            Some(tally) => tally.append(slot),
            None => Ok(()),
        }
    }
}

/// How the workers of a prefork kind come by connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Accept {
    /// All accept from one listener; whoever is free takes the next connection
    Shared,
    /// A listener each on the same port (`SO_REUSEPORT`); the kernel deals connections out by a hash of their addresses,
    /// whether or not that worker is free
    Reuseport,
}

/// Reads the flags, runs a server of this model, and returns its exit code: 0 for done, 1 for a failure, 2 for wrong flags.
/// An error takes one line.
#[must_use]
pub fn main<F: Parser>(model: &Model, run: impl FnOnce(&F) -> Result<()>) -> ExitCode {
    let settled = inherited::reset();
    telling::prepare();
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
            tell(format_args!(
                "{}: {}; see --help",
                program(),
                one_line(&error.to_string())
            ));
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
            tell(format_args!("{}: {error}", program()));
            ExitCode::FAILURE
        }
    };
    telling::finish();
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
            tell(format_args!(
                "{}: can't print the description: {error}",
                program()
            ));
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

/// A dumb terminal shows escape sequences as they are. Left to itself, clap would take one for a terminal with colours where
/// the variable `CI` is set. `NO_COLOR` it honours.
fn colors() -> clap::ColorChoice {
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        clap::ColorChoice::Never
    } else {
        clap::ColorChoice::Auto
    }
}

/// The name this server was started by, for what it prints on stderr.
#[must_use]
pub fn program() -> String {
    std::env::args_os()
        .next()
        .as_deref()
        .and_then(|path| {
            std::path::Path::new(path)
                .file_name()?
                .to_str()
                .map(str::to_owned)
        })
        .unwrap_or_else(|| "server".to_owned())
}

/// The soft limit on descriptors is there for programs that still use `select`; a server takes what it is allowed.
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

fn address(text: &str) -> std::result::Result<SocketAddr, String> {
    let addresses: Vec<_> = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}, want HOST:PORT"))?
        .collect();
    // `localhost` may name ::1 first, where the original's client does not look.
    let first = addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first());
    first.copied().ok_or_else(|| "the name has no address".to_owned())
}

fn frame_limit(text: &str) -> std::result::Result<FrameLimit, String> {
    let bytes = text.parse().map_err(|_| "want a number of bytes".to_owned())?;
    FrameLimit::new(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_a_flag_is_one_line_that_names_it() {
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

    #[test]
    fn the_defaults_are_those_of_the_original_where_it_has_them() {
        let options = Options::try_parse_from(["server"]).unwrap();
        assert_eq!(options.listen.to_string(), "127.0.0.1:8080");
        assert!(options.service().idle_timeout.is_none());
        assert_eq!(
            Options::try_parse_from(["server", "--listen=localhost:0"])
                .unwrap()
                .listen
                .port(),
            0
        );
    }
}
