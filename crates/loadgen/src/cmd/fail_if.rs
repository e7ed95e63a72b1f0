//! `--fail-if`: conditions that make a run fail, such as `p99>5ms`.

use loadgen::{Report, rate};
use schema::load::Quantiles;

use super::format::time;

/// A condition on a metric of the result.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// The text of the flag.
    asked: String,
    metric: &'static Metric,
    relation: Relation,
    limit: Limit,
}

#[derive(Debug)]
struct Metric {
    name: &'static str,
    kind: Kind,
}

/// What a metric is, and how it is read from a result.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A time of the latencies, in microseconds.
    Latency(fn(&Quantiles) -> Option<f64>),
    /// Good replies per second.
    Rate,
    /// A number of requests, and the number that a share refers to.
    Requests(fn(&Report) -> u64, Whole),
    /// A number of connections.
    Connections(fn(&Report) -> u64),
    /// A time without any connection.
    Outage,
}

/// The name of a number of requests, and the number.
type Whole = (&'static str, fn(&Report) -> u64);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Relation {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// What a metric is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    /// In the unit of the metric.
    Value(f64),
    /// A share of the whole.
    Share(f64),
}

const SENT: Whole = ("sent", |report| report.requests.sent);
const PLANNED: Whole = ("planned", |report| report.requests.planned);

/// All metrics. [`NAMES`] lists them for `--help`.
const METRICS: &[Metric] = &[
    latency("min", |latency| Some(latency.min)),
    latency("mean", |latency| Some(latency.mean)),
    latency("p50", |latency| latency.p50),
    latency("p90", |latency| latency.p90),
    latency("p99", |latency| latency.p99),
    latency("p99.9", |latency| latency.p999),
    latency("p99.99", |latency| latency.p9999),
    latency("max", |latency| Some(latency.max)),
    metric("rate", Kind::Rate),
    requests("errors", |report| report.requests.failed(), SENT),
    requests("failed", |report| report.requests.failed(), SENT),
    requests("ok", |report| report.requests.ok, SENT),
    requests("wrong", |report| report.requests.wrong, SENT),
    requests("error", |report| report.requests.error, SENT),
    requests("timeout", |report| report.requests.timeout, SENT),
    requests("reset", |report| report.requests.reset, SENT),
    requests("sent", |report| report.requests.sent, PLANNED),
    requests("unsent", |report| report.requests.unsent, PLANNED),
    metric("unserved", Kind::Connections(Report::connections_never_served)),
    metric("outage", Kind::Outage),
];

/// The list of metrics in `--help` and in errors.
pub(crate) const NAMES: &str = "min, mean, p50, p90, p99, p99.9, p99.99, max (latency: 5ms); rate (10k, 600/min); \
    errors = failed, ok, wrong, error, timeout, reset, sent, unsent (requests: 10 or 1%); unserved (connections that were \
    never served: 10); outage (time without a connection: 2s)";

const fn metric(name: &'static str, kind: Kind) -> Metric {
    Metric { name, kind }
}

const fn latency(name: &'static str, read: fn(&Quantiles) -> Option<f64>) -> Metric {
    metric(name, Kind::Latency(read))
}

const fn requests(name: &'static str, read: fn(&Report) -> u64, whole: Whole) -> Metric {
    metric(name, Kind::Requests(read, whole))
}

