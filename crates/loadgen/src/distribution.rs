//! Random times for the work of a request.
//!
//! A time is a pure function of the seed and the number of the request. Whoever checks the reply computes it again, so
//! nothing has to be kept with the request.

pub use schema::load::Distribution;
use thiserror::Error;

/// Why a distribution can't be used.
#[derive(Debug, Error, PartialEq)]
pub enum DistributionError {
    /// A time out of range.
    #[error("{name} is {value}; use a number from 0 to {most}")]
    Time {
        /// The key.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The maximum of the operation.
        most: u64,
    },
    /// A share out of range.
    #[error("high_share is {0}; use a number from 0 to 1")]
    Partition(f64),
}

/// Checks that all times are within the range of an operation, up to `most`.
pub(crate) fn check(distribution: &Distribution, most: u64) -> Result<(), DistributionError> {
    let time = |name, value: f64| {
        if (0.0..=most as f64).contains(&value) {
            Ok(())
        } else {
            Err(DistributionError::Time { name, value, most })
        }
    };
    match *distribution {
        Distribution::Constant { value } => time("value", value),
        Distribution::Exponential { mean } => time("mean", mean),
        Distribution::Bimodal {
            low,
            high,
            high_share,
        } => {
            time("low", low)?;
            time("high", high)?;
            if (0.0..=1.0).contains(&high_share) {
                Ok(())
            } else {
                Err(DistributionError::Partition(high_share))
            }
        }
    }
}

/// The time at this point of the distribution, from 0 to 1, in whole units. Exponential times above the maximum of the
/// operation are limited to it.
pub(crate) fn time_at(distribution: &Distribution, point: f64, most: u64) -> u64 {
    let time = match *distribution {
        Distribution::Constant { value } => value,
        Distribution::Exponential { mean } => -mean * (1.0 - point).ln(),
        Distribution::Bimodal {
            low,
            high,
            high_share,
        } => {
            if point < high_share {
                high
            } else {
                low
            }
        }
    };
    (time.round() as u64).min(most)
}

/// A pseudo-random number of a seed and a request (`SplitMix64`; Steele, Lea and Flood, OOPSLA 2014).
pub(crate) fn random(seed: u64, number: u64) -> u64 {
    let mut bits = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The same as a number from 0 to 1, without 1.
pub(crate) fn random_point(seed: u64, number: u64) -> f64 {
    /// A float between 0 and 1 has 53 bits of precision.
    const STEPS: f64 = (1u64 << 53) as f64;
    (random(seed, number) >> 11) as f64 / STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 1_000_000;

    fn times(distribution: Distribution) -> Vec<u64> {
        (0..100_000)
            .map(|number| time_at(&distribution, random_point(5, number), MOST))
            .collect()
    }

    fn mean(times: &[u64]) -> f64 {
        times.iter().sum::<u64>() as f64 / times.len() as f64
    }

    #[test]
    fn times_have_the_requested_mean() {
        for distribution in [
            Distribution::Constant { value: 20.0 },
            Distribution::Exponential { mean: 2000.0 },
            Distribution::Bimodal {
                low: 20.0,
                high: 1000.0,
                high_share: 0.01,
            },
        ] {
            let got = mean(&times(distribution));
            assert!(
                (got / distribution.mean() - 1.0).abs() < 0.05,
                "{distribution:?}: {got}"
            );
        }
    }

    #[test]
    fn an_exponential_exceeds_its_mean_in_37_of_100() {
        let beyond = times(Distribution::Exponential { mean: 5000.0 })
            .iter()
            .filter(|&&time| time > 5000)
            .count();
        assert!((36_000..37_600).contains(&beyond), "{beyond}");
    }

    #[test]
    fn no_time_is_longer_than_the_operation_takes() {
        let distribution = Distribution::Exponential { mean: 900.0 };
        assert!((0..10_000).all(|number| time_at(&distribution, random_point(1, number), 1000) <= 1000));
    }

    #[test]
    fn a_distribution_out_of_range_is_refused() {
        let message = |distribution: Distribution| check(&distribution, 100).unwrap_err().to_string();
        assert!(message(Distribution::Constant { value: 101.0 }).contains("0 to 100"));
        assert!(message(Distribution::Exponential { mean: f64::NAN }).contains("mean"));
        let share = Distribution::Bimodal {
            low: 1.0,
            high: 2.0,
            high_share: 1.5,
        };
        assert!(message(share).contains("1.5"));
    }

    #[test]
    fn random_points_are_spread_evenly() {
        let below = (0..100_000)
            .filter(|&number| random_point(9, number) < 0.25)
            .count();
        assert!((24_500..25_500).contains(&below), "{below}");
    }
}
