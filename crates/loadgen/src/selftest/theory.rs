//! Queueing theory of one server. Times are in any unit, the same throughout.

/// The mean wait in an M/G/1 queue, by Pollaczek and Khinchine: λE[S²] / (2(1 − ρ)).
fn mean_wait(rate: f64, service_mean: f64, service_square_mean: f64) -> f64 {
    rate * service_square_mean / (2.0 * (1.0 - rate * service_mean))
}

/// The mean wait where all service times are equal: M/D/1, ρS / (2(1 − ρ)).
pub(crate) fn mean_wait_fixed(rate: f64, service: f64) -> f64 {
    mean_wait(rate, service, service * service)
}

/// The mean wait where a service time is a fixed part plus an exponential one: M/G/1.
pub(crate) fn mean_wait_exponential(rate: f64, exponential_mean: f64, fixed: f64) -> f64 {
    let mean = exponential_mean + fixed;
    // The second moment is the variance, which is that of the exponential part, plus the square of the mean.
    mean_wait(rate, mean, exponential_mean.powi(2) + mean.powi(2))
}

/// The mean wait of exactly these arrivals with these service times, by Lindley's recursion: the wait of the request before,
/// plus its service time, less the gap between the two.
pub(crate) fn mean_wait_of_sample(arrivals: &[f64], services: &[f64]) -> f64 {
    let (mut wait, mut sum) = (0.0_f64, 0.0);
    for index in 1..arrivals.len().min(services.len()) {
        let gap = arrivals[index] - arrivals[index - 1];
        wait = (wait + services[index - 1] - gap).max(0.0);
        sum += wait;
    }
    sum / arrivals.len() as f64
}

/// A quantile of the latency under one stall, above 1 − stall/length, if requests fall due evenly in a run of `length`: the
/// last one due in the stall hardly waits, and the first one waits for all of it.
pub(crate) fn quantile_of_a_stall(quantile: f64, stall: f64, length: f64) -> f64 {
    stall - (1.0 - quantile) * length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_agree_with_textbooks() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        near(mean_wait_fixed(0.5, 1.0), 0.5);
        near(mean_wait_fixed(0.8, 1.0), 2.0);
        // M/M/1: ρS / (1 − ρ).
        near(mean_wait_exponential(0.5, 1.0, 0.0), 1.0);
        near(mean_wait_exponential(0.8, 1.0, 0.0), 4.0);
        near(quantile_of_a_stall(0.99, 0.5, 5.0), 0.45);
    }

    #[test]
    fn lindleys_recursion_follows_the_queue_step_by_step() {
        // At 0 one arrives that takes 10, at 4 another that waits 6 and takes 1, at 20 one that finds the server idle.
        let wait = mean_wait_of_sample(&[0.0, 4.0, 20.0], &[10.0, 1.0, 5.0]);
        assert!((wait - 6.0 / 3.0).abs() < 1e-9, "{wait}");
    }
}
