//! Whether two JSON texts have the same value, to the last digit.
//!
//! `serde_json` reads a number of more than 64 bits into a float, which makes neighbors equal. So numbers stay text here, and
//! are compared as decimal numbers: `1`, `1.0` and `10e-1` are one value, and `12345678901234567890123`
//! and `12345678901234567890124` are two.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The depth to which `serde_json` reads values. Deeper ones have to be the same text.
const DEPTH_MOST: usize = 128;

/// Whether two JSON texts, without white space around them, have the same value.
pub(super) fn same_value(one: &str, other: &str) -> bool {
    same_at(one, other, 0)
}

/// The string of a JSON text, if it is a string.
pub(super) fn string(text: &str) -> Option<String> {
    read(text)
}

fn same_at(one: &str, other: &str, depth: usize) -> bool {
    if one == other {
        return true;
    }
    if depth == DEPTH_MOST {
        return false;
    }
    let same = |one: &RawValue, other: &RawValue| same_at(one.get(), other.get(), depth + 1);
    match (one.as_bytes().first(), other.as_bytes().first()) {
        (Some(b'"'), Some(b'"')) => string(one)
            .zip(string(other))
            .is_some_and(|(one, other)| one == other),
        (Some(b'['), Some(b'[')) => {
            let items = read::<Vec<&RawValue>>(one).zip(read::<Vec<&RawValue>>(other));
            items.is_some_and(|(one, other)| {
                one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| same(one, other))
            })
        }
        (Some(b'{'), Some(b'{')) => {
            let entries = read::<Entries<'_>>(one).zip(read::<Entries<'_>>(other));
            entries.is_some_and(|(one, other)| {
                one.len() == other.len()
                    && one
                        .iter()
                        .zip(&other)
                        .all(|((name, one), (other_name, other))| name == other_name && same(one, other))
            })
        }
        _ => Decimal::read(one)
            .zip(Decimal::read(other))
            .is_some_and(|(one, other)| one == other),
    }
}

/// The entries of an object, in the order of their names.
type Entries<'a> = BTreeMap<String, &'a RawValue>;

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// A JSON number: its digits without zeros at either end, times a power of ten.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// None if it is no number, or has an exponent of more than 64 bits.
    fn read(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
            None => (unsigned, 0_i64),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let digits = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - digits.len()).ok()?;
        let places = i64::try_from(fraction.len()).ok()?;
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            // Zero has no sign and no size.
            return Some(Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        Some(Self {
            negative: text.len() > unsigned.len(),
            digits: digits.to_owned(),
            exponent: exponent.checked_sub(places)?.checked_add(dropped)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_may_be_written_in_another_way() {
        for (one, other) in [
            ("1", "1.0"),
            ("1e2", "100"),
            ("1E+2", "100.0"),
            ("1e-7", "1e-07"),
            ("0.5", "5e-1"),
            ("-0", "0"),
            ("-0.0", "0e9"),
            ("12345678901234567890123", "1.2345678901234567890123e22"),
            ("1e400", "10e399"),
        ] {
            assert!(same_value(one, other), "{one} {other}");
        }
    }

    #[test]
    fn near_numbers_differ() {
        for (one, other) in [
            ("12345678901234567890123", "12345678901234567890124"),
            ("12345678901234567890123", "1.2345678901234568e22"),
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.10000000000000000001"),
            ("1e400", "1e401"),
            ("1", "-1"),
            ("0", "1e-400"),
            ("1", "\"1\""),
            ("1", "true"),
            ("null", "0"),
            ("1e99999999999999999999", "1e99999999999999999998"),
        ] {
            assert!(!same_value(one, other), "{one} {other}");
            assert!(!same_value(
                &format!("[{{\"a\":{one}}}]"),
                &format!("[{{\"a\":{other}}}]")
            ));
        }
    }

    #[test]
    fn escapes_key_order_and_white_space_do_not_matter() {
        assert!(same_value(
            "{\"a\":[1e-7,\"é\",null],\"b\":{}}",
            "{ \"b\": { }, \"a\": [ 1e-07, \"\\u00e9\", null ] }"
        ));
        for other in [
            "{\"a\":1}",
            "{\"a\":1,\"c\":2}",
            "{\"a\":1,\"b\":2,\"c\":3}",
            "[1,2]",
        ] {
            assert!(!same_value("{\"a\":1,\"b\":2}", other), "{other}");
        }
        assert!(!same_value("[1,2]", "[2,1]") && !same_value("[1,2]", "[1]"));
    }

    #[test]
    fn deeply_nested_values_have_to_be_the_same_text() {
        let nested = |inside: &str| format!("{}{inside}{}", "[".repeat(1_000), "]".repeat(1_000));
        assert!(same_value(&nested("1"), &nested("1")));
        assert!(!same_value(&nested("1"), &nested("1.0")));
    }

    proptest! {
        #[test]
        fn equal_whole_numbers_are_the_same(one in -200_i64..200, other in -200_i64..200, zeros in 0_u8..30) {
            let some_zeros = "0".repeat(zeros.into());
            let one_text = format!("{one}.0{some_zeros}");
            prop_assert_eq!(same_value(&one_text, &other.to_string()), one == other);
            let shifted = format!("{other}{some_zeros}e-{zeros}");
            prop_assert_eq!(same_value(&one_text, &shifted), one == other);
        }
    }
}
