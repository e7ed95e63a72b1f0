//! The checks that a run makes on itself.

use hdrhistogram::Histogram;
use schema::load::{Arrivals, CEILING_SHARE_MOST, Little};

use crate::checks;
use crate::plan::{Load, Plan};
use crate::tally::Tally;

/// Little's law, if a request was in the system in the window.
pub(super) fn little(tally: &Tally) -> Option<Little> {
    let window_ns = tally.window.as_nanos() as f64;
    let l = tally.area_ns as f64 / window_ns;
    let lambda_w = tally.waits_ns as f64 / window_ns;
    (l > 0.0 && l.is_finite()).then(|| Little {
        lambda_w,
        l,
        error: (lambda_w - l).abs() / l,
    })
}

/// Compares a sample of gaps, each with the one after it, with a Poisson stream.
pub(super) fn arrivals(gaps: &[(f64, f64)]) -> Option<Arrivals> {
    let firsts: Vec<f64> = gaps.iter().map(|&(gap, _)| gap).collect();
    Some(Arrivals {
        anderson_darling: checks::anderson_darling(&firsts)?,
        lag1: checks::correlation(gaps)?,
        gaps: gaps.len() as u64,
    })
}

/// The share of requests with a send delay of more than a tenth of this median latency.
pub(super) fn late_share(send_delay: &Histogram<u64>, p50_us: f64) -> Option<f64> {
    let tenth_ns = (p50_us * 1e3 / 10.0) as u64;
    let late = send_delay.len() - send_delay.count_between(0, tenth_ns).min(send_delay.len());
    (!send_delay.is_empty()).then(|| late as f64 / send_delay.len() as f64)
}

/// Whether this rate is so near to the highest that the load generator reaches that it may be the bottleneck.
pub(super) fn is_near_ceiling(plan: &Plan, throughput_per_s: f64) -> bool {
    // The ceiling was measured with one request in flight per connection.
    let applies = plan.load != Load::Closed || plan.pipeline == 1;
    let near = |ceiling_per_s| throughput_per_s > CEILING_SHARE_MOST * ceiling_per_s;
    applies && plan.ceiling_per_s.is_some_and(near)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::work::{Params, Work};

    #[test]
    fn the_ceiling_does_not_apply_to_a_closed_pipeline() {
        let work = Work::new("ping", Params::Unique).expect("a ping takes any value");
        let target: SocketAddr = "127.0.0.1:1".parse().expect("it is an address");
        let mut plan = Plan {
            ceiling_per_s: Some(100.0),
            ..Plan::closed_loop(target, 1, work.clone())
        };
        assert!(is_near_ceiling(&plan, 71.0) && !is_near_ceiling(&plan, 69.0));
        plan.pipeline = 16;
        assert!(!is_near_ceiling(&plan, 1000.0));
        plan.load = Plan::open_loop(target, 1, 1000.0, work).load;
        assert!(is_near_ceiling(&plan, 71.0));
        plan.ceiling_per_s = None;
        assert!(!is_near_ceiling(&plan, 1000.0));
    }
}
