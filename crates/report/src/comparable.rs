//! Whether what a model did in a setting can be compared with what others did.

use schema::experiment::Experiment;
use schema::load::UNSENT_SHARE_MOST;
use schema::record::Measured;
use stats::Better;

use crate::errors::{Errors, FAILED_SHARE_MOST};
use crate::metric::{Metric, load};
use crate::standing::Reason;

/// Why a metric is not compared with that of other models, if so. `kept` are the trials that count, with their rounds.
///
/// If too many requests failed, latencies leave those out and costs are divided by fewer. A model that never served some
/// connections did less than others. Its rate is compared all the same where the experiment shows how many it served.
/// Latencies of an overloaded model grow with the length of the window.
pub(crate) fn why_not(
    kept: &[(usize, &Measured)],
    errors: Errors,
    metric: &Metric,
    shows_served: bool,
) -> Option<Reason> {
    if errors.are_too_many() && !metric.counts_failures {
        return Some(if errors.stopped() {
            Reason::StoppedAnswering
        } else if errors.failed_share() > FAILED_SHARE_MOST {
            Reason::Failed(errors.failed_share())
        } else {
            Reason::BackgroundClosed(errors.closed_share())
        });
    }
    let rate_counts = shows_served && metric.better == Some(Better::More);
    if has_never_served(kept) && !rate_counts {
        Some(Reason::NeverServed)
    } else if *metric == load::RECOVERY && kept.iter().any(|(_, trial)| trial.never_recovered()) {
        // The median of the other trials would be too good.
        Some(Reason::NeverRecovered)
    } else if metric.is_latency && is_overloaded(kept) {
        Some(Reason::Overloaded)
    } else {
        None
    }
}

/// Whether an experiment shows how many connections a model served.
pub(crate) fn shows_served(experiment: &Experiment) -> bool {
    experiment.metric_keys().any(|key| key == load::SERVED.key)
}

/// Whether some connection was never served, in any of the trials.
pub(crate) fn has_never_served(kept: &[(usize, &Measured)]) -> bool {
    kept.iter().any(|(_, trial)| trial.has_never_served_connections())
}

/// Whether the offered load exceeded its capacity by more than 1 % in most trials.
pub(crate) fn is_overloaded(kept: &[(usize, &Measured)]) -> bool {
    let unsent = kept
        .iter()
        .filter_map(|(_, trial)| (load::UNSENT_SHARE.value)(trial));
    let unsent = stats::median(&unsent.collect::<Vec<_>>());
    unsent.is_some_and(|unsent| unsent > UNSENT_SHARE_MOST)
}
