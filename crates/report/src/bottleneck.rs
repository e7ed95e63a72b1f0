//! The bottleneck: which side of the measurement limited a trial.

use schema::load::LoopKind;

use super::errors::Errors;
use schema::record::Measured;

/// The bottleneck of a trial, or of most trials of a model in a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bottleneck {
    /// The server's CPUs had no time left.
    ServerCpu,
    /// The load generator had no time left, so the server may have had some.
    LoadGenerator,
    /// Each connection waited for its reply and neither side was busy: more connections would raise the rate.
    Latency,
    /// The server served all that was offered.
    OfferedRate,
    StoppedAnswering,
    /// None of these.
    Unknown,
}

/// A server's CPUs are saturated when it uses this share of their time. The kernel takes the rest for other work.
const SERVER_BUSY: f64 = 0.9;
/// The offered rate counts as reached if this share of the requests due within the window was answered within it. Those in
/// flight at its end are missing.
const REACHED: f64 = 0.95;

const ALL: [Bottleneck; 6] = [
    Bottleneck::StoppedAnswering,
    Bottleneck::LoadGenerator,
    Bottleneck::ServerCpu,
    Bottleneck::Latency,
    Bottleneck::OfferedRate,
    Bottleneck::Unknown,
];

impl Bottleneck {
    pub(crate) fn from_trial(trial: &Measured) -> Self {
        let out_of_reach = trial.search.as_ref().is_some_and(|search| {
            let failed = search.tried.iter().filter(|tried| !tried.kept);
            let lowest = failed.min_by(|one, other| one.rate_per_s.total_cmp(&other.rate_per_s));
            search.beyond_reach || lowest.is_some_and(|tried| tried.client_limited)
        });
        let requests = &trial.load.requests;
        let reached = requests.ok as f64 >= REACHED * requests.planned as f64;
        if trial.load.stopped_answering {
            Self::StoppedAnswering
        } else if out_of_reach || trial.load.checks.client_limited == Some(true) {
            Self::LoadGenerator
        } else if trial.server_busy_share > SERVER_BUSY {
            Self::ServerCpu
        } else {
            match trial.load.loop_kind {
                // A server that serves only some connections would not do more with more of them.
                LoopKind::Closed if trial.has_never_served_connections() => Self::Unknown,
                // Nor would one that loses requests.
                LoopKind::Closed if Errors::from_trials([trial], 0).are_too_many() => Self::Unknown,
                LoopKind::Closed => Self::Latency,
                LoopKind::Open if reached => Self::OfferedRate,
                LoopKind::Open => Self::Unknown,
            }
        }
    }

    /// The bottleneck of more than half of these trials.
    pub(crate) fn of_most<'a>(trials: impl Iterator<Item = &'a Measured>) -> Self {
        let found: Vec<_> = trials.map(Self::from_trial).collect();
        let is_most = |bottleneck: &Self| {
            let count = found.iter().filter(|one| *one == bottleneck).count();
            2 * count > found.len()
        };
        ALL.into_iter().find(is_most).unwrap_or(Self::Unknown)
    }

    /// Its name in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ServerCpu => "server CPU",
            Self::LoadGenerator => "load generator",
            Self::Latency => "latency",
            Self::OfferedRate => "offered rate",
            Self::StoppedAnswering => "stopped answering",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::measured;
    use schema::record::{SearchResult, Tried};

    #[test]
    fn a_busy_client_outweighs_a_busy_server() {
        let mut trial = measured();
        trial.server_busy_share = 0.99;
        assert_eq!(Bottleneck::from_trial(&trial), Bottleneck::ServerCpu);
        trial.load.checks.client_limited = Some(true);
        assert_eq!(Bottleneck::from_trial(&trial), Bottleneck::LoadGenerator);
    }

    #[test]
    fn idle_sides_make_a_closed_loop_latency_bound() {
        let mut trial = measured();
        trial.server_busy_share = 0.2;
        assert_eq!(Bottleneck::from_trial(&trial), Bottleneck::Latency);
        trial.load.connections.asked += 1;
        assert_eq!(Bottleneck::from_trial(&trial), Bottleneck::Unknown);
        trial.load.loop_kind = LoopKind::Open;
        trial.load.requests.planned = trial.load.requests.ok;
        assert_eq!(Bottleneck::from_trial(&trial), Bottleneck::OfferedRate);
        trial.load.requests.planned *= 2;
        assert_eq!(Bottleneck::from_trial(&trial), Bottleneck::Unknown);
    }

    #[test]
    fn a_lower_rate_that_failed_by_itself_clears_the_client() {
        let tried = |rate_per_s, client_limited| Tried {
            rate_per_s,
            p99_us: None,
            kept: false,
            client_limited,
        };
        let mut trial = measured();
        trial.server_busy_share = 0.99;
        let mut of = |tried| {
            trial.search = Some(SearchResult {
                best_rate_per_s: Some(100.0),
                beyond_reach: false,
                tried,
            });
            Bottleneck::from_trial(&trial)
        };
        assert_eq!(of(vec![tried(400.0, true)]), Bottleneck::LoadGenerator);
        assert_eq!(
            of(vec![tried(400.0, true), tried(200.0, false)]),
            Bottleneck::ServerCpu
        );
    }

    #[test]
    fn half_of_the_trials_are_not_most() {
        let mut busy = measured();
        busy.server_busy_share = 0.99;
        let mut idle = measured();
        idle.server_busy_share = 0.1;
        assert_eq!(
            Bottleneck::of_most([&busy, &idle].into_iter()),
            Bottleneck::Unknown
        );
        assert_eq!(
            Bottleneck::of_most([&busy, &idle, &busy].into_iter()),
            Bottleneck::ServerCpu
        );
        assert_eq!(Bottleneck::of_most([].into_iter()), Bottleneck::Unknown);
    }
}
