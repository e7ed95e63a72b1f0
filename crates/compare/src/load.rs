//! The load of a setting, as a plan for the load generator.

use std::net::SocketAddr;

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

#[derive(Serialize)]
struct Mix<'a> {
    operation: &'a [serde_json::Value],
}
