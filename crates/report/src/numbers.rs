//! Numbers for people: three significant digits.

/// Three significant digits, and commas between thousands: 51,200, 51.2, 0.512.
#[must_use]
pub fn rounded(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value:.0}");
    }
    let magnitude = value.abs().log10().floor() as i32;
    let unit = 10f64.powi(magnitude - 2);
    let value = (value / unit).round() * unit;
    // Rounding up may add a digit: 99.96 becomes 100, not 100.0.
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = usize::try_from(2 - magnitude).unwrap_or(0);
    with_commas(&format!("{value:.decimals$}"))
}

/// A share in percent: 0.0123 is `1.23 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{} %", rounded(share * 100.0))
}

/// A count.
#[must_use]
pub fn count(value: f64) -> String {
    with_commas(&format!("{value:.0}"))
}

/// A number of things: `1 trial`, `1,000 trials`.
#[must_use]
pub fn counted(number: usize, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        count(number as f64),
        if number == 1 { one } else { many }
    )
}

/// A number that is written already, with commas between thousands.
#[must_use]
pub fn with_commas(number: &str) -> String {
    let (whole, fraction) = number
        .find('.')
        .map_or((number, ""), |point| number.split_at(point));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

/// Names in a sentence: a, b and c.
#[must_use]
pub fn list<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [rest @ .., last] => {
            let rest: Vec<_> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", rest.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (51_234.0, "51,200"),
            (1_234_567.0, "1,230,000"),
            (999.6, "1,000"),
            (512.3, "512"),
            (99.96, "100"),
            (51.234, "51.2"),
            (5.1234, "5.12"),
            (0.51234, "0.512"),
            (0.005_123_4, "0.00512"),
        ] {
            assert_eq!(rounded(value), text, "{value}");
        }
    }

    #[test]
    fn a_count_is_written_in_full() {
        assert_eq!(count(64.0), "64");
        assert_eq!(count(12_345.0), "12,345");
    }

    #[test]
    fn names_are_joined_as_in_a_sentence() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
