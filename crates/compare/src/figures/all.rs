//! The figures themselves.

use super::of::{drift, first_operation, involuntary, per_reply, share, split, voluntary};
use super::{Better, Figure};
use crate::record::Footprint;

const MIB: f64 = 1_048_576.0;

macro_rules! figure {
    ($key:literal, $title:literal, $short:literal, $better:ident, $meaning:literal, $of:expr) => {
        Figure {
            key: $key,
            title: $title,
            short: $short,
            meaning: $meaning,
            better: Better::$better,
            of: $of,
        }
    };
}

/// All of them.
pub(crate) const ALL: [Figure; 39] = [
    figure!(
        "throughput_per_s",
        "requests/s",
        "req/s",
        More,
        "good replies within the window, by its length; each reply is checked for its own request's value",
        |trial| Some(trial.load.throughput_per_s)
    ),
    figure!(
        "mean_us",
        "mean latency, µs",
        "mean µs",
        Less,
        "the mean time from when a request was due (in a closed loop: sent) to its reply",
        |trial| Some(trial.load.latency_us?.mean)
    ),
    figure!(
        "p50_us",
        "p50 latency, µs",
        "p50 µs",
        Less,
        "half of the replies came within this time of when their request was due (in a closed loop: sent)",
        |trial| trial.load.latency_us?.p50
    ),
    figure!(
        "p90_us",
        "p90 latency, µs",
        "p90 µs",
        Less,
        "90 of 100 replies came within this time",
        |trial| trial.load.latency_us?.p90
    ),
    figure!(
        "p99_us",
        "p99 latency, µs",
        "p99 µs",
        Less,
        "99 of 100 replies came within this time; not told where fewer than 10 replies took longer",
        |trial| trial.load.latency_us?.p99
    ),
    figure!(
        "p999_us",
        "p99.9 latency, µs",
        "p99.9 µs",
        Less,
        "999 of 1,000 replies came within this time; not told where fewer than 10 replies took longer",
        |trial| trial.load.latency_us?.p999
    ),
    figure!(
        "max_us",
        "longest latency, µs",
        "max µs",
        Less,
        "the longest time that a reply took",
        |trial| Some(trial.load.latency_us?.max)
    ),
    figure!(
        "first_op_p50_us",
        "p50 of the first operation, µs",
        "1st p50",
        Less,
        "half of the replies to the first operation of the mix came within this time",
        |trial| first_operation(trial)?.p50
    ),
    figure!(
        "first_op_p99_us",
        "p99 of the first operation, µs",
        "1st p99",
        Less,
        "99 of 100 replies to the first operation of the mix came within this time",
        |trial| first_operation(trial)?.p99
    ),
    figure!(
        "connecting_p50_us",
        "p50 of connecting, µs",
        "conn µs",
        Less,
        "half of the connections were open within this time of the client's asking",
        |trial| trial.load.connecting_us?.p50
    ),
    figure!(
        "unsent_share",
        "unsent",
        "unsent",
        Less,
        "the share of the requests that fell due within the window and could not be sent before its end",
        |trial| share(trial.load.requests.unsent, trial.load.requests.planned)
    ),
    figure!(
        "late_share",
        "late",
        "late",
        Neither,
        "the share of the requests that left later than a tenth of the median latency after they were due, for want of a free connection or of a quicker client",
        |trial| trial.load.checks.late_share
    ),
    figure!(
        "drift",
        "drift",
        "drift",
        Neither,
        "how much the median latency of the last third of the window was above that of the first, as a share",
        drift
    ),
    figure!(
        "failed_share",
        "failed",
        "failed",
        Less,
        "the share of the requests sent that were lost, timed out, or not answered well; without those on connections that \
         were never served",
        |trial| share(trial.load.failed(), trial.load.requests.sent)
    ),
    figure!(
        "served",
        "connections served",
        "served",
        Neither,
        "connections on which there was a good reply within the window, or to a request of it",
        |trial| Some(trial.load.connections.served as f64)
    ),
    figure!(
        "jain",
        "Jain's index",
        "Jain",
        More,
        "how evenly connections were served: 1 when all had as many replies, 1/n when one of n had all",
        |trial| trial.load.fairness?.jain
    ),
    figure!(
        "cpu_us_per_request",
        "CPU µs/request",
        "CPU µs",
        Less,
        "CPU time of all the server's processes within the window, those that have exited included, by its good replies",
        |trial| per_reply(trial, trial.spent.user_us + trial.spent.system_us)
    ),
    figure!(
        "user_us_per_request",
        "user µs/request",
        "user µs",
        Less,
        "the part of the CPU time spent in the server's own code",
        |trial| per_reply(trial, split(trial)?.user_us)
    ),
    figure!(
        "system_us_per_request",
        "system µs/request",
        "sys µs",
        Less,
        "the part of the CPU time spent in the kernel",
        |trial| per_reply(trial, split(trial)?.system_us)
    ),
    figure!(
        "switches_per_request",
        "switches/request",
        "switches",
        Less,
        "context switches of the server's threads within the window, voluntary and not, by its good replies; where many \
         threads or processes end within the window, those of the server's whole life by the replies of that time",
        |trial| Some(voluntary(trial)? + involuntary(trial)?)
    ),
    figure!(
        "voluntary_switches_per_request",
        "voluntary switches/request",
        "vol sw",
        Less,
        "the switches because a thread had to wait",
        voluntary
    ),
    figure!(
        "involuntary_switches_per_request",
        "involuntary switches/request",
        "inv sw",
        Less,
        "the switches because another thread was due",
        involuntary
    ),
    figure!(
        "minor_faults_per_request",
        "page faults/request",
        "faults",
        Less,
        "page faults that needed no disk, by the good replies of the window",
        |trial| per_reply(trial, trial.spent.minor_faults? as f64)
    ),
    figure!(
        "major_faults",
        "major page faults",
        "maj fl",
        Less,
        "page faults that needed the disk, within the window",
        |trial| Some(trial.spent.major_faults? as f64)
    ),
    figure!(
        "memory_mib",
        "peak memory, MiB",
        "MiB",
        Less,
        "the most that the server's processes held together while the load ran (proportional set size: a page that several \
         share counts once)",
        |trial| Some(trial.peak.memory_bytes as f64 / MIB)
    ),
    figure!(
        "memory_per_connection_kib",
        "memory per connection, KiB",
        "KiB/conn",
        Less,
        "what that is more than when the server was ready, by the open connections, idle ones included",
        |trial| {
            let bystanders = trial.load.bystanders.map_or(0, |open| open.idle + open.silent);
            let open = (trial.load.connections.opened + bystanders) as f64;
            let Footprint { memory_bytes, .. } = trial.at_ready;
            (open > 0.0).then(|| (trial.peak.memory_bytes as f64 - memory_bytes as f64) / 1024.0 / open)
        }
    ),
    figure!(
        "processes",
        "processes",
        "proc",
        Neither,
        "the most at once",
        |trial| Some(trial.peak.processes as f64)
    ),
    figure!(
        "threads",
        "threads",
        "thr",
        Neither,
        "the most at once, in all processes together",
        |trial| Some(trial.peak.threads as f64)
    ),
    figure!(
        "ready_ms",
        "ready after, ms",
        "ready ms",
        Less,
        "from the server's start until it said that it was ready",
        |trial| Some(trial.ready_ms)
    ),
    figure!(
        "drain_ms",
        "gone after, ms",
        "drain ms",
        Less,
        "from SIGTERM until the server was gone",
        |trial| Some(trial.drain_ms)
    ),
    figure!(
        "server_busy",
        "server busy",
        "busy",
        Neither,
        "the share of the time of the servers' processors that the server used",
        |trial| Some(trial.server_busy)
    ),
    figure!(
        "client_busy",
        "client busy",
        "client",
        Neither,
        "the share of the window that the load generator's busiest thread was at work",
        |trial| Some(trial.load.client.busy)
    ),
    figure!(
        "client_cpu_us_per_request",
        "client CPU µs/request",
        "client µs",
        Neither,
        "what the load generator itself spent on a request",
        |trial| trial.load.client.cpu_us_per_request
    ),
    figure!(
        "rate_under_bound_per_s",
        "highest rate under the bound, requests/s",
        "max req/s",
        More,
        "the highest offered rate at which the p99 latency kept the bound, nothing failed and nothing was left unsent",
        |trial| Some(trial.search.as_ref()?.best_per_s.unwrap_or(0.0))
    ),
    figure!(
        "lost_requests",
        "requests lost",
        "lost",
        Less,
        "requests that were reset, timed out or answered wrongly",
        |trial| Some(trial.kill?.lost as f64)
    ),
    figure!(
        "back_ms",
        "back at full rate after, ms",
        "back ms",
        Less,
        "from the kill until the rate was back within a tenth of what it was; told to 20 ms",
        |trial| trial.kill?.back_ms
    ),
    figure!(
        "lowest_rate_share",
        "lowest rate",
        "lowest",
        More,
        "the lowest rate in 20 ms after the kill, as a share of that before it",
        |trial| Some(trial.kill?.lowest_rate_share)
    ),
    figure!(
        "busiest_worker",
        "busiest worker, by its fair share",
        "busiest",
        Less,
        "what the busiest worker served, by what each would have if all had served as much",
        |trial| {
            let served: Vec<f64> = trial
                .workers
                .iter()
                .map(|worker| worker.requests as f64)
                .collect();
            let sum: f64 = served.iter().sum();
            (sum > 0.0).then(|| served.iter().copied().fold(0.0, f64::max) * served.len() as f64 / sum)
        }
    ),
    figure!(
        "syscalls_per_request",
        "system calls/request",
        "calls",
        Less,
        "system calls of all the server's threads, by the good replies of the same time",
        |trial| {
            let calls = trial.system_calls.as_ref()?;
            let sum: u64 = calls.by_name.values().sum();
            (calls.replies > 0).then(|| sum as f64 / calls.replies as f64)
        }
    ),
];
