//! Where a value is on an axis, and which ticks the axis has.

use crate::numbers;

/// An axis from `low` to `high`, which are the outer ticks unless it has ticks at settings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    pub(super) ticks: Vec<Tick>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) text: String,
}

impl Axis {
    /// From zero, or from below the lowest value if that is negative.
    pub(super) fn from_zero(values: &[f64]) -> Self {
        let (low, high) = ends(values).unwrap_or((0.0, 1.0));
        Self::linear(low.min(0.0), high.max(0.0))
    }

    fn linear(low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        // At most six steps. With fewer, up to half of the field could be empty.
        let step = nice_step((high - low) / 6.0);
        let (first, last) = ((low / step).floor(), (high / step - 1e-9).ceil());
        let decimals = decimals(step);
        let ticks: Vec<_> = (0..=(last - first) as usize)
            .map(|index| (first + index as f64) * step)
            .map(|at| Tick {
                at,
                text: numbers::with_commas(&format!("{at:.decimals$}")),
            })
            .collect();
        Self {
            low: first * step,
            high: last * step,
            logarithmic: false,
            ticks,
        }
    }

    /// From and to 1, 2, 5, 10, … around the positive values. The others are left out.
    pub(super) fn logarithmic(values: &[f64]) -> Self {
        let positive: Vec<_> = values.iter().copied().filter(|value| *value > 0.0).collect();
        let (low, high) = ends(&positive).unwrap_or((1.0, 10.0));
        let decade = |value: f64| value.log10().floor() as i32;
        let steps: Vec<(i32, f64)> = (decade(low)..=decade(high) + 1)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| (power, digit)))
            .collect();
        let value = |&(power, digit): &(i32, f64)| digit * 10f64.powi(power);
        let first = steps
            .iter()
            .rposition(|step| value(step) <= low * (1.0 + 1e-9))
            .unwrap_or(0);
        let mut last = steps
            .iter()
            .position(|step| value(step) >= high * (1.0 - 1e-9))
            .unwrap_or(steps.len() - 1);
        if last == first {
            last += 1;
        }
        let span = &steps[first..=last.min(steps.len() - 1)];
        let (low, high) = (value(&span[0]), value(&span[span.len() - 1]));
        // Up to two decades have room for ticks between the powers of ten. Ten and more have no room for each power.
        let decades = (high / low).log10();
        let every = (decades / 7.0).ceil().max(1.0) as i32;
        let ticks = span
            .iter()
            .filter(|(power, digit)| decades <= 2.1 || (*digit < 1.5 && power % every == 0))
            .map(value)
            .map(|at| Tick { at, text: label(at) })
            .collect();
        Self {
            low,
            high,
            logarithmic: true,
            ticks,
        }
    }

    /// From the first setting to the last, with a tick at each.
    pub(super) fn with_settings(settings: &[(f64, String)], is_logarithmic: bool) -> Self {
        let is_shown = |at: f64| at.is_finite() && (!is_logarithmic || at > 0.0);
        let ticks: Vec<Tick> = settings
            .iter()
            .filter(|(at, _)| is_shown(*at))
            .map(|(at, text)| Tick {
                at: *at,
                text: text.clone(),
            })
            .collect();
        let values: Vec<f64> = ticks.iter().map(|tick| tick.at).collect();
        let (low, high) = match ends(&values) {
            Some((low, high)) if high > low => (low, high),
            // A single setting is in the middle.
            Some((only, _)) if is_logarithmic => (only / 2.0, only * 2.0),
            Some((only, _)) => (only - 1.0, only + 1.0),
            None => (1.0, 2.0),
        };
        Self {
            low,
            high,
            logarithmic: is_logarithmic,
            ticks,
        }
    }

    /// From 0 at the low end to 1 at the high end. None for a value that this axis cannot show.
    pub(super) fn position(&self, value: f64) -> Option<f64> {
        if !value.is_finite() || (self.logarithmic && value <= 0.0) {
            return None;
        }
        Some(if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        })
    }

    /// The same for the end of an interval. If it is outside, it is cut at the edge and the second value is true.
    pub(super) fn position_within(&self, value: f64) -> Option<(f64, bool)> {
        if value.is_nan() {
            return None;
        }
        let within = value.clamp(self.low, self.high);
        // A difference by rounding is no cut.
        let is_cut = (value - within).abs() > 1e-9 * within.abs();
        Some((self.position(within)?, is_cut))
    }
}

