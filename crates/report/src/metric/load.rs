//! What the load generator measures: rates, latencies, fairness, and what failed.

#![allow(missing_docs, reason = "each metric has its meaning in a field")]

use schema::load::Quantiles;

use super::definition::{Kind, Metric, PLAIN, Source, Unit};
use super::quantile::{Quantile, Samples};
use schema::record::Measured;
use stats::Better;

const LATENCY: Metric = Metric {
    kind: Kind::Time,
    unit: Unit::Microseconds,
    better: Some(Better::Less),
    is_latency: true,
    ..PLAIN
};

const RATE: Metric = Metric {
    kind: Kind::Rate,
    unit: Unit::RequestsPerSecond,
    better: Some(Better::More),
    ..PLAIN
};

const SHARE: Metric = Metric {
    kind: Kind::Share,
    ..PLAIN
};

pub static THROUGHPUT: Metric = Metric {
    key: "throughput_per_s",
    name: "throughput",
    short: "req/s",
    meaning: "good replies within the window, divided by its length; each reply is checked for its own request's value",
    value: |trial| Some(trial.load.throughput_per_s),
    ..RATE
};

pub static MEAN: Metric = Metric {
    key: "mean_us",
    name: "mean latency",
    short: "mean µs",
    meaning: "the mean time from when a request was due (in a closed loop: sent) to its reply",
    value: |trial| Some(trial.load.latency_us?.mean),
    ..LATENCY
};

pub static P50: Metric = Metric {
    key: "p50_us",
    name: "p50 latency",
    short: "p50 µs",
    quantile: Some(of_replies(0.5)),
    meaning: "half of the replies came within this time of when their request was due (in a closed loop: sent)",
    value: |trial| trial.load.latency_us?.p50,
    ..LATENCY
};

pub static P90: Metric = Metric {
    key: "p90_us",
    name: "p90 latency",
    short: "p90 µs",
    quantile: Some(of_replies(0.9)),
    meaning: "90 of 100 replies came within this time",
    value: |trial| trial.load.latency_us?.p90,
    ..LATENCY
};

pub static P99: Metric = Metric {
    key: "p99_us",
    name: "p99 latency",
    short: "p99 µs",
    quantile: Some(of_replies(0.99)),
    meaning: "99 of 100 replies came within this time; not shown where fewer than 10 replies took longer",
    value: |trial| trial.load.latency_us?.p99,
    ..LATENCY
};

pub static P999: Metric = Metric {
    key: "p999_us",
    name: "p99.9 latency",
    short: "p99.9 µs",
    quantile: Some(of_replies(0.999)),
    meaning: "999 of 1,000 replies came within this time; not shown where fewer than 10 replies took longer",
    value: |trial| trial.load.latency_us?.p999,
    ..LATENCY
};

pub static MAX: Metric = Metric {
    key: "max_us",
    name: "longest latency",
    short: "max µs",
    meaning: "the longest time that a reply took",
    value: |trial| Some(trial.load.latency_us?.max),
    ..LATENCY
};

pub static FIRST_OPERATION_P50: Metric = Metric {
    key: "first_op_p50_us",
    name: "p50 latency of operation 1 of the mix",
    short: "op1 p50",
    quantile: Some(Quantile {
        q: 0.5,
        samples: Samples::FirstOperation,
    }),
    source: Source::Mix,
    meaning: "half of the replies to the operation that the mix of the load lists as number 1 came within this time; all requests \
              of that operation count, on all connections",
    value: |trial| first_operation(trial)?.p50,
    ..LATENCY
};

pub static FIRST_OPERATION_P99: Metric = Metric {
    key: "first_op_p99_us",
    name: "p99 latency of operation 1 of the mix",
    short: "op1 p99",
    quantile: Some(Quantile {
        q: 0.99,
        samples: Samples::FirstOperation,
    }),
    source: Source::Mix,
    meaning: "99 of 100 replies to the operation that the mix of the load lists as number 1 came within this time; all requests \
              of that operation count, on all connections",
    value: |trial| first_operation(trial)?.p99,
    ..LATENCY
};

pub static CONNECTING_P50: Metric = Metric {
    key: "connecting_p50_us",
    name: "p50 connection time",
    short: "conn µs",
    // It stays the same while requests wait for a server that is overloaded.
    is_latency: false,
    quantile: Some(Quantile {
        q: 0.5,
        samples: Samples::Connections,
    }),
    meaning: "half of the connections were open within this time of the client's request for one",
    value: |trial| trial.load.connecting_us?.p50,
    ..LATENCY
};

