//! `--fail-if`: conditions that make a run fail, such as `p99>5ms`.

use loadgen::{Report, rate};
use schema::load::Quantiles;

use super::text;

/// A condition on a metric of the result.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// As it was written.
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

/// What a metric is, and where it stands.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A time in microseconds, of the latencies.
    Latency(fn(&Quantiles) -> Option<f64>),
    /// Good replies per second.
    Rate,
    /// A number of requests, and that which a share is of.
    Requests(fn(&Report) -> u64, Whole),
    /// A number of connections.
    Connections(fn(&Report) -> u64),
    /// A time without a connection.
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
    /// In the metric's own unit.
    Value(f64),
    /// Of the whole.
    Share(f64),
}

const SENT: Whole = ("sent", |report| report.requests.sent);
const DUE: Whole = ("due", |report| report.requests.planned);

/// All metrics. [`NAMES`] lists them for people.
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
    requests("sent", |report| report.requests.sent, DUE),
    requests("unsent", |report| report.requests.unsent, DUE),
    metric("unserved", Kind::Connections(Report::connections_never_served)),
    metric("outage", Kind::Outage),
];

/// What stands in `--help` and in errors.
pub(crate) const NAMES: &str = "min, mean, p50, p90, p99, p99.9, p99.99, max (latency: 5ms), rate (10k, 600/min), \
    errors = failed, ok, wrong, error, timeout, reset, sent, unsent (requests: 10 or 1%), unserved (connections: 10), \
    outage (time without a connection: 2s)";

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
    /// Reads a metric, one of `>`, `>=`, `<`, `<=`, and a value in a unit that the metric has. Percentiles may also have
    /// the names of the JSON result: `p999` is p99.9.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let at = text
            .find(['>', '<'])
            .ok_or("there is no >, >=, < or <=; give a condition such as p99>5ms")?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let metric = METRICS
            .iter()
            .find(|metric| metric.name == name || metric.name.replace("9.", "9") == name)
            .ok_or_else(|| format!("{name:?} is no metric; use one of {NAMES}"))?;
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
                "{value:?} is no value of {name}; give {}",
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

    /// Why the run fails by this condition, if it does. A metric that has no value can't pass.
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

    /// The metric, what it is compared with, and what people read; or why it has no value.
    fn measured(&self, report: &Report) -> Result<(f64, f64, String), String> {
        let (value, shown) = match self.metric.kind {
            Kind::Latency(read) => {
                let latency = report.latency_us.as_ref().ok_or("there was no good reply")?;
                let us = read(latency)
                    .ok_or_else(|| format!("{} good replies are too few for it", latency.count))?;
                (us, text::time(us))
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
                (us, text::time(us))
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

/// A number that is finite and not negative, in digits.
fn number(text: &str) -> Option<f64> {
    let plain = text.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    text.parse().ok().filter(|value: &f64| plain && value.is_finite())
}

/// A time, with a fraction or without; nothing but 0 may do without a unit.
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
mod tests {
    use schema::load::Outage;

    use super::*;

    fn fixed() -> Report {
        serde_json::from_str(include_str!("../../tests/golden/report.json"))
            .expect("the fixed result can be read")
    }

    fn failure(condition: &str, report: &Report) -> Option<String> {
        let condition = Condition::parse(condition).expect("it is a condition");
        condition.failure(report)
    }

    #[test]
    fn every_metric_is_listed_and_has_its_own_unit() {
        for Metric { name, kind } in METRICS {
            assert!(NAMES.contains(name), "{name}");
            let of_requests = matches!(kind, Kind::Requests(..));
            let is_time = matches!(kind, Kind::Latency(_) | Kind::Outage);
            for (value, fits) in [
                ("1.5ms", is_time),
                ("2 s", is_time),
                ("1%", of_requests),
                ("10k", !is_time),
                ("600/min", matches!(kind, Kind::Rate)),
                ("0", true),
            ] {
                for sign in [">", ">=", "<", "<="] {
                    let text = format!("{name}{sign}{value}");
                    assert_eq!(Condition::parse(&text).is_ok(), fits, "{text}");
                }
            }
        }
    }

    #[test]
    fn a_condition_that_can_not_be_is_refused_with_an_example() {
        for text in [
            "",
            "p99",
            "p99=5ms",
            "p98>5ms",
            "P99>5ms",
            ">5ms",
            "p99>",
            "p99>5",
            "p99>-5ms",
            "p99>5parsecs",
            "p99>>5ms",
            "p99>=",
            "p99 > 5 m s",
            "errors>x",
            "errors>-1",
            "failed>101%",
            "failed>%",
            "rate<nan",
            "rate<inf",
            "rate<10/day",
            "errors>1/s",
            "unserved>1%",
            "é>1",
            "p99>5ms and errors>0",
        ] {
            let refused = Condition::parse(text).unwrap_err();
            assert!(
                refused.contains("5ms") || refused.contains("as in "),
                "{text}: {refused}"
            );
        }
        assert!(Condition::parse("p98>5ms").unwrap_err().contains("p99.9"));
        assert_eq!(Condition::parse("p999>5ms").unwrap().metric.name, "p99.9");
        assert_eq!(Condition::parse("p9999>5ms").unwrap().metric.name, "p99.99");
    }

    #[test]
    fn each_relation_is_taken_at_its_word() {
        let mut report = fixed();
        (report.requests.sent, report.requests.reset) = (1_000, 10);
        (
            report.requests.wrong,
            report.requests.error,
            report.requests.timeout,
        ) = (0, 0, 0);
        for (condition, fails) in [
            ("errors>10", false),
            ("errors>=10", true),
            ("errors<10", false),
            ("errors<=10", true),
            ("failed>1%", false),
            ("failed >= 1 %", true),
            ("reset>0.9%", true),
            ("timeout>0", false),
        ] {
            assert_eq!(failure(condition, &report).is_some(), fails, "{condition}");
        }
    }

    #[test]
    fn a_failure_has_the_condition_and_the_value() {
        let mut report = fixed();
        (report.requests.sent, report.requests.reset) = (1_000, 15);
        (
            report.requests.wrong,
            report.requests.error,
            report.requests.timeout,
        ) = (0, 0, 0);
        report.throughput_per_s = 123.4;
        report.latency_us.as_mut().expect("there is one").p99 = Some(7_210.0);
        report.outage = Some(Outage {
            count: 1,
            total_s: 2.5,
            longest_s: 2.5,
        });
        for (condition, line) in [
            ("p99>5ms", "--fail-if p99>5ms: p99 is 7.21 ms"),
            ("rate<10k", "--fail-if rate<10k: rate is 123/s"),
            (
                "failed>1%",
                "--fail-if failed>1%: failed is 15 of 1000 sent (1.500 %)",
            ),
            ("errors>0", "--fail-if errors>0: errors is 15"),
            ("outage>2s", "--fail-if outage>2s: outage is 2.50 s"),
        ] {
            assert_eq!(failure(condition, &report).as_deref(), Some(line));
        }
    }

    #[test]
    fn a_metric_without_a_value_fails_either_way() {
        let mut report = fixed();
        report.latency_us.as_mut().expect("there is one").p99 = None;
        let count = report.latency_us.expect("there is one").count;
        assert_eq!(
            failure("p99<5ms", &report),
            Some(format!(
                "--fail-if p99<5ms: p99 has no value: {count} good replies are too few for it"
            ))
        );
        report.latency_us = None;
        (report.requests.sent, report.window_s) = (0, 0.0);
        for condition in [
            "p99>5ms",
            "p50<5ms",
            "max>1s",
            "failed>1%",
            "failed<1%",
            "rate>0",
            "rate<1",
        ] {
            let failure = failure(condition, &report);
            assert!(
                failure.is_some_and(|line| line.contains("has no value")),
                "{condition}"
            );
        }
    }
}
