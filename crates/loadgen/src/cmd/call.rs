//! `loadgen call`: the client of the original tutorial.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use loadgen::Target;
use loadgen::call::Caller;

use super::streams::print;
use super::usage::Usage;
use super::values::{time, time_above_zero};

/// Call a server and print each reply on a line, as the original client does
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Flags {
    /// Server; each address of a name is tried in turn, IPv4 first
    #[arg(long, value_name = "HOST:PORT", value_parser = Target::resolve)]
    connect: Target,

    /// Operation: ping, pi, spin, sleep, block, blob or work
    #[arg(long, default_value = "ping")]
    op: String,

    /// Parameters as JSON [default: "ireader 0", then "ireader 1" and so on]
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    params: Option<String>,

    /// Number of calls, one after the other on one connection (0 to 2^64-1)
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: u64,

    /// Pause between two calls (0 to 30days)
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time)]
    interval: Duration,

    /// Time limit of a call and of an attempt to connect (above 0, at most 30days)
    #[arg(long, value_name = "TIME", default_value = "70s", value_parser = time_above_zero)]
    timeout: Duration,

    /// Time to wait for a server that does not accept connections yet (0 to 30days)
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time)]
    wait_for_server: Duration,
}

/// Calls the server. The exit code is 1 if a reply was an error.
pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    if let Some(params) = &flags.params {
        serde_json::from_str::<serde::de::IgnoredAny>(params).map_err(|error| {
            Usage(format!(
                "--params {params} is not JSON: {error}; put a string into quotes: --params '\"text\"'"
            ))
        })?;
    }
    let mut caller = Caller::connect(&flags.connect, flags.timeout, flags.wait_for_server)?;
    let mut code = ExitCode::SUCCESS;
    for number in 0..flags.count {
        if number > 0 {
            std::thread::sleep(flags.interval);
        }
        let counted = format!("\"ireader {number}\"");
        let answer = caller.call(&flags.op, flags.params.as_deref().unwrap_or(&counted))?;
        print(&format!("{} {}\n", answer.kind, answer.result))?;
        if answer.kind == "error" {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
