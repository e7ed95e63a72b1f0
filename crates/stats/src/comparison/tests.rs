//! Known answers, and how often simulated trials of known truth are judged wrongly.

use super::*;
use crate::simulation::Draws;

const COMPARISONS: usize = 4000;
const ROUNDS: usize = 10;

/// The share of the simulated comparisons in which this holds.
fn share(mut is_so: impl FnMut() -> bool) -> f64 {
    (0..COMPARISONS).filter(|_| is_so()).count() as f64 / COMPARISONS as f64
}

/// What a share of 5 % hardly ever exceeds, by three standard errors.
fn five_percent_and_chance() -> f64 {
    0.05 + 3.0 * (0.05 * 0.95 / COMPARISONS as f64).sqrt()
}

/// A model and itself: skewed trials with far outliers, in rounds that differ by ten times what trials do.
fn same_model(draws: &mut Draws) -> Vec<(f64, f64)> {
    (0..ROUNDS)
        .map(|_| {
            let round = draws.round();
            (round * draws.skewed_trial(), round * draws.skewed_trial())
        })
        .collect()
}

#[test]
fn a_ratio_is_the_second_to_the_first() {
    let pairs: Vec<(f64, f64)> = (1..=10)
        .map(|round| (f64::from(round), 2.0 * f64::from(round)))
        .collect();
    let comparison = Comparison::paired(&pairs).unwrap();
    for value in [comparison.ratio, comparison.low, comparison.high] {
        assert!((value - 2.0).abs() < 1e-12);
    }
    assert_eq!(comparison.verdict(), Verdict::More);
    let turned: Vec<(f64, f64)> = pairs.iter().map(|&(first, second)| (second, first)).collect();
    assert_eq!(Comparison::paired(&turned).unwrap().verdict(), Verdict::Less);
}

#[test]
fn the_interval_is_that_of_wilcoxons_test() {
    // Of six rounds with ratios of e^1 to e^6, the 21 averages are 1, 1.5, 2, 2, ..., 5.5, 6, and one is cut at each end.
    let pairs: Vec<(f64, f64)> = (1..=6).map(|log| (1.0, f64::from(log).exp())).collect();
    let comparison = Comparison::paired(&pairs).unwrap();
    assert!((comparison.ratio.ln() - 3.5).abs() < 1e-12);
    assert!((comparison.low.ln() - 1.0).abs() < 1e-12);
    assert!((comparison.high.ln() - 6.0).abs() < 1e-12);
    assert_eq!(comparison.pairs, 6);
}

#[test]
fn fewer_than_six_rounds_show_no_significant_difference() {
    let comparison = Comparison::paired(&[(1.0, 9.0); 5]).unwrap();
    assert!((comparison.ratio - 9.0).abs() < 1e-12);
    assert_eq!((comparison.low, comparison.high), (0.0, f64::INFINITY));
    assert!(!comparison.is_significant());
    assert!(Comparison::paired(&[(1.0, 9.0); 6]).unwrap().is_significant());
}

#[test]
fn what_has_no_ratio_is_left_out() {
    let bad = [0.0, -1.0, f64::NAN, f64::INFINITY];
    let pairs: Vec<(f64, f64)> = bad.iter().flat_map(|&bad| [(bad, 1.0), (1.0, bad)]).collect();
    assert_eq!(Comparison::paired(&pairs), None);
    assert_eq!(
        Comparison::paired(&[pairs, vec![(1.0, 3.0)]].concat())
            .unwrap()
            .pairs,
        1
    );
    assert_eq!(Comparison::unpaired(&[f64::NAN], &[1.0]), None);
    assert_eq!(
        Comparison::unpaired(&[1.0, f64::NAN], &[2.0; 9]).unwrap().pairs,
        1
    );
}

#[test]
fn zero_is_least_and_infinity_most_between_runs() {
    let of = |before: f64, after: f64| Comparison::unpaired(&[before; 8], &[after; 8]).unwrap();
    let unchanged = of(0.0, 0.0);
    assert_eq!((unchanged.ratio, unchanged.verdict()), (1.0, Verdict::Tied));
    assert_eq!(
        (of(0.0, 3.0).ratio, of(0.0, 3.0).verdict()),
        (f64::INFINITY, Verdict::More)
    );
    assert_eq!((of(3.0, 0.0).ratio, of(3.0, 0.0).verdict()), (0.0, Verdict::Less));
    assert_eq!(of(120.0, f64::INFINITY).verdict(), Verdict::More);
    assert_eq!(of(-1.0, 0.0), unchanged, "less than none is none");
}

