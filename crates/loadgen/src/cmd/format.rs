//! Values as people read them.

/// Formats a time of microseconds in the unit that suits it, with three digits.
pub(crate) fn time(us: f64) -> String {
    let (value, unit) = match us {
        us if us < 1e3 => (us, "µs"),
        us if us < 1e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    let digits = if value < 10.0 {
        2
    } else {
        usize::from(value < 100.0)
    };
    format!("{value:.digits$} {unit}")
}

/// The beginning of a long text.
pub(super) fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        text.to_owned()
    } else {
        text.chars().take(60).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_three_digits_and_a_unit() {
        let cases = [
            (0.5, "0.50 µs"),
            (12.34, "12.3 µs"),
            (999.0, "999 µs"),
            (1_500.0, "1.50 ms"),
            (2e6, "2.00 s"),
        ];
        for (us, text) in cases {
            assert_eq!(time(us), text);
        }
    }
}
