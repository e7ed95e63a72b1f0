//! What is asked of a server in a setting.

use serde::{Deserialize, Serialize};

/// What is asked of a server. What is left out is as `loadgen run` has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// How many connections are open at once.
    pub connections: usize,
    /// How many requests are in flight on each.
    pub pipeline: usize,
    /// After how many requests a connection is closed and another opened.
    pub requests_per_connection: Option<u64>,
    /// How many more connections only exist.
    pub idle: usize,
    /// How many more send half a frame and then nothing.
    pub silent: usize,
    /// Whether the client writes prefix and body apart, without `TCP_NODELAY`.
    pub two_writes: bool,
    /// What is asked for: `ping`, unless `operation` says something else.
    pub op: String,
    /// Its params; without it, each ping has a value of its own.
    pub params: Option<serde_json::Value>,
    /// A mix of operations in place of one, as in a mix file of `loadgen`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operation: Vec<serde_json::Value>,
    /// Requests due in a second, in an open loop; without it and without `capacity`, the loop is closed.
    pub rate_per_s: Option<f64>,
    /// The same as a share of what the contender serves in a closed loop of the same work.
    pub capacity: Option<f64>,
    /// What it can serve in a second, where that follows from the work and need not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_per_s: Option<f64>,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            connections: 64,
            pipeline: 1,
            requests_per_connection: None,
            idle: 0,
            silent: 0,
            two_writes: false,
            op: "ping".to_owned(),
            params: None,
            operation: Vec::new(),
            rate_per_s: None,
            capacity: None,
            capacity_per_s: None,
        }
    }
}

impl Load {
    /// The operations that a server has to know.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        if self.operation.is_empty() {
            return vec![self.op.clone()];
        }
        let named = |part: &serde_json::Value| part.get("op")?.as_str().map(str::to_owned);
        self.operation.iter().filter_map(named).collect()
    }

    /// The offered rate, where it does not depend on what the contender can do.
    #[must_use]
    pub fn known_rate_per_s(&self) -> Option<f64> {
        let of_capacity = || Some(self.capacity? * self.capacity_per_s?);
        self.rate_per_s.or_else(of_capacity)
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

    /// Whether the offered rate depends on what the contender can do.
    #[must_use]
    pub fn needs_capacity(&self) -> bool {
        self.capacity.is_some() && self.capacity_per_s.is_none()
    }

    /// The load in a closed loop, by which a contender's capacity is found.
    #[must_use]
    pub fn closed(&self) -> Self {
        Self {
            rate_per_s: None,
            capacity: None,
            ..self.clone()
        }
    }

    /// The same load at this offered rate.
    #[must_use]
    pub fn at(&self, rate_per_s: f64) -> Self {
        Self {
            rate_per_s: Some(rate_per_s),
            capacity: None,
            ..self.clone()
        }
    }
}