#[test]
fn equal_trials_show_no_significant_difference() {
    let same = Comparison::paired(&[(3.0, 3.0); 20]).unwrap();
    assert_eq!((same.ratio, same.low, same.high), (1.0, 1.0, 1.0));
    assert!(!same.is_significant());
    assert!(
        !Comparison::unpaired(&[3.0; 20], &[3.0; 20])
            .unwrap()
            .is_significant()
    );
    // A tied round at the end keeps the interval from leaving 1.
    let mut mostly = vec![(3.0, 3.0); 7];
    mostly.extend([(3.0, 4.0); 3]);
    assert!(!Comparison::paired(&mostly).unwrap().is_significant());
}

#[test]
fn false_positives_by_rounds_are_at_most_one_in_twenty() {
    let mut draws = Draws::seeded(1945);
    let wrong = share(|| {
        Comparison::paired(&same_model(&mut draws))
            .unwrap()
            .is_significant()
    });
    println!("paired, the same model: {wrong:.4} false positives");
    assert!(wrong <= five_percent_and_chance(), "{wrong}");
}

#[test]
fn false_positives_of_runs_are_at_most_one_in_twenty() {
    let mut draws = Draws::seeded(1947);
    let wrong = share(|| {
        let mut run = || -> Vec<f64> { (0..ROUNDS).map(|_| 100.0 * draws.skewed_trial()).collect() };
        Comparison::unpaired(&run(), &run()).unwrap().is_significant()
    });
    println!("unpaired, the same model: {wrong:.4} false positives");
    assert!(wrong <= five_percent_and_chance(), "{wrong}");
}

#[test]
fn comparisons_by_rounds_find_five_percent_more() {
    let mut draws = Draws::seeded(8);
    let found = share(|| {
        let pairs: Vec<(f64, f64)> = (0..ROUNDS)
            .map(|_| {
                let round = draws.round();
                (draws.steady_trial(round), draws.steady_trial(1.05 * round))
            })
            .collect();
        Comparison::paired(&pairs).unwrap().verdict() == Verdict::More
    });
    println!("paired, 5 % more: {found:.4} found");
    assert!(found >= 0.9, "{found}");
}

#[test]
fn comparisons_of_runs_find_five_percent_more() {
    let mut draws = Draws::seeded(9);
    let found = share(|| {
        let mut run = |mean: f64| -> Vec<f64> { (0..ROUNDS).map(|_| draws.steady_trial(mean)).collect() };
        Comparison::unpaired(&run(100.0), &run(105.0)).unwrap().verdict() == Verdict::More
    });
    println!("unpaired, 5 % more: {found:.4} found");
    assert!(found >= 0.9, "{found}");
}

#[test]
fn intervals_hold_the_true_ratio_as_often_as_stated() {
    let mut draws = Draws::seeded(1963);
    let held = share(|| {
        let pairs: Vec<(f64, f64)> = same_model(&mut draws)
            .iter()
            .map(|&(first, second)| (first, 1.3 * second))
            .collect();
        let comparison = Comparison::paired(&pairs).unwrap();
        comparison.low <= 1.3 && 1.3 <= comparison.high
    });
    println!("paired, 30 % more: {held:.4} held");
    assert!(held >= 1.0 - five_percent_and_chance(), "{held}");
}

#[test]
fn a_bootstrap_of_ten_rounds_has_more_false_positives() {
    const RESAMPLES: usize = 200;
    let mut draws = Draws::seeded(1979);
    let wrong = share(|| {
        let logs: Vec<f64> = (0..ROUNDS)
            .map(|_| draws.steady_trial(1.0).ln() - draws.steady_trial(1.0).ln())
            .collect();
        let mut means: Vec<f64> = (0..RESAMPLES)
            .map(|_| (0..ROUNDS).map(|_| logs[draws.below(ROUNDS)]).sum())
            .collect();
        means.sort_by(f64::total_cmp);
        means[RESAMPLES / 40] > 0.0 || means[RESAMPLES - 1 - RESAMPLES / 40] < 0.0
    });
    println!("bootstrap of the mean, the same model: {wrong:.4} false positives");
    assert!(wrong > 0.07, "{wrong}");
}
