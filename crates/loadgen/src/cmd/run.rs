//! `loadgen run`: load a server, measure, and say what it came to.

use std::fs;
use std::io::{self, LineWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use loadgen::hdr::{self, V2DeflateSerializer};
use loadgen::plan::SEED_USUAL;
use loadgen::slices::Times;
use loadgen::stages::{self, Stage};
use loadgen::{Arrivals, Load, Observer, Pacing, Params, Plan, Report, Target, Work, ceiling, rate};
use schema::load::{Failures, Interval};

use super::fail_if::{self, Condition};
use super::output::{Begun, Output};
use super::signals::cancelled_by_signals;
use super::{CpuList, Usage, complain, cpu_list, live, print, text, time, time_above_zero, usage_or_failure};

/// Load a server and measure: as fast as it answers, or with --rate at a rate of your choice
///
/// Without --rate the loop is closed: each connection sends its next request when the last is answered, so a slow server
/// is asked less, and its stalls hardly show. With --rate it is open: requests are due on a schedule that owes nothing to
/// the replies, and latency counts from when a request was due, whether or not a connection was free for it.
///
/// Ctrl-C, SIGTERM and SIGHUP end the load, with what was measured; a second one ends the program at once.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Flags {
    /// The server; each address of a name is tried in turn, those of IPv4 first
    #[arg(long, value_name = "HOST:PORT", value_parser = Target::resolve)]
    connect: Target,

    /// Connections that are open at once (1 to 1000000)
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections: usize,

    /// Threads that drive them, each with its share of the connections and of the rate (1 to 1024, at most one per
    /// connection)
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Length of the window that is measured (above 0, at most 30days)
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time_above_zero)]
    duration: Duration,

    /// Number of requests that are measured, in place of a duration: the run ends with the last of them (1 to 2^64-1)
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    requests: Option<u64>,

    /// Time that the load runs before the window (0 to 30days) [default: 1s, or 0 with --requests]
    #[arg(long, value_name = "TIME", value_parser = time)]
    warmup: Option<Duration>,

    /// Requests due per second on all connections together, such as 500, 10k, 1.5M or 600/min (0.001 to 10M); without it the
    /// loop is closed
    #[arg(long, value_parser = rate::parse, group = "open_loop")]
    rate: Option<f64>,

    /// TOML file of [[stage]] tables for a rate that changes: each has duration = "30s", and rate = "10k" or from = 100 and
    /// to = "1k"; name is optional. The warm-up has the first rate
    #[arg(long, value_name = "FILE", group = "open_loop", conflicts_with_all = ["duration", "requests"])]
    stages: Option<PathBuf>,

    /// How the gaps between due requests are distributed
    #[arg(long, value_enum, default_value_t = ArrivalsFlag::Poisson, requires = "open_loop")]
    arrivals: ArrivalsFlag,

    /// How a thread waits until a request is due
    #[arg(long, value_enum, default_value_t = PacingFlag::Hybrid, requires = "open_loop")]
    pacing: PacingFlag,

    /// The operation: ping, pi, spin, sleep, block or blob
    #[arg(long, default_value = "ping")]
    op: String,

    /// What it is asked with, as JSON, the same each time. Without it a ping has a string that is different each time, and
    /// the others a number of their own (pi 100, spin 100, sleep 10, block 10, blob 1024)
    #[arg(
        long,
        value_name = "JSON",
        conflicts_with = "payload",
        allow_hyphen_values = true
    )]
    params: Option<String>,

    /// Ping with a string of this many characters (0 to 268435456)
    #[arg(long, value_name = "BYTES")]
    payload: Option<usize>,

    /// A TOML file of [[operation]] tables, each with op, weight, and params, payload or times; times = { distribution =
    /// "exponential", mean = 100 }, or "constant" with value, or "bimodal" with low, high and `high_share`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["op", "params", "payload"])]
    mix: Option<PathBuf>,

    /// Close each connection after this many requests and open another in its place (1 to 2^64-1)
    #[arg(long, value_name = "N")]
    requests_per_connection: Option<u64>,

    /// Requests in flight on each connection; with --rate, at most (1 to 10000000, on all connections together)
    #[arg(long, value_name = "N", default_value_t = 1)]
    pipeline: usize,

    /// Extra idle connections, opened before the load (0 to 1000000)
    #[arg(long, value_name = "N", default_value_t = 0)]
    idle: usize,

    /// Extra connections that send half a frame and then nothing, opened before the load (0 to 1000000)
    #[arg(long, value_name = "N", default_value_t = 0)]
    silent: usize,

    /// Time limit of a request from its sending, and of each attempt to connect (above 0, at most 30days). A request that
    /// times out ends its connection, and another is opened in its place
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time_above_zero)]
    timeout: Duration,

    /// Time to wait for a server that does not take connections yet (0 to 30days)
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time)]
    wait_for_server: Duration,

    /// Time to keep trying while the server refuses connections, as in a restart; then the run ends (0 to 30days). With
    /// --requests, the run also ends if connections fail in any way for this time and for three times --timeout
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time)]
    ride_out: Duration,

    /// Write a request's prefix and body apart and without `TCP_NODELAY`, as the original's client does
    #[arg(long)]
    two_writes: bool,

    /// CPUs to run on (0 to 1023), such as 1 or 2,4-5; one for each thread of the load, in turn
    ///
    /// What puts their results together once a second takes a millisecond at most, and may do so on any processor; start the
    /// load generator by taskset(1) to hold that as well.
    #[arg(long, value_name = "LIST", value_parser = cpu_list)]
    cpus: Option<CpuList>,

    /// Seed of Poisson arrivals and of the choices of a mix (0 to 2^64-1)
    #[arg(long, value_name = "N", default_value_t = SEED_USUAL)]
    seed: u64,

    /// Write the result as JSON to this file, or to stdout with -; the file is replaced when the run is over
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,

    /// Write the latencies of each second as an `HdrHistogram` interval log (V2) to this file, or to stdout with -; each
    /// interval is written when it is over
    #[arg(long, value_name = "PATH")]
    hdr: Option<PathBuf>,

    /// Exit with 1 if this holds, such as p99>5ms, errors>0, rate<10k or failed>1%; may be given more than once
    #[arg(long, value_name = "EXPR", value_parser = Condition::parse, long_help = fail_if_help())]
    fail_if: Vec<Condition>,

    /// Print no text and no progress; there is no text either where --json or --hdr goes to stdout
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ArrivalsFlag {
    /// Exponential gaps: many clients that know nothing of each other
    Poisson,
    /// Equal gaps
    Uniform,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PacingFlag {
    /// Sleep, then watch the clock for the last stretch: precise, for some of a processor. The stretch is 1 ms at first, and
    /// becomes shorter, down to 60 µs, as requests are in time. Below a thousand requests a second most of the CPU a request
    /// is this watching, and sleep costs least
    Hybrid,
    /// Watch the clock: the most precise, for all of a processor
    Spin,
    /// Sleep: some 20 to 80 µs late, for the least of a processor
    Sleep,
}

fn fail_if_help() -> String {
    format!(
        "Exit with 1 if this holds, such as p99>5ms, errors>0, rate<10k or failed>1%; may be given more than once. A metric \
        without a value fails too. Metrics of the window, compared by >, >=, < or <=: {}",
        fail_if::NAMES
    )
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let plan = flags.plan()?;
    let cancel = cancelled_by_signals()?;
    // A file that can't be written is told before the load and not after it.
    let (json, hdr) = flags.outputs()?;
    let mut serializer = V2DeflateSerializer::new();
    let mut lines = hdr.as_ref().map(|hdr| lines_to(hdr));
    let mut view = View {
        live: (!flags.quiet).then(live::Line::on_a_terminal).flatten(),
        // To write a second's histograms takes a CPU for milliseconds, which the load may be in need of.
        blank: lines.as_mut().map(|lines| (lines, &mut serializer)),
        log: None,
        fault: None,
    };
    let outcome = loadgen::run(&plan, &cancel, &mut view).map_err(usage_or_failure)?;
    let View { live, log, fault, .. } = view;
    drop((live, log));
    let fault = fault.map_or_else(|| lines.as_mut().map_or(Ok(()), Write::flush), Err);
    let report = outcome.report;
    let prints_page = !flags.quiet
        && ![&json, &hdr]
            .into_iter()
            .flatten()
            .any(|it| it.is_same(&Output::Stdout));
    let page = || print(&text::page(&report));
    // What was measured is not measured again: an output that can't be written leaves the others to be had.
    let written = [
        prints_page.then(page),
        json.as_ref().map(|json| write_json(json, &report)),
        hdr.as_ref().map(|hdr| fault.with_context(|| hdr.fault())),
    ];
    let failed: Vec<_> = flags
        .fail_if
        .iter()
        .filter_map(|condition| condition.failure(&report))
        .collect();
    for line in &failed {
        complain(line);
    }
    let faults = written.into_iter().flatten().filter_map(Result::err);
    let faults: Vec<_> = faults.map(|fault| format!("{fault:#}")).collect();
    if !faults.is_empty() {
        bail!(faults.join("; "));
    }
    if !failed.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    Ok(verdict(&report))
}

fn write_json(to: &Output<'_>, report: &Report) -> Result<()> {
    let text = serde_json::to_string_pretty(report).context("can't write the result as JSON")?;
    to.write(&format!("{text}\n"))
}

/// What a log is written to: whole lines, so that it can be read at any time, and after a run that was killed.
type Lines<'a> = LineWriter<Begun<'a>>;

fn lines_to<'a>(to: &'a Output<'a>) -> Lines<'a> {
    /// More than a line has.
    const LINE_BYTES: usize = 1 << 20;
    LineWriter::with_capacity(LINE_BYTES, Begun::lazily(to))
}

/// What goes on while the load runs.
struct View<'a, 'to> {
    live: Option<live::Line>,
    /// What the log is to be written to, and by, until it begins.
    blank: Option<(&'a mut Lines<'to>, &'a mut V2DeflateSerializer)>,
    log: Option<hdr::Log<'a, Lines<'to>>>,
    /// Why the log could not be written; it is told when the load is over.
    fault: Option<io::Error>,
}

impl Observer for View<'_, '_> {
    /// The log says when the window opened, which nobody knows before: to open thousands of connections takes a while.
    fn window_opens(&mut self) {
        if let Some((lines, serializer)) = self.blank.take() {
            match hdr::Log::begin(lines, serializer, SystemTime::now()) {
                Ok(log) => self.log = Some(log),
                Err(error) => self.fault = Some(error),
            }
        }
    }

    fn interval(&mut self, interval: &Interval, times: &Times) {
        if let Some(line) = &mut self.live {
            line.show(interval);
        }
        if let (Some(log), None) = (&mut self.log, &self.fault) {
            self.fault = log.append(interval, times).err();
        }
    }

    /// The log holds all that the result holds, so these are its last interval.
    fn after_window(&mut self, until: &Interval, times: &Times) {
        if let (Some(log), None) = (&mut self.log, &self.fault) {
            self.fault = log.append(until, times).err();
        }
    }
}

impl Flags {
    /// Where `--json` goes, and where `--hdr`.
    fn outputs(&self) -> Result<(Option<Output<'_>>, Option<Output<'_>>), Usage> {
        let json = Output::open_if_asked("--json", self.json.as_deref())?;
        let hdr = Output::open_if_asked("--hdr", self.hdr.as_deref())?;
        if let (Some(json), Some(hdr)) = (&json, &hdr)
            && json.is_same(hdr)
        {
            return Err(Usage(
                "--json and --hdr name the same file: give each its own".to_owned(),
            ));
        }
        Ok((json, hdr))
    }

    fn plan(&self) -> Result<Plan> {
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

/// Exit code 1 if what was measured is bad news: the server is gone, or said what it should not. Connections that it
/// leaves unserved are what some models do, and no bad news.
fn verdict(report: &Report) -> ExitCode {
    // A reply that is wrong in the warm-up is no better than one in the window.
    let faulty = report.failures.iter().any(Failures::are_of_replies);
    if faulty || report.requests.ok == 0 || report.ended_early.is_some() || !report.checks.accounting {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn the_log_begins_when_the_window_opens() {
        let folder = tempfile::tempdir().expect("there can be a folder");
        let path = folder.path().join("log");
        let output = Output::open_if_asked("--hdr", Some(&path)).expect("it can be written");
        let output = output.expect("there is one");
        let (mut lines, mut serializer) = (lines_to(&output), V2DeflateSerializer::new());
        let mut view = View {
            live: None,
            blank: Some((&mut lines, &mut serializer)),
            log: None,
            fault: None,
        };
        view.connections_open();
        assert!(view.log.is_none() && !path.exists());
        let before = SystemTime::now();
        view.window_opens();
        assert!(view.log.is_some() && view.fault.is_none());
        let text = fs::read_to_string(&path).expect("a log is text");
        let started_s: f64 = text
            .lines()
            .find_map(|line| line.strip_prefix("#[StartTime: ")?.split_whitespace().next())
            .expect("it says when it started")
            .parse()
            .expect("in seconds");
        // It is told in whole milliseconds.
        let since_s = started_s
            - before
                .duration_since(UNIX_EPOCH)
                .expect("1970 is over")
                .as_secs_f64();
        assert!(since_s > -0.002, "{since_s} s after the window opened");
    }
}
