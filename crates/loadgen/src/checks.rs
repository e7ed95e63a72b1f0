//! Statistics of the arrivals, which show whether they are a Poisson stream.

/// The Anderson–Darling statistic of these gaps against an exponential distribution whose mean is theirs, with Stephens'
/// correction for the estimated mean, A²(1 + 0.6/n). One in twenty samples of a true exponential exceeds 1.321, one in a
/// hundred 1.959 (D'Agostino and Stephens, Goodness-of-Fit Techniques, 1986, chapter 4). None for fewer than [`GAPS_LEAST`]
/// gaps.
pub(crate) fn anderson_darling(gaps: &[f64]) -> Option<f64> {
    if gaps.len() < GAPS_LEAST {
        return None;
    }
    let n = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / n;
    // A gap of zero, which a clock of whole nanoseconds may show, has no logarithm.
    let mut scaled: Vec<f64> = gaps.iter().map(|gap| (gap / mean).max(1e-9)).collect();
    scaled.sort_by(f64::total_cmp);
    let ln_below = |x: f64| (-(-x).exp_m1()).ln();
    let sum: f64 = scaled
        .iter()
        .zip(scaled.iter().rev())
        .enumerate()
        // The logarithm of the probability above x is -x.
        .map(|(index, (&low, &high))| (2 * index + 1) as f64 * (ln_below(low) - high))
        .sum();
    Some((-n - sum / n) * (1.0 + 0.6 / n))
}

/// Fewer gaps are too few for these statistics.
pub(crate) const GAPS_LEAST: usize = 100;

/// The correlation of these pairs of a gap and the next one; none for fewer than [`GAPS_LEAST`], or if one side is constant.
pub(crate) fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < GAPS_LEAST {
        return None;
    }
    let n = pairs.len() as f64;
    let (mean_a, mean_b) = (
        pairs.iter().map(|pair| pair.0).sum::<f64>() / n,
        pairs.iter().map(|pair| pair.1).sum::<f64>() / n,
    );
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (a - mean_a, b - mean_b);
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    let scale = (aa * bb).sqrt();
    (scale > 0.0).then(|| ab / scale)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use schema::load::Arrivals;

    use super::*;

    fn exponential(random: &mut ChaCha8Rng, n: usize) -> Vec<f64> {
        (0..n).map(|_| -(1.0 - random.random::<f64>()).ln()).collect()
    }

    #[test]
    fn one_exponential_sample_in_twenty_exceeds_the_bound() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let samples = 4_000;
        let beyond = (0..samples)
            .filter(|_| {
                anderson_darling(&exponential(&mut random, 500)).unwrap() > Arrivals::ANDERSON_DARLING_MOST
            })
            .count();
        let share = beyond as f64 / f64::from(samples);
        // Three standard deviations of a share of 5 % are 1 %.
        assert!((0.04..0.06).contains(&share), "{share}");
    }

    #[test]
    fn gaps_that_are_not_exponential_are_found() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let equal = vec![1.0; 1000];
        assert!(anderson_darling(&equal).unwrap() > 100.0);
        let uniform: Vec<f64> = (0..1000).map(|_| random.random()).collect();
        assert!(anderson_darling(&uniform).unwrap() > 10.0);
        // A timer of milliseconds rounds gaps whose mean is 2 ms.
        let rounded: Vec<f64> = exponential(&mut random, 1000)
            .iter()
            .map(|gap| (gap * 2.0).ceil())
            .collect();
        assert!(anderson_darling(&rounded).unwrap() > 10.0);
    }

    #[test]
    fn too_few_gaps_have_no_statistic() {
        assert_eq!(anderson_darling(&[1.0; 99]), None);
        assert_eq!(correlation(&[(1.0, 2.0); 99]), None);
        assert_eq!(correlation(&[(1.0, 2.0); 200]), None);
    }

    #[test]
    fn correlation_of_gaps_is_found() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let gaps = exponential(&mut random, 10_001);
        let independent: Vec<_> = gaps.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let lag1 = correlation(&independent).unwrap();
        let arrivals = Arrivals {
            anderson_darling: 0.0,
            lag1,
            gaps: independent.len() as u64,
        };
        assert!(lag1.abs() < arrivals.lag1_most());
        let tied: Vec<_> = gaps.iter().map(|&gap| (gap, 3.0 - gap)).collect();
        assert!((correlation(&tied).unwrap() + 1.0).abs() < 1e-9);
    }
}
