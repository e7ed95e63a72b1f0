//! Several trials as one figure.

/// The median of some trials, with the least and the most among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of these values; nothing if there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, least, most })
    }

    /// Whether some trial of the one lies within the other's range: then these trials alone don't tell them apart.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.least <= other.most && other.least <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_has_as_many_trials_below_as_above() {
        assert_eq!(Spread::of([]), None);
        let of = |values: &[f64]| Spread::of(values.iter().copied()).unwrap();
        let one = |value| Spread {
            median: value,
            least: value,
            most: value,
        };
        assert_eq!(of(&[3.0]), one(3.0));
        assert_eq!(
            of(&[3.0, 1.0, 2.0]),
            Spread {
                median: 2.0,
                least: 1.0,
                most: 3.0
            }
        );
        assert_eq!(
            of(&[4.0, 1.0, 2.0, 3.0]),
            Spread {
                median: 2.5,
                least: 1.0,
                most: 4.0
            }
        );
    }

    #[test]
    fn ranges_that_touch_overlap() {
        let range = |least, most| Spread {
            median: least,
            least,
            most,
        };
        assert!(range(1.0, 2.0).overlaps(&range(2.0, 3.0)));
        assert!(range(1.0, 9.0).overlaps(&range(2.0, 3.0)));
        assert!(!range(1.0, 2.0).overlaps(&range(2.1, 3.0)));
        assert!(!range(2.1, 3.0).overlaps(&range(1.0, 2.0)));
    }
}
