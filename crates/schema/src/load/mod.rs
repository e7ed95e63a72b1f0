//! The result of a load: what `loadgen run --json` writes, and what follows from it alone.
//!
//! All times are in microseconds unless a name ends in `_s`. A field is null where it does not apply, or where there are
//! too few samples for it.

mod checks;
mod client;
mod connections;
mod distribution;
mod failure;
mod fairness;
mod options;
mod quantiles;
mod report;
mod requests;
mod stage;
mod within;

pub use self::checks::{
    ANDERSON_DARLING_DOUBTFUL, Arrivals, Checks, DRIFT_MOST, Drift, KEPT_BUSY_LEAST, LATE_SHARE_MOST,
    LITTLE_ERROR_MOST, Little,
};
pub use self::client::{CEILING_SHARE_MOST, CLIENT_BUSY_MOST, Client, ClientPauses};
pub use self::connections::{BackgroundConnections, Connections, Outage};
pub use self::distribution::Distribution;
pub use self::failure::{Cause, Effect, Failure, Failures};
pub use self::fairness::{Fairness, SERVED_LEAST};
pub use self::options::{MixPart, Options};
pub use self::quantiles::{BEYOND_LEAST, Quantiles};
pub use self::report::{Interval, Part, Report, SCHEMA};
pub use self::requests::{Backlog, LoopKind, Requests, UNSENT_SHARE_MOST};
pub use self::stage::StageResult;
pub use self::within::Within;
