//! The load of a setting, as a plan for the load generator.

use std::net::SocketAddr;
use std::time::Duration;

use loadgen::{Arrivals, Pacing, Params, Plan, Work};
use schema::experiment::Load;
use serde::Serialize;

/// The work that a load asks for; the error is why it can't be.
pub(crate) fn work(load: &Load) -> Result<Work, String> {
    drawn(load, 1)
}

/// The same, where this seed draws from a mix.
fn drawn(load: &Load, seed: u64) -> Result<Work, String> {
    if load.operation.is_empty() {
        let params = load
            .params
            .as_ref()
            .map_or(Params::Unique, |params| Params::Json(params.to_string()));
        return Work::new(&load.op, params).map_err(|error| error.to_string());
    }
    let mix = toml::to_string(&Mix {
        operation: &load.operation,
    });
    let mix = mix.map_err(|error| format!("its operations can't be written as TOML: {error}"))?;
    Work::mix(&mix, seed).map_err(|error| error.to_string())
}

/// The load on this server, which has this capacity if that matters.
pub(crate) fn plan(
    load: &Load,
    target: SocketAddr,
    capacity_per_s: Option<f64>,
    seed: u64,
) -> Result<Plan, String> {
    let rate_per_s = match (load.rate_per_s, load.capacity) {
        (Some(rate), _) => Some(rate),
        (None, Some(share)) => {
            let capacity_per_s = load.capacity_per_s.or(capacity_per_s);
            Some(share * capacity_per_s.ok_or("its capacity could not be measured")?)
        }
        (None, None) => None,
    };
    let closed = Plan {
        pipeline: load.pipeline,
        requests_per_connection: load.requests_per_connection,
        idle: load.idle,
        silent: load.silent,
        two_writes: load.two_writes,
        seed,
        ..Plan::closed_loop(target, load.connections, drawn(load, seed)?)
    };
    Ok(Plan {
        load: rate_per_s.map_or(loadgen::Load::Closed, |rate_per_s| loadgen::Load::Open {
            rate_per_s,
            arrivals: Arrivals::Poisson,
            pacing: Pacing::Hybrid,
        }),
        ..closed
    })
}

/// The bound within which good replies are counted, if the load has one: a multiple of the sum of the work's mean service time
/// and the round trip.
pub(crate) fn within(load: &Load, round_trip_us: Option<f64>) -> Result<Option<Duration>, String> {
    let Some(times) = load.within_times else {
        return Ok(None);
    };
    let round_trip_us =
        round_trip_us.ok_or("the run has no round trip, on which its bound of latency depends")?;
    let service_us = work(load)?
        .mean_time_us()
        .ok_or("the time that its work takes is unknown")?;
    let bound_s = times * (service_us + round_trip_us) / 1e6;
    let bound = Duration::try_from_secs_f64(bound_s);
    bound
        .map(Some)
        .map_err(|error| format!("its bound of latency is {bound_s} s: {error}"))
}

#[derive(Serialize)]
struct Mix<'a> {
    operation: &'a [serde_json::Value],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::parse;

    fn load(lines: &str) -> Load {
        let text = format!(
            "key = \"mine\"\ntitle = \"Mine\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = \"mean_us\"\n\
             [[setting]]\nkey = \"a\"\ntitle = \"a\"\n[setting.load]\n{lines}"
        );
        parse(&text).unwrap().settings.remove(0).load
    }

    #[test]
    fn the_bound_follows_from_service_time_and_round_trip() {
        let spin = "[[setting.load.operation]]\nop = \"spin\"\n";
        let us = |lines: &str| {
            within(&load(lines), Some(30.0))
                .unwrap()
                .map(|bound| bound.as_micros())
        };
        assert_eq!(us("connections = 1"), None);
        assert_eq!(us("within_times = 10"), Some(300));
        assert_eq!(us("within_times = 1.5\nop = \"block\"\nparams = 2"), Some(3_045));
        for times in [
            "{ distribution = \"constant\", value = 20 }",
            "{ distribution = \"exponential\", mean = 20 }",
            "{ distribution = \"bimodal\", low = 5, high = 80, high_share = 0.2 }",
        ] {
            assert_eq!(
                us(&format!("within_times = 10\n{spin}times = {times}")),
                Some(500),
                "{times}"
            );
        }
    }

    #[test]
    fn a_bound_needs_the_round_trip_of_the_run() {
        assert_eq!(within(&load("connections = 1"), None), Ok(None));
        let missing = within(&load("within_times = 10"), None).unwrap_err();
        assert!(missing.contains("round trip"), "{missing}");
    }
}
