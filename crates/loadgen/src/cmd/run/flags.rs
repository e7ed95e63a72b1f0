//! The flags of `loadgen run`, and the plan that they make.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use loadgen::plan::SEED_USUAL;
use loadgen::stages::{self, Stage};
use loadgen::{Arrivals, Load, Pacing, Params, Plan, Target, Work, ceiling, rate};

use crate::cmd::fail_if::{self, Condition};
use crate::cmd::output::Output;
use crate::cmd::usage::Usage;
use crate::cmd::values::{CpuList, cpu_list, time, time_above_zero};

/// Load a server: as fast as it answers, or with --rate at a given rate
///
/// Without --rate the loop is closed: each connection sends its next request when the last one is answered. A slow server
/// then gets fewer requests, and its stalls hardly show. With --rate the loop is open: requests are due on a schedule that
/// does not depend on the replies. Latency counts from when a request was due, even if no connection was free.
///
/// Ctrl-C, SIGTERM and SIGHUP end the load and print the result so far. A second signal ends the program at once.
#[derive(Args)]
#[command(allow_negative_numbers = true, after_long_help = metrics_help())]
pub(crate) struct Flags {
    /// Server; each address of a name is tried in turn, IPv4 first
    #[arg(long, value_name = "HOST:PORT", value_parser = Target::resolve)]
    connect: Target,

    /// Connections that are open at the same time (1 to 1000000)
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections: usize,