pub static WITHIN: Metric = Metric {
    key: "within_percent",
    name: "answered in time",
    short: "in time %",
    unit: Unit::Percent,
    better: Some(Better::More),
    // A request that failed, or was never sent, counts against it.
    counts_failures: true,
    source: Source::Bound,
    meaning: "good replies that came within the experiment's bound of when their request was due, divided by the requests due \
              within the window",
    value: |trial| Some(trial.load.within?.share(&trial.load.requests)? * 100.0),
    ..SHARE
};

pub static UNSENT_SHARE: Metric = Metric {
    key: "unsent_share",
    name: "unsent share",
    short: "unsent",
    better: Some(Better::Less),
    meaning: "the share of the requests due within the window that could not be sent before its end",
    value: |trial| share(trial.load.requests.unsent, trial.load.requests.planned),
    ..SHARE
};

pub static LATE_SHARE: Metric = Metric {
    key: "late_share",
    name: "late share",
    short: "late",
    meaning: "the share of the requests that were sent later than a tenth of the median latency after they were due, because \
              no connection was free or the client was slow",
    value: |trial| trial.load.checks.late_share,
    ..SHARE
};

pub static DRIFT: Metric = Metric {
    key: "drift",
    name: "drift",
    short: "drift",
    kind: Kind::Ratio,
    meaning: "how much the median latency of the last third of the window was above that of the first, as a share",
    value: |trial| {
        let drift = trial.load.checks.drift.as_ref()?;
        (drift.first_p50_us > 0.0).then(|| drift.last_p50_us / drift.first_p50_us - 1.0)
    },
    ..PLAIN
};

pub static FAILED_SHARE: Metric = Metric {
    key: "failed_share",
    name: "failed share",
    short: "failed",
    better: Some(Better::Less),
    counts_failures: true,
    meaning: "the share of the requests sent that were lost, timed out or answered wrongly; without those on connections that \
              were never served",
    value: |trial| share(trial.load.failed(), trial.load.requests.sent),
    ..SHARE
};

pub static SERVED: Metric = Metric {
    key: "served",
    name: "connections served",
    short: "served",
    meaning: "connections with a good reply within the window, or to a request of it",
    value: |trial| Some(trial.load.connections.served as f64),
    ..PLAIN
};

pub static JAIN: Metric = Metric {
    key: "jain",
    name: "Jain's index",
    short: "Jain",
    better: Some(Better::More),
    meaning: "how evenly connections were served: 1 when all had the same number of replies, 1/n when one of n had all",
    value: |trial| trial.load.fairness?.jain,
    ..SHARE
};

pub static RATE_UNDER_BOUND: Metric = Metric {
    key: "rate_under_bound_per_s",
    name: "highest rate under the bound",
    short: "max req/s",
    source: Source::Search,
    meaning: "the highest offered rate at which the p99 latency kept the bound, nothing failed and nothing was left unsent",
    value: |trial| Some(trial.search.as_ref()?.best_rate_per_s.unwrap_or(0.0)),
    ..RATE
};

pub static LOST_REQUESTS: Metric = Metric {
    key: "lost_requests",
    name: "requests lost",
    short: "lost",
    better: Some(Better::Less),
    counts_failures: true,
    source: Source::Kill,
    meaning: "requests that were reset, timed out or answered wrongly",
    value: |trial| Some(trial.kill?.lost as f64),
    ..PLAIN
};

pub static RECOVERY: Metric = Metric {
    key: "back_ms",
    name: "time to full rate",
    short: "back ms",
    kind: Kind::Time,
    unit: Unit::Milliseconds,
    better: Some(Better::Less),
    counts_failures: true,
    source: Source::Kill,
    meaning: "from the kill until the rate was back within a tenth of what it was; resolution 20 ms",
    value: |trial| trial.kill?.recovery_ms,
    ..PLAIN
};

pub static LOWEST_RATE_SHARE: Metric = Metric {
    key: "lowest_rate_share",
    name: "lowest rate",
    short: "lowest",
    better: Some(Better::More),
    counts_failures: true,
    source: Source::Kill,
    meaning: "the lowest rate in 20 ms after the kill, as a share of the rate before it",
    value: |trial| Some(trial.kill?.lowest_rate_share),
    ..SHARE
};

const fn of_replies(q: f64) -> Quantile {
    Quantile {
        q,
        samples: Samples::Replies,
    }
}

fn first_operation(trial: &Measured) -> Option<Quantiles> {
    trial.load.parts.first()?.latency_us
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
