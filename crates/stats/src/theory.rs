//! What queueing theory expects of a server, for comparison with what was measured. It is pure; all times are in seconds.
//!
//! Requests arrive by a Poisson process, none gives up, and a server never rests while a request waits. A mean exists only
//! while the offered load is below capacity. Beyond it, every result is `None`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// A kind of server, in Kendall's notation (1953): arrivals, service times, servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// `m/d/1`: one server, and every request takes equally long.
    Md1,
    /// `m/m/1`: one server, and service times are exponential.
    Mm1,
    /// `m/m/4`: several servers with one queue, like workers that share a listener.
    Mmc {
        /// How many servers.
        servers: NonZeroU32,
    },
    /// `4*m/m/1`: several servers, each with its own queue that arrivals choose at random, like one listener per worker.
    SplitMm1 {
        /// How many servers.
        servers: NonZeroU32,
    },
    /// `ps`: one server that works on all requests at once, like a CPU that many threads share.
    ProcessorSharing,
}

impl Queue {
    /// Parses a name in which `c` may stand for the number of servers: `m/m/c`, `c*m/m/1`.
    pub fn named(name: &str, servers: NonZeroU32) -> Result<Self, UnknownQueue> {
        match name {
            "m/m/c" => Ok(Self::Mmc { servers }),
            "c*m/m/1" => Ok(Self::SplitMm1 { servers }),
            _ => name.parse(),
        }
    }

    /// How many servers there are.
    #[must_use]
    pub fn servers(self) -> u32 {
        match self {
            Self::Md1 | Self::Mm1 | Self::ProcessorSharing => 1,
            Self::Mmc { servers } | Self::SplitMm1 { servers } => servers.get(),
        }
    }

    /// The mean time from a request's arrival to its end, service included. `rate_per_s` is the rate to all servers together,
    /// and `service_s` the mean time of a request that is alone.
    #[must_use]
    pub fn mean_time_in_system(self, rate_per_s: f64, service_s: f64) -> Option<f64> {
        match self {
            Self::ProcessorSharing => mean_time_shared(rate_per_s, service_s),
            _ => Some(self.mean_wait(rate_per_s, service_s)? + service_s),
        }
    }

    /// The mean time until the service of a request begins. In a shared server, how much longer it takes than alone.
    #[must_use]
    pub fn mean_wait(self, rate_per_s: f64, service_s: f64) -> Option<f64> {
        match self {
            Self::Md1 => mean_wait_fixed(rate_per_s, service_s),
            Self::Mm1 => mean_wait_exponential(rate_per_s, service_s),
            Self::Mmc { servers } => mean_wait_one_queue(rate_per_s, service_s, servers),
            Self::SplitMm1 { servers } => {
                mean_wait_exponential(rate_per_s / f64::from(servers.get()), service_s)
            }
            Self::ProcessorSharing => Some(mean_time_shared(rate_per_s, service_s)? - service_s),
        }
    }
}

/// The name of no queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("queue {0:?} is unknown; use m/d/1, m/m/1, m/m/4, 4*m/m/1 (with any number for 4) or ps")]
pub struct UnknownQueue(String);

impl FromStr for Queue {
    type Err = UnknownQueue;

    fn from_str(name: &str) -> Result<Self, UnknownQueue> {
        let servers = |text: &str| text.parse().map_err(|_| UnknownQueue(name.to_owned()));
        match name {
            "m/d/1" => Ok(Self::Md1),
            "m/m/1" => Ok(Self::Mm1),
            "ps" => Ok(Self::ProcessorSharing),
            _ => match (name.strip_prefix("m/m/"), name.strip_suffix("*m/m/1")) {
                (Some(number), _) => servers(number).map(|servers| Self::Mmc { servers }),
                (None, Some(number)) => servers(number).map(|servers| Self::SplitMm1 { servers }),
                (None, None) => Err(UnknownQueue(name.to_owned())),
            },
        }
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md1 => f.write_str("m/d/1"),
            Self::Mm1 => f.write_str("m/m/1"),
            Self::Mmc { servers } => write!(f, "m/m/{servers}"),
            Self::SplitMm1 { servers } => write!(f, "{servers}*m/m/1"),
            Self::ProcessorSharing => f.write_str("ps"),
        }
    }
}

/// The share of its time that a server works, ρ = λS, if it can keep up.
fn load(rate_per_s: f64, service_s: f64) -> Option<f64> {
    let load = rate_per_s * service_s;
    (rate_per_s >= 0.0 && service_s >= 0.0 && load < 1.0).then_some(load)
}

/// M/G/1, by Pollaczek (1930) and Khinchine (1932): λE\[S²\] / (2(1 − ρ)). The service times may have any distribution whose
/// mean and mean square, in s², are known.
#[must_use]
pub fn mean_wait_general(rate_per_s: f64, service_s: f64, service_square_s2: f64) -> Option<f64> {
    let load = load(rate_per_s, service_s)?;
    Some(rate_per_s * service_square_s2 / (2.0 * (1.0 - load)))
}

/// M/D/1 (Erlang 1909): ρS / (2(1 − ρ)), since the mean square is S².
#[must_use]
pub fn mean_wait_fixed(rate_per_s: f64, service_s: f64) -> Option<f64> {
    mean_wait_general(rate_per_s, service_s, service_s * service_s)
}

/// M/M/1 (Kleinrock 1975, section 3.2): ρS / (1 − ρ), since the mean square of an exponential is 2S².
#[must_use]
pub fn mean_wait_exponential(rate_per_s: f64, service_s: f64) -> Option<f64> {
    mean_wait_general(rate_per_s, service_s, 2.0 * service_s * service_s)
}

/// M/M/c: the chance to wait, times the mean wait of those who do, S / (c(1 − ρ)) (Kleinrock 1975, section 3.5).
#[must_use]
pub fn mean_wait_one_queue(rate_per_s: f64, service_s: f64, servers: NonZeroU32) -> Option<f64> {
    let c = f64::from(servers.get());
    let load = load(rate_per_s / c, service_s)?;
    Some(chance_to_wait(c * load, servers) * service_s / (c * (1.0 - load)))
}

/// Erlang's C (1917): the share of arrivals that find all servers busy. `offered` is the work that arrives, in servers, and is
/// less than their number.
///
/// Its terms are powers over factorials, which overflow at about 170 servers. So it is computed from B, the chance that all
/// servers are busy where no request may wait: B(k) = aB(k−1) / (k + aB(k−1)), and C = B / (1 − ρ(1 − B)). All of these are
/// between 0 and 1, with any number of servers.
fn chance_to_wait(offered: f64, servers: NonZeroU32) -> f64 {
    let blocked = (1..=servers.get()).fold(1.0, |fewer, k| {
        let term = offered * fewer;
        term / (f64::from(k) + term)
    });
    let load = offered / f64::from(servers.get());
    blocked / (1.0 - load * (1.0 - blocked))
}

/// M/G/1 with processor sharing: S / (1 − ρ) (Kleinrock 1967), whatever the distribution of service times (Sakata, Noguchi
/// and Oizumi 1971; Kleinrock 1976, section 4.4). The mean is that of M/M/1, where requests wait for each other.
#[must_use]
pub fn mean_time_shared(rate_per_s: f64, service_s: f64) -> Option<f64> {
    Some(service_s / (1.0 - load(rate_per_s, service_s)?))
}

#[cfg(test)]
mod tests;
