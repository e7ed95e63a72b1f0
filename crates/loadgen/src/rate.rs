//! Parses rates such as `1000`, `10k`, `1.5M` and `600/min`.

use thiserror::Error;

/// Why a text is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a rate; use requests/s such as 1000, 10k or 1.5M, or 600/min")]
pub struct RateError(String);

/// The factors that a number may end with.
const FACTORS: &[(char, f64)] = &[('k', 1e3), ('K', 1e3), ('M', 1e6), ('G', 1e9)];
/// The times that a rate may be given for, in seconds. Without one it is per second.
const UNITS: &[(&str, f64)] = &[("s", 1.0), ("min", 60.0), ("h", 3600.0)];

/// Reads a rate, in requests per second: a number, a factor `k`, `M` or `G`, and a time `/s`, `/min` or `/h`. The last two
/// are optional. It is finite and not negative; the caller checks its range.
///
/// # Errors
/// If the text has another form.
pub fn parse(text: &str) -> Result<f64, RateError> {
    let refused = || RateError(text.to_owned());
    let (number, unit_s) = match text.split_once('/') {
        None => (text, 1.0),
        Some((number, unit)) => {
            let known = UNITS.iter().find(|(name, _)| *name == unit.trim());
            (number, known.ok_or_else(refused)?.1)
        }
    };
    let number = number.trim();
    let factor = FACTORS
        .iter()
        .find_map(|&(letter, factor)| Some((number.strip_suffix(letter)?.trim_end(), factor)));
    let (digits, factor) = factor.unwrap_or((number, 1.0));
    // The standard library also reads `inf` and `+1`.
    let starts_as_one = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    let value: f64 = digits.parse().map_err(|_| refused())?;
    let rate_per_s = value * factor / unit_s;
    (starts_as_one && rate_per_s.is_finite())
        .then_some(rate_per_s)
        .ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_number_a_factor_and_a_time() {
        for (text, rate_per_s) in [
            ("1000", 1000.0),
            ("0.5", 0.5),
            ("1e3", 1000.0),
            ("10k", 10_000.0),
            ("10K", 10_000.0),
            ("1.5M", 1_500_000.0),
            ("1 k", 1000.0),
            ("600/min", 10.0),
            ("10/s", 10.0),
            ("10k/s", 10_000.0),
            ("6k/min", 100.0),
            ("36/h", 0.01),
            ("0", 0.0),
        ] {
            let parsed = parse(text).unwrap();
            assert!((parsed - rate_per_s).abs() < 1e-9, "{text}: {parsed}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_examples() {
        for text in [
            "",
            "k",
            "ten",
            "10m",
            "10kk",
            "-1",
            "+1",
            "inf",
            "nan",
            "1e999",
            "1e308G",
            "10/",
            "10/day",
            "/s",
            "10/s/s",
            "1,000",
            "10 requests",
            "é",
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains("10k") && message.contains(text), "{message}");
        }
    }
}