impl Condition {
    /// Parses a metric, one of `>`, `>=`, `<`, `<=`, and a value in a unit of the metric. Percentiles may also have their
    /// names in the JSON result: `p999` is p99.9.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let at = text
            .find(['>', '<'])
            .ok_or("it has no >, >=, < or <=; use a condition such as p99>5ms")?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let metric = METRICS
            .iter()
            .find(|metric| metric.name == name || metric.name.replace("9.", "9") == name)
            .ok_or_else(|| format!("metric {name:?} is unknown; use one of {NAMES}"))?;
        let relations = [
            (">=", Relation::AtLeast),
            ("<=", Relation::AtMost),
            (">", Relation::Above),
            ("<", Relation::Below),
        ];
        let (relation, value) = relations
            .iter()
            .find_map(|(sign, relation)| Some((*relation, rest.strip_prefix(sign)?.trim())))
            .expect("it begins with one of them");
        let limit = metric.kind.limit(value).ok_or_else(|| {
            format!(
                "{value:?} is not a value of {name}; use {}",
                metric.kind.example(name)
            )
        })?;
        Ok(Self {
            asked: text.to_owned(),
            metric,
            relation,
            limit,
        })
    }

    /// Why the run fails by this condition, if it does. A metric without a value fails too.
    pub(crate) fn failure(&self, report: &Report) -> Option<String> {
        let name = self.metric.name;
        let reason = match self.measured(report) {
            Ok((value, limit, shown)) => self
                .relation
                .holds(value, limit)
                .then(|| format!("{name} is {shown}"))?,
            Err(unknown) => format!("{name} has no value: {unknown}"),
        };
        Some(format!("--fail-if {}: {reason}", self.asked))
    }

    /// The value, what it is compared with, and the value as text; or why there is no value.
    fn measured(&self, report: &Report) -> Result<(f64, f64, String), String> {
        let (value, shown) = match self.metric.kind {
            Kind::Latency(read) => {
                let latency = report.latency_us.as_ref().ok_or("there was no good reply")?;
                let us =
                    read(latency).ok_or_else(|| format!("{} good replies are too few", latency.count))?;
                (us, time(us))
            }
            Kind::Rate if report.window_s > 0.0 => {
                let rate = report.throughput_per_s;
                (rate, format!("{rate:.0}/s"))
            }
            Kind::Rate => return Err("the window never opened".to_owned()),
            Kind::Requests(read, (of, whole)) => {
                let (count, whole) = (read(report), whole(report));
                if let Limit::Share(most) = self.limit {
                    if whole == 0 {
                        return Err(format!("no request was {of}"));
                    }
                    let share = count as f64 / whole as f64;
                    let shown = format!("{count} of {whole} {of} ({:.3} %)", share * 100.0);
                    return Ok((share, most, shown));
                }
                (count as f64, count.to_string())
            }
            Kind::Connections(read) => (read(report) as f64, read(report).to_string()),
            Kind::Outage => {
                let us = report.outage.map_or(0.0, |outage| outage.total_s * 1e6);
                (us, time(us))
            }
        };
        let (Limit::Value(limit) | Limit::Share(limit)) = self.limit;
        Ok((value, limit, shown))
    }
}

impl Kind {
    fn limit(self, text: &str) -> Option<Limit> {
        match self {
            Self::Latency(_) | Self::Outage => microseconds(text).map(Limit::Value),
            Self::Requests(..) if text.ends_with('%') => {
                let percent = number(text.trim_end_matches('%').trim_end())?;
                (percent <= 100.0).then_some(Limit::Share(percent / 100.0))
            }
            Self::Requests(..) | Self::Connections(_) if text.contains('/') => None,
            Self::Rate | Self::Requests(..) | Self::Connections(_) => {
                rate::parse(text).ok().map(Limit::Value)
            }
        }
    }

    fn example(self, name: &str) -> String {
        match self {
            Self::Latency(_) => format!("a time, as in {name}>5ms"),
            Self::Outage => format!("a time, as in {name}>2s"),
            Self::Rate => format!("requests per second, as in {name}<10k"),
            Self::Requests(..) => format!("a number or a share, as in {name}>10 or {name}>1%"),
            Self::Connections(_) => format!("a number, as in {name}>10"),
        }
    }
}

impl Relation {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
        }
    }
}

/// Parses a number that is finite and not negative, in digits.
fn number(text: &str) -> Option<f64> {
    let plain = text.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    text.parse().ok().filter(|value: &f64| plain && value.is_finite())
}

/// Parses a time, with or without a fraction. Only 0 needs no unit.
fn microseconds(text: &str) -> Option<f64> {
    const UNITS: &[(&str, f64)] = &[
        ("ns", 1e-3),
        ("us", 1.0),
        ("µs", 1.0),
        ("ms", 1e3),
        ("min", 60e6),
        ("s", 1e6),
    ];
    if text == "0" {
        return Some(0.0);
    }
    let (digits, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?.trim_end(), factor)))?;
    number(digits).map(|value| value * factor)
}

#[cfg(test)]
mod tests;
