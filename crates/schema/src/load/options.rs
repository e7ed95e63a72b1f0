//! The options of a run.

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;

/// The flags of a run, as they were understood. In results of versions without a flag it has its default.
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

/// What it was before it was a flag.
fn ride_out_usual_s() -> f64 {
    0.5
}

/// A part of a mix of operations.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct MixPart {
    /// Its operation and parameters, such as `spin 20`, or `sleep bimodal 1|50:0.1` for random times. Its number follows,
    /// `spin 20 #3`, where another part would have the same name.
    pub name: String,
    /// Its share of the requests is this weight divided by the sum of all weights.
    pub weight: u64,
    /// Its operation.
    pub op: String,
    /// Its parameters, if they are the same each time.
    pub params: Option<String>,
    /// The length of the string of its pings, if one was given.
    pub payload_bytes: Option<usize>,
    /// The distribution of its times, if they are random.
    pub times: Option<Distribution>,
}
