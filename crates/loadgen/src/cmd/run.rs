//! `loadgen run`: load a server, measure, and say what it came to.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use loadgen::{Params, Plan, Report, Work};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::{CpuList, Usage, address, cpu_list, print, text, time, usage_or_failure};

/// Load a server with a closed loop and measure: each connection sends its next request when the last is answered
#[derive(Args)]
pub(crate) struct Flags {
    /// The server
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    connect: SocketAddr,

    /// How many connections are open at once
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections: usize,

    /// How many threads drive them
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// How long is measured
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    duration: Duration,

    /// How long the load runs before that
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    warmup: Duration,

    /// The operation: ping, pi, spin, sleep, block or blob
    #[arg(long, default_value = "ping")]
    op: String,

    /// What it is asked with, as JSON, the same each time. Without it a ping has a string that is different each time, and
    /// the others a number of their own (pi 100, spin 100, sleep 10, block 10, blob 1024)
    #[arg(
        long,
        value_name = "JSON",
        allow_hyphen_values = true,
        conflicts_with = "payload"
    )]
    params: Option<String>,

    /// Ping with a string of this many characters
    #[arg(long, value_name = "BYTES")]
    payload: Option<usize>,

    /// Close each connection after this many requests and open another in its place
    #[arg(long, value_name = "N")]
    requests_per_connection: Option<u64>,

    /// How many requests are in flight on each connection
    #[arg(long, value_name = "N", default_value_t = 1)]
    pipeline: usize,

    /// How long a request may take; then it counts as timed out, and its connection is closed and opened anew
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    timeout: Duration,

    /// Write a request's prefix and body apart and without `TCP_NODELAY`, as the original's client does
    #[arg(long)]
    two_writes: bool,

    /// The processors to run on, such as 1 or 2,4-5; a thread each, in turn
    #[arg(long, value_name = "LIST", value_parser = cpu_list)]
    cpus: Option<CpuList>,

    /// Write the result as JSON to this file, or to stdout with -
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,

    /// Print no text
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let plan = flags.plan()?;
    let cancel = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&cancel)).context("can't handle signals")?;
    }
    // A file that can't be written is told before the load and not after it.
    let json = flags.json.as_deref().map(JsonFile::open).transpose()?;
    let outcome = loadgen::run(&plan, &cancel, &mut ()).map_err(usage_or_failure)?;
    let report = outcome.report;
    let prints_json = matches!(json, Some(JsonFile::Stdout));
    if let Some(json) = json {
        json.write(&report)?;
    }
    if !flags.quiet && !prints_json {
        print(&text::page(&report))?;
    }
    Ok(verdict(&report))
}

impl Flags {
    fn plan(&self) -> Result<Plan, Usage> {
        let params = match (&self.params, self.payload) {
            (Some(json), _) => Params::Json(json.clone()),
            (None, Some(bytes)) => Params::Payload(bytes),
            (None, None) => Params::Unique,
        };
        let plan = Plan {
            threads: self.threads,
            pipeline: self.pipeline,
            requests_per_connection: self.requests_per_connection,
            warmup: self.warmup,
            duration: self.duration,
            timeout: self.timeout,
            two_writes: self.two_writes,
            cpus: self.cpus.clone().unwrap_or_default().0,
            ..Plan::closed_loop(self.connect, self.connections, Work::new(&self.op, params)?)
        };
        plan.check()?;
        Ok(plan)
    }
}

/// Exit code 1 if what was measured is bad news: the server is gone, or said what it should not. Connections that it
/// leaves unserved are what some models do, and no bad news.
fn verdict(report: &Report) -> ExitCode {
    let requests = &report.requests;
    let unasked = report
        .failures
        .iter()
        .any(|failures| failures.kind == "unasked_reply");
    let faulty = requests.wrong > 0 || requests.error > 0 || unasked;
    if faulty || requests.ok == 0 || report.ended_early.is_some() || !report.checks.accounting {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Where the JSON goes.
enum JsonFile<'a> {
    Stdout,
    File(std::fs::File, &'a Path),
}

impl<'a> JsonFile<'a> {
    /// Makes sure that it can be written. What the file holds is left until there is something better.
    fn open(path: &'a Path) -> Result<Self, Usage> {
        if path.as_os_str() == "-" {
            return Ok(Self::Stdout);
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        file.map(|file| Self::File(file, path))
            .map_err(|error| Usage(format!("--json {} can't be written: {error}", path.display())))
    }

    fn write(self, report: &Report) -> Result<()> {
        let mut text = serde_json::to_string_pretty(report).context("can't write the result as JSON")?;
        text.push('\n');
        let Self::File(mut file, path) = self else {
            return print(&text);
        };
        // Only a plain file has a length to cut; a device or a pipe refuses.
        if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            file.set_len(0)
                .with_context(|| format!("can't write {}", path.display()))?;
        }
        file.write_all(text.as_bytes())
            .with_context(|| format!("can't write {}", path.display()))
    }
}
