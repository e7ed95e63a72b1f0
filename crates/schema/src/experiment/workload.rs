//! A workload: what a setting stands for, for a reader who chooses a server by it.

use serde::{Deserialize, Serialize};

/// A row in the report's grid of workloads and models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Its name, in a few plain words: `64 busy connections`.
    pub title: String,
    /// The key of the metric that ranks the models: one of the experiment's. None: its headline.
    #[serde(default)]
    pub metric: Option<String>,
    /// What is known of models that take no part, such as `all connections lost`.
    #[serde(default)]
    pub otherwise: Option<String>,
    /// The line that it has in the decision, if it has one.
    #[serde(default)]
    pub decision: Option<Decision>,
}

/// A line of the decision: which model for a reader in this situation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Its place among the lines, from 1.
    pub order: u8,
    /// The situation in the reader's words: `Handlers that block their thread`.
    pub when: String,
}
