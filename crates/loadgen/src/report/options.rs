//! What was asked of a run.

use serde::{Deserialize, Serialize};

use crate::distribution::Distribution;
use crate::plan::{Load, Plan, RIDE_OUT_USUAL};

/// The flags of a run, as they were understood. Results of before a flag was told have the default for it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[allow(missing_docs)]
pub struct Options {
    pub connections: usize,
    pub threads: usize,
    pub rate_per_s: Option<f64>,
    pub arrivals: Option<String>,
    pub pacing: Option<String>,
    pub seed: u64,
    /// Null where the number of requests was given.
    pub duration_s: Option<f64>,
    #[serde(default)]
    pub requests: Option<u64>,
    pub warmup_s: f64,
    pub op: String,
    pub params: Option<String>,
    #[serde(default)]
    pub payload_bytes: Option<usize>,
    #[serde(default)]
    pub mix: Option<Vec<MixPart>>,
    pub pipeline: usize,
    pub requests_per_connection: Option<u64>,
    #[serde(default)]
    pub idle: usize,
    #[serde(default)]
    pub silent: usize,
    pub timeout_s: f64,
    #[serde(default)]
    pub wait_for_server_s: f64,
    #[serde(default = "ride_out_usual_s")]
    pub ride_out_s: f64,
    pub two_writes: bool,
    pub cpus: Vec<usize>,
}

/// Results of before it was a flag had no other.
fn ride_out_usual_s() -> f64 {
    RIDE_OUT_USUAL.as_secs_f64()
}

/// A part of a mix, as it was asked for.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct MixPart {
    /// Its operation and what that is asked with, such as `spin 20`, or `sleep bimodal 1|50:0.1` for times that are drawn;
    /// with its number, `spin 20 #3`, where another part would have the same name.
    pub name: String,
    /// Its share of the requests is this by the sum of all weights.
    pub weight: u64,
    /// Its operation.
    pub op: String,
    /// Its params, if they are the same each time.
    pub params: Option<String>,
    /// How long the string of its pings is, where that was asked for.
    pub payload_bytes: Option<usize>,
    /// What its times are drawn from, where they are.
    pub times: Option<Distribution>,
}

impl Options {
    pub(super) fn of(plan: &Plan) -> Self {
        let (rate_per_s, arrivals, pacing) = match plan.load {
            Load::Closed => (None, None, None),
            Load::Open {
                rate_per_s,
                arrivals,
                pacing,
            } => (
                plan.stages.is_empty().then_some(rate_per_s),
                Some(arrivals.to_string()),
                Some(pacing.to_string()),
            ),
        };
        Self {
            connections: plan.connections,
            threads: plan.threads,
            rate_per_s,
            arrivals,
            pacing,
            seed: plan.seed,
            duration_s: plan.requests.is_none().then(|| plan.window().as_secs_f64()),
            requests: plan.requests,
            warmup_s: plan.warmup.as_secs_f64(),
            op: plan.work.operation(),
            params: plan.work.fixed_params(),
            payload_bytes: plan.work.payload_bytes(),
            mix: plan.work.mix_parts(),
            pipeline: plan.pipeline,
            requests_per_connection: plan.requests_per_connection,
            idle: plan.idle,
            silent: plan.silent,
            timeout_s: plan.timeout.as_secs_f64(),
            wait_for_server_s: plan.wait_for_server.as_secs_f64(),
            ride_out_s: plan.ride_out.as_secs_f64(),
            two_writes: plan.two_writes,
            cpus: plan.cpus.clone(),
        }
    }
}
