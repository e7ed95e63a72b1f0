//! `loadgen run`: load a server, measure, and say what it came to.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use loadgen::{Params, Plan, Report, Work};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::{CpuList, Usage, address, cpu_list, text, time, usage_or_failure};

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
    #[arg(long, value_name = "JSON", conflicts_with = "payload")]
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
    let mut json = flags.json.as_deref().map(open_json).transpose()?;
    let outcome = loadgen::run(&plan, &cancel, &mut ()).map_err(usage_or_failure)?;
    let report = outcome.report;
    if let Some(json) = &mut json {
        serde_json::to_writer_pretty(&mut *json, &report)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(json))
            .with_context(|| {
                format!(
                    "can't write {}",
                    flags.json.as_deref().unwrap_or("-".as_ref()).display()
                )
            })?;
    }
    let prints_json = flags.json.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if !flags.quiet && !prints_json {
        print!("{}", text::page(&report));
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

/// Exit code 1 if what was measured is bad news: the server is gone, or said something wrong.
fn verdict(report: &Report) -> ExitCode {
    let bad = report.requests.wrong > 0 || report.requests.ok == 0 || report.ended_early.is_some();
    if bad || !report.checks.accounting {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn open_json(path: &std::path::Path) -> Result<Box<dyn Write>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdout()));
    }
    let file = fs::File::create(path).with_context(|| format!("can't write {}", path.display()))?;
    Ok(Box::new(io::BufWriter::new(file)))
}
