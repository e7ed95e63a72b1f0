//! What kept a model from more: which side of the measurement was at its limit.

use schema::load::LoopKind;

use super::errors::Errors;
use schema::record::Measured;

/// What a trial, or most trials of a row, ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The server's processors had no time left.
    Server,
    /// The load generator had no time left, so the server may have had some.
    Client,
    /// Each connection waited for its reply, and neither side was busy: more connections would have had more replies.
    Connections,
    /// No more was asked for.
    Offered,
    /// The server stopped answering.
    Stopped,
    /// None of these.
    Neither,
}

/// A server is at its limit when it uses this share of its processors' time. The rest is what a full window loses to
/// whatever else the kernel does.
const SERVER_BUSY: f64 = 0.9;
/// The share of the requests due within a window that has to be answered within it for the offered rate to count as
/// reached. What is on its way when the window closes is missing.
const REACHED: f64 = 0.95;

const ALL: [Limit; 6] = [
    Limit::Stopped,
    Limit::Client,
    Limit::Server,
    Limit::Connections,
    Limit::Offered,
    Limit::Neither,
];

impl Limit {
    pub(crate) fn of(trial: &Measured) -> Self {
        let out_of_reach = trial.search.as_ref().is_some_and(|search| {
            let failed = search.tried.iter().filter(|tried| !tried.kept);
            let lowest = failed.min_by(|one, other| one.rate_per_s.total_cmp(&other.rate_per_s));
            search.beyond_reach || lowest.is_some_and(|tried| tried.client_limited)
        });
        let requests = &trial.load.requests;
        let reached = requests.ok as f64 >= REACHED * requests.planned as f64;
        if trial.load.stopped_answering {
            Self::Stopped
        } else if out_of_reach || trial.load.checks.client_limited == Some(true) {
            Self::Client
        } else if trial.server_busy_share > SERVER_BUSY {
            Self::Server
        } else {
            match trial.load.loop_kind {
                // A server that takes only some of them would not do more with more.
                LoopKind::Closed if trial.has_unserved_connections() => Self::Neither,
                // Nor would one that loses requests.
                LoopKind::Closed if Errors::of([trial], 0).are_too_many() => Self::Neither,
                LoopKind::Closed => Self::Connections,
                LoopKind::Open if reached => Self::Offered,
                LoopKind::Open => Self::Neither,
            }
        }
    }

    /// What more than half of these trials ran into.
    pub(crate) fn of_most<'a>(trials: impl Iterator<Item = &'a Measured>) -> Self {
        let limits: Vec<_> = trials.map(Self::of).collect();
        let most = |limit: &Self| 2 * limits.iter().filter(|one| *one == limit).count() > limits.len();
        ALL.into_iter().find(most).unwrap_or(Self::Neither)
    }

    /// What it is called in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server's processors",
            Self::Client => "load generator",
            Self::Connections => "connections",
            Self::Offered => "offered rate",
            Self::Stopped => "stopped answering",
            Self::Neither => "none seen",
        }
    }

    /// The sign that it has behind a figure.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Client => "‡",
            Self::Connections => "§",
            Self::Neither => "¶",
            // Errors have a sign of their own.
            Self::Server | Self::Offered | Self::Stopped => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::measured;
    use schema::record::{SearchResult, Tried};

    #[test]
    fn a_busy_client_is_the_limit_even_of_a_busy_server() {
        let mut trial = measured();
        trial.server_busy_share = 0.99;
        assert_eq!(Limit::of(&trial), Limit::Server);
        trial.load.checks.client_limited = Some(true);
        assert_eq!(Limit::of(&trial), Limit::Client);
    }

    #[test]
    fn a_closed_loop_with_time_on_both_sides_lacks_connections() {
        let mut trial = measured();
        trial.server_busy_share = 0.2;
        assert_eq!(Limit::of(&trial), Limit::Connections);
        trial.load.connections.asked += 1;
        assert_eq!(Limit::of(&trial), Limit::Neither);
        trial.load.loop_kind = LoopKind::Open;
        trial.load.requests.planned = trial.load.requests.ok;
        assert_eq!(Limit::of(&trial), Limit::Offered);
        trial.load.requests.planned *= 2;
        assert_eq!(Limit::of(&trial), Limit::Neither);
    }

    #[test]
    fn a_search_is_limited_by_its_client_only_if_no_lower_rate_failed_without_it() {
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
            Limit::of(&trial)
        };
        assert_eq!(of(vec![tried(400.0, true)]), Limit::Client);
        assert_eq!(of(vec![tried(400.0, true), tried(200.0, false)]), Limit::Server);
    }

    #[test]
    fn half_of_the_trials_are_not_most() {
        let mut busy = measured();
        busy.server_busy_share = 0.99;
        let mut idle = measured();
        idle.server_busy_share = 0.1;
        assert_eq!(Limit::of_most([&busy, &idle].into_iter()), Limit::Neither);
        assert_eq!(Limit::of_most([&busy, &idle, &busy].into_iter()), Limit::Server);
        assert_eq!(Limit::of_most([].into_iter()), Limit::Neither);
    }
}