/// A number in full, not in three digits.
pub(super) fn label(value: f64) -> String {
    let text = format!("{value:.6}");
    numbers::with_commas(text.trim_end_matches('0').trim_end_matches('.'))
}

fn ends(values: &[f64]) -> Option<(f64, f64)> {
    values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(None, |ends, value| match ends {
            None => Some((value, value)),
            Some((low, high)) => Some((value.min(low), value.max(high))),
        })
}

/// The next 1, 2, 2.5 or 5 times a power of ten.
pub(crate) fn nice_step(least: f64) -> f64 {
    let unit = 10f64.powf(least.log10().floor());
    let digit = [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .find(|digit| digit * unit >= least * (1.0 - 1e-9))
        .unwrap_or(10.0);
    digit * unit
}

/// How many decimals a multiple of this step needs.
pub(crate) fn decimals(step: f64) -> usize {
    (0..9)
        .find(|&decimals| {
            let scaled = step * 10f64.powi(decimals);
            (scaled - scaled.round()).abs() < 1e-6 * scaled
        })
        .and_then(|decimals| usize::try_from(decimals).ok())
        .unwrap_or(9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_reach_around_the_values() {
        let axis = Axis::from_zero(&[12.0, 48_700.0]);
        assert_eq!(
            texts(&axis),
            ["0", "10,000", "20,000", "30,000", "40,000", "50,000"]
        );
        assert_eq!(
            texts(&Axis::from_zero(&[1.2])),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2"]
        );
        assert_eq!(texts(&Axis::from_zero(&[-3.0, 4.0])), ["-4", "-2", "0", "2", "4"]);
    }

    #[test]
    fn an_axis_without_values_has_ticks() {
        assert_eq!(Axis::from_zero(&[]).ticks.len(), 6);
        assert_eq!(Axis::from_zero(&[0.0, f64::NAN]).ticks.len(), 6);
        assert_eq!(texts(&Axis::logarithmic(&[0.0, -1.0])), ["1", "2", "5", "10"]);
        assert_eq!(texts(&Axis::logarithmic(&[5.0])), ["5", "10"]);
    }

    #[test]
    fn a_short_logarithmic_axis_has_more_ticks() {
        assert_eq!(
            texts(&Axis::logarithmic(&[0.3, 4.0])),
            ["0.2", "0.5", "1", "2", "5"]
        );
        assert_eq!(
            texts(&Axis::logarithmic(&[1.0, 1e4])),
            ["1", "10", "100", "1,000", "10,000"]
        );
        assert!(Axis::logarithmic(&[1e-4, 1e9]).ticks.len() < 8);
    }

    #[test]
    fn powers_of_ten_are_equally_spaced() {
        let axis = Axis::logarithmic(&[1.0, 1e4]);
        assert!((axis.position(10.0).unwrap() - 0.25).abs() < 1e-9);
        assert!((axis.position(100.0).unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_axis_shows_positive_values_only_and_cuts_intervals() {
        let axis = Axis::logarithmic(&[1.0, 100.0]);
        assert_eq!(axis.position(0.0), None);
        assert_eq!(axis.position(f64::NAN), None);
        assert_eq!(axis.position_within(-1.0), Some((0.0, true)));
        assert_eq!(axis.position_within(f64::INFINITY), Some((1.0, true)));
    }

    #[test]
    fn an_axis_of_settings_reaches_from_first_to_last() {
        let setting = |at: f64| (at, format!("{at} %"));
        let axis = Axis::with_settings(&[30.0, 70.0, 100.0].map(setting), false);
        assert_eq!(texts(&axis), ["30 %", "70 %", "100 %"]);
        assert_eq!(axis.position(30.0), Some(0.0));
        assert_eq!(axis.position(100.0), Some(1.0));
        for is_logarithmic in [false, true] {
            let axis = Axis::with_settings(&[setting(8.0)], is_logarithmic);
            assert_eq!(axis.position(8.0), Some(0.5));
        }
        let axis = Axis::with_settings(&[setting(0.0)], true);
        assert!(axis.ticks.is_empty() && axis.position(1.0).is_some());
    }
}
