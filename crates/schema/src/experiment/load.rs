//! What is asked of a server in a setting.

use serde::{Deserialize, Serialize};

/// What is asked of a server. What a file leaves out is as in `loadgen run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// How many connections are open at once.
    pub connections: usize,
    /// Whether no more connections are opened than the server serves at the same time. Of a server of which that is
    /// unknown, all are opened.
    #[serde(skip_serializing_if = "is_false")]
    pub limit_to_served: bool,
    /// How many requests are in flight on each connection.
    pub pipeline: usize,
    /// After how many requests a connection is closed and another opened.
    pub requests_per_connection: Option<u64>,
    /// How many idle connections are opened before the load.
    pub idle: usize,
    /// How many connections, opened before the load, send half a frame and then nothing.
    pub silent: usize,
    /// Whether the client writes prefix and body separately, without `TCP_NODELAY`.
    pub two_writes: bool,
    /// The operation, unless `operation` has a mix.
    pub op: String,
    /// Its params; without them, each ping has a value of its own.
    pub params: Option<serde_json::Value>,
    /// A mix of operations instead of one, as in a mix file of `loadgen`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operation: Vec<serde_json::Value>,
    /// The offered rate of an open loop. Without it and without `capacity`, the loop is closed.
    pub rate_per_s: Option<f64>,
    /// The offered rate for each of the server's CPUs. A run offers it times their number: see [`Load::on_cpus`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s_per_cpu: Option<f64>,
    /// The offered rate as a share of the contender's capacity: what it serves in a closed loop of the same work.
    pub capacity: Option<f64>,
    /// The capacity, where it follows from the work and need not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_per_s: Option<f64>,
    /// Counts the good replies within a bound of latency: this many times the sum of the work's mean service time and the
    /// machine's round trip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_times: Option<f64>,
}

/// As serde wants it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Default for Load {
    fn default() -> Self {
        Self {
            connections: 64,
            limit_to_served: false,
            pipeline: 1,
            requests_per_connection: None,
            idle: 0,
            silent: 0,
            two_writes: false,
            op: "ping".to_owned(),
            params: None,
            operation: Vec::new(),
            rate_per_s: None,
            rate_per_s_per_cpu: None,
            capacity: None,
            capacity_per_s: None,
            within_times: None,
        }
    }
}

impl Load {
    /// The operations that a server must answer.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        if self.operation.is_empty() {
            return vec![self.op.clone()];
        }
        let named = |part: &serde_json::Value| part.get("op")?.as_str().map(str::to_owned);
        self.operation.iter().filter_map(named).collect()
    }

    /// The offered rate, where it does not depend on a measured capacity. Before [`Load::on_cpus`] it is that of one CPU.
    #[must_use]
    pub fn known_rate_per_s(&self) -> Option<f64> {
        let of_capacity = || Some(self.capacity? * self.capacity_per_s?);
        self.rate_per_s.or(self.rate_per_s_per_cpu).or_else(of_capacity)
    }

    /// The load on a server with so many CPUs.
    #[must_use]
    pub fn on_cpus(&self, cpus: usize) -> Self {
        let of_all = self.rate_per_s_per_cpu.map(|rate_per_s| rate_per_s * cpus as f64);
        Self {
            rate_per_s: of_all.or(self.rate_per_s),
            rate_per_s_per_cpu: None,
            ..self.clone()
        }
    }

    /// The share of the requests that ask for the first operation.
    #[must_use]
    pub fn share_of_first_operation(&self) -> f64 {
        let weight = |part: &serde_json::Value| {
            let weight = part.get("weight").and_then(serde_json::Value::as_f64);
            weight.unwrap_or(1.0)
        };
        let all: f64 = self.operation.iter().map(weight).sum();
        self.operation.first().map_or(1.0, |first| weight(first) / all)
    }

    /// Whether the offered rate depends on a measured capacity.
    #[must_use]
    pub fn needs_capacity(&self) -> bool {
        self.capacity.is_some() && self.capacity_per_s.is_none()
    }

    /// The load in a closed loop, which finds a contender's capacity.
    #[must_use]
    pub fn closed(&self) -> Self {
        Self {
            rate_per_s: None,
            rate_per_s_per_cpu: None,
            capacity: None,
            ..self.clone()
        }
    }

    /// The same load at this offered rate.
    #[must_use]
    pub fn at(&self, rate_per_s: f64) -> Self {
        Self {
            rate_per_s: Some(rate_per_s),
            rate_per_s_per_cpu: None,
            capacity: None,
            ..self.clone()
        }
    }
}
