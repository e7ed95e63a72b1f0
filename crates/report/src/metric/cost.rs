//! What a server costs: CPU time, switches, memory, processes, and its own share of the work.

#![allow(missing_docs, reason = "each metric has its meaning in a field")]

use super::definition::{Kind, Metric, PLAIN, Source, Unit};
use super::spent::{involuntary_switches, per_reply, split, voluntary_switches};
use schema::cost::Footprint;
use stats::Better;

const MIB: f64 = 1_048_576.0;

const CPU_TIME: Metric = Metric {
    kind: Kind::Time,
    unit: Unit::Microseconds,
    better: Some(Better::Less),
    ..PLAIN
};

const PER_REQUEST: Metric = Metric {
    kind: Kind::CountPerRequest,
    better: Some(Better::Less),
    ..PLAIN
};

const LIFETIME: Metric = Metric {
    kind: Kind::Time,
    unit: Unit::Milliseconds,
    better: Some(Better::Less),
    ..PLAIN
};

pub static CPU: Metric = Metric {
    key: "cpu_us_per_request",
    name: "CPU time per request",
    short: "CPU µs",
    meaning: "CPU time of all the server's processes within the window, ended ones included, divided by its good replies",
    value: |trial| per_reply(trial, trial.spent.user_us + trial.spent.system_us),
    ..CPU_TIME
};

pub static USER: Metric = Metric {
    key: "user_us_per_request",
    name: "user time per request",
    short: "user µs",
    meaning: "the part of the CPU time spent in the server's own code",
    value: |trial| per_reply(trial, split(trial)?.user_us),
    ..CPU_TIME
};

pub static SYSTEM: Metric = Metric {
    key: "system_us_per_request",
    name: "system time per request",
    short: "sys µs",
    meaning: "the part of the CPU time spent in the kernel",
    value: |trial| per_reply(trial, split(trial)?.system_us),
    ..CPU_TIME
};

pub static SWITCHES: Metric = Metric {
    key: "switches_per_request",
    name: "switches per request",
    short: "switches",
    meaning: "context switches of the server's threads within the window, voluntary and involuntary, divided by its good \
              replies. Where many threads or processes end within the window: those of the server's whole life, divided by the \
              replies of that time",
    value: |trial| Some(voluntary_switches(trial)? + involuntary_switches(trial)?),
    ..PER_REQUEST
};

pub static VOLUNTARY_SWITCHES: Metric = Metric {
    key: "voluntary_switches_per_request",
    name: "voluntary switches per request",
    short: "vol sw",
    meaning: "the switches because a thread had to wait",
    value: voluntary_switches,
    ..PER_REQUEST
};

pub static INVOLUNTARY_SWITCHES: Metric = Metric {
    key: "involuntary_switches_per_request",
    name: "involuntary switches per request",
    short: "inv sw",
    meaning: "the switches because another thread was due",
    value: involuntary_switches,
    ..PER_REQUEST
};

pub static MINOR_FAULTS: Metric = Metric {
    key: "minor_faults_per_request",
    name: "page faults per request",
    short: "faults",
    meaning: "page faults that needed no disk, divided by the good replies of the window",
    value: |trial| per_reply(trial, trial.spent.minor_faults? as f64),
    ..PER_REQUEST
};

pub static MAJOR_FAULTS: Metric = Metric {
    key: "major_faults",
    name: "major page faults",
    short: "maj fl",
    better: Some(Better::Less),
    meaning: "page faults that needed the disk, within the window",
    value: |trial| Some(trial.spent.major_faults? as f64),
    ..PLAIN
};

pub static MEMORY: Metric = Metric {
    key: "memory_mib",
    name: "peak memory",
    short: "MiB",
    kind: Kind::Memory,
    unit: Unit::Mebibytes,
    better: Some(Better::Less),
    meaning: "the most that the server's processes held together while the load ran (proportional set size: a page that \
              several share counts once)",
    value: |trial| Some(trial.peak.memory_bytes as f64 / MIB),
    ..PLAIN
};