    /// Threads, which share the connections and the rate evenly (1 to 1024, at most one per connection)
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Length of the measured window (above 0, at most 30days)
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time_above_zero)]
    duration: Duration,

    /// Number of measured requests, in place of a duration: the run ends with the last of them (1 to 2^64-1)
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    requests: Option<u64>,

    /// Length of the load before the window (0 to 30days) [default: 1s, or 0 with --requests]
    #[arg(long, value_name = "TIME", value_parser = time)]
    warmup: Option<Duration>,

    /// Requests/s on all connections together, such as 500, 10k, 1.5M or 600/min (0.001 to 10M); without it the loop is
    /// closed
    #[arg(long, value_parser = rate::parse, group = "open_loop")]
    rate: Option<f64>,

    /// TOML file of [[stage]] tables for a changing rate: duration = "30s", rate = "10k" (or from = 100, to = "1k"), and an
    /// optional name
    #[arg(long, value_name = "FILE", group = "open_loop", conflicts_with_all = ["duration", "requests"])]
    stages: Option<PathBuf>,

    /// Distribution of the gaps between due requests
    #[arg(long, value_enum, default_value_t = ArrivalsFlag::Poisson, requires = "open_loop")]
    arrivals: ArrivalsFlag,

    /// How a thread waits until a request is due
    #[arg(long, value_enum, default_value_t = PacingFlag::Hybrid, requires = "open_loop")]
    pacing: PacingFlag,

    /// Operation: ping, pi, spin, sleep, block, blob or work
    #[arg(long, default_value = "ping")]
    op: String,

    /// Parameters as JSON, the same in each request [default: a different string for each ping; pi 100, spin 100, sleep 10,
    /// block 10, blob 1024, work {"cpu_us": 100, "wait_ms": 10}]
    #[allow(clippy::doc_markdown, reason = "a help text is not Markdown")]
    #[arg(
        long,
        value_name = "JSON",
        conflicts_with = "payload",
        allow_hyphen_values = true
    )]
    params: Option<String>,

    /// Length of the string in each ping (0 to 268435456)
    #[arg(long, value_name = "BYTES")]
    payload: Option<usize>,

    /// TOML file of [[operation]] tables: op, weight, and one of params, payload and times, such as times = { distribution =
    /// "exponential", mean = 100 }
    #[arg(long, value_name = "FILE", conflicts_with_all = ["op", "params", "payload"])]
    mix: Option<PathBuf>,

    /// Requests per connection; then it is closed and another is opened (1 to 2^64-1) [default: no limit]
    #[arg(long, value_name = "N")]
    requests_per_connection: Option<u64>,

    /// Requests in flight on each connection; with --rate at most that many (1 to 10000000 on all connections together)
    #[arg(long, value_name = "N", default_value_t = 1)]
    pipeline: usize,

    /// Extra idle connections, opened before the load (0 to 1000000)
    #[arg(long, value_name = "N", default_value_t = 0)]
    idle: usize,

    /// Extra connections that send half a frame and then nothing, opened before the load (0 to 1000000)
    #[arg(long, value_name = "N", default_value_t = 0)]
    silent: usize,

    /// Time limit of a request and of an attempt to connect; a connection whose requests all timed out is replaced (above 0,
    /// at most 30days)
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time_above_zero)]
    timeout: Duration,

    /// Bound of latency: report how many of the planned requests got a good reply within it (above 0, at most 30days)
    #[arg(long, value_name = "TIME", value_parser = time_above_zero)]
    within: Option<Duration>,

    /// Time to wait for a server that does not accept connections yet (0 to 30days)
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time)]
    wait_for_server: Duration,

    /// Time to keep trying while the server refuses connections; then the run ends. With --requests also while they fail in
    /// other ways, for at least 3 timeouts (0 to 30days)
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time)]
    ride_out: Duration,

    /// Write the length and the body of a request separately and without TCP_NODELAY, as the original client does
    #[arg(long)]
    #[expect(clippy::doc_markdown, reason = "help has no Markdown")]
    two_writes: bool,

    /// CPUs of the threads, in turn, such as 1 or 2,4-5 (0 to 1023); to bind the main thread too, start loadgen by taskset(1)
    #[arg(long, value_name = "LIST", value_parser = cpu_list)]
    cpus: Option<CpuList>,

    /// Seed of Poisson arrivals and of a mix (0 to 2^64-1)
    #[arg(long, value_name = "N", default_value_t = SEED_USUAL)]
    seed: u64,

    /// File for the result as JSON, written when the run is over; - is stdout
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,

    /// File for the latencies of each second, as an HdrHistogram interval log (V2), written as the load goes on; - is stdout
    #[arg(long, value_name = "PATH")]
    #[expect(clippy::doc_markdown, reason = "help has no Markdown")]
    hdr: Option<PathBuf>,

    /// Exit with 1 if this holds, such as p99>5ms, errors>0, rate<10k or failed>1%; may be repeated
    #[arg(long, value_name = "EXPR", value_parser = Condition::parse)]
    fail_if: Vec<Condition>,

    /// Print no text and no progress; text is never printed where --json or --hdr goes to stdout
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ArrivalsFlag {
    /// Exponential gaps: many independent clients
    Poisson,
    /// Equal gaps
    Uniform,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PacingFlag {
    /// Sleep, then watch the clock for the last 60 µs to 1 ms, as long as this machine needs: precise, for part of a CPU
    Hybrid,
    /// Watch the clock: most precise, for a whole CPU
    Spin,
    /// Sleep: 20 to 80 µs late, for the least CPU
    Sleep,
}

fn metrics_help() -> String {
    format!(
        "Metrics of --fail-if, of the window, with >, >=, < or <= (one without a value fails too):\n  {}",
        fail_if::NAMES.replace("; ", "\n  ")
    )
}

impl Flags {
    /// The conditions under which the run fails.
    pub(super) fn conditions(&self) -> &[Condition] {
        &self.fail_if
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The outputs of `--json` and of `--hdr`.
    pub(super) fn outputs(&self) -> Result<(Option<Output<'_>>, Option<Output<'_>>), Usage> {
        let json = Output::open_if_asked("--json", self.json.as_deref())?;
        let hdr = Output::open_if_asked("--hdr", self.hdr.as_deref())?;
        if let (Some(json), Some(hdr)) = (&json, &hdr)
            && json.is_same(hdr)
        {
            return Err(Usage(
                "--json and --hdr name the same file; use two files".to_owned(),
            ));
        }
        Ok((json, hdr))
    }

    pub(super) fn plan(&self) -> Result<Plan> {
        let connect = || self.connect.clone();
        let plan = match (self.rate, &self.stages) {
            (None, None) => Plan::closed_loop(connect(), self.connections, self.work()?),
            (Some(rate_per_s), _) => Plan::open_loop(connect(), self.connections, rate_per_s, self.work()?),
            (None, Some(path)) => Plan::staged(connect(), self.connections, read_stages(path)?, self.work()?),
        };
        let load = match plan.load {
            Load::Closed => Load::Closed,
            Load::Open { rate_per_s, .. } => Load::Open {
                rate_per_s,
                arrivals: match self.arrivals {
                    ArrivalsFlag::Poisson => Arrivals::Poisson,
                    ArrivalsFlag::Uniform => Arrivals::Uniform,
                },
                pacing: match self.pacing {
                    PacingFlag::Hybrid => Pacing::Hybrid,
                    PacingFlag::Spin => Pacing::Spin,
                    PacingFlag::Sleep => Pacing::Sleep,
                },
            },
        };
        let cpus = self.cpus.clone().unwrap_or_default().0;
        let plan = Plan {
            threads: self.threads,
            load,
            pipeline: self.pipeline,
            requests_per_connection: self.requests_per_connection,
            idle: self.idle,
            silent: self.silent,
            warmup: self.warmup.unwrap_or(match self.requests {
                None => plan.warmup,
                Some(_) => Duration::ZERO,
            }),
            duration: self.duration,
            requests: self.requests,
            timeout: self.timeout,
            within: self.within,
            wait_for_server: self.wait_for_server,
            ride_out: self.ride_out,
            two_writes: self.two_writes,
            seed: self.seed,
            ceiling_per_s: ceiling::known(self.threads, &cpus),
            cpus,
            ..plan
        };
        plan.check().map_err(Usage::from)?;
        Ok(plan)
    }

    fn work(&self) -> Result<Work> {
        if let Some(path) = &self.mix {
            let text = fs::read_to_string(path)
                .map_err(|error| Usage(format!("can't read --mix {}: {error}", path.display())))?;
            return Work::mix(&text, self.seed)
                .map_err(|error| Usage(format!("--mix {}: {error}", path.display())).into());
        }
        let params = match (&self.params, self.payload) {
            (Some(json), _) => Params::Json(json.clone()),
            (None, Some(bytes)) => Params::Payload(bytes),
            (None, None) => Params::Unique,
        };
        Ok(Work::new(&self.op, params).map_err(Usage::from)?)
    }
}

fn read_stages(path: &Path) -> Result<Vec<Stage>, Usage> {
    let text = fs::read_to_string(path)
        .map_err(|error| Usage(format!("can't read --stages {}: {error}", path.display())))?;
    stages::parse(&text).map_err(|error| Usage(format!("--stages {}: {error}", path.display())))
}
