use schema::environment::Environment;
use schema::record::Record;

/// What a run left: how it was made, and its trials.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// How it was made.
    pub environment: Environment,
    /// Its trials, in their order.
    pub records: Vec<Record>,
}