pub static MEMORY_PER_CONNECTION: Metric = Metric {
    key: "memory_per_connection_kib",
    name: "memory per connection",
    short: "KiB/conn",
    kind: Kind::Memory,
    unit: Unit::Kibibytes,
    better: Some(Better::Less),
    meaning: "the peak memory above that of the ready server, divided by the open connections, idle ones included",
    value: |trial| {
        let background = trial.load.background.map_or(0, |open| open.idle + open.silent);
        let open = (trial.load.connections.opened + background) as f64;
        let Footprint { memory_bytes, .. } = trial.at_ready;
        (open > 0.0).then(|| (trial.peak.memory_bytes as f64 - memory_bytes as f64) / 1024.0 / open)
    },
    ..PLAIN
};

pub static PROCESSES: Metric = Metric {
    key: "processes",
    name: "processes",
    short: "proc",
    meaning: "the most at once",
    value: |trial| Some(trial.peak.processes as f64),
    ..PLAIN
};

pub static THREADS: Metric = Metric {
    key: "threads",
    name: "threads",
    short: "thr",
    meaning: "the most at once, in all processes together",
    value: |trial| Some(trial.peak.threads as f64),
    ..PLAIN
};

pub static READY: Metric = Metric {
    key: "ready_ms",
    name: "start-up time",
    short: "ready ms",
    meaning: "from the server's start until it was ready",
    value: |trial| Some(trial.ready_ms),
    ..LIFETIME
};

pub static DRAIN: Metric = Metric {
    key: "drain_ms",
    name: "drain time",
    short: "drain ms",
    meaning: "from SIGTERM until the server had exited",
    value: |trial| Some(trial.drain_ms),
    ..LIFETIME
};

pub static SERVER_BUSY: Metric = Metric {
    key: "server_busy",
    name: "server busy",
    short: "busy",
    kind: Kind::Share,
    meaning: "the share of the server CPUs' time that the server used",
    value: |trial| Some(trial.server_busy_share),
    ..PLAIN
};

pub static CLIENT_BUSY: Metric = Metric {
    key: "client_busy",
    name: "client busy",
    short: "client",
    kind: Kind::Share,
    meaning: "the share of the window in which the load generator's busiest thread used its CPU",
    value: |trial| Some(trial.load.client.busy),
    ..PLAIN
};

pub static CLIENT_CPU: Metric = Metric {
    key: "client_cpu_us_per_request",
    name: "client CPU time per request",
    short: "client µs",
    better: None,
    meaning: "CPU time of the load generator itself, divided by its requests",
    value: |trial| trial.load.client.cpu_us_per_request,
    ..CPU_TIME
};

pub static BUSIEST_WORKER: Metric = Metric {
    key: "busiest_worker",
    name: "requests of the busiest worker, × an even share",
    short: "busiest",
    kind: Kind::Ratio,
    better: Some(Better::Less),
    meaning: "the requests of the busiest worker, divided by an even share: 1 when all served the same number",
    value: |trial| {
        let workers = trial.workers.iter();
        let served: Vec<f64> = workers.map(|worker| worker.requests as f64).collect();
        let sum: f64 = served.iter().sum();
        (sum > 0.0).then(|| served.iter().copied().fold(0.0, f64::max) * served.len() as f64 / sum)
    },
    ..PLAIN
};

pub static SYSTEM_CALLS: Metric = Metric {
    key: "syscalls_per_request",
    name: "system calls per request",
    short: "calls",
    source: Source::SystemCalls,
    meaning: "system calls of all the server's threads, divided by the good replies of the same time",
    value: |trial| {
        let calls = trial.system_calls.as_ref()?;
        let sum: u64 = calls.by_name.values().sum();
        (calls.replies > 0).then(|| sum as f64 / calls.replies as f64)
    },
    ..PER_REQUEST
};
