//! How evenly connections were served.

use serde::{Deserialize, Serialize};

/// How evenly the connections were served within the window.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Fairness {
    /// Jain's index, (Σx)² / (n·Σx²) over the good replies x of each of n connections: 1 when all had the same, 1/n when
    /// one had them all (Jain, Chiu and Hawe, DEC-TR-301, 1984). Null where no connection had [`SERVED_LEAST`].
    pub jain: Option<f64>,
    /// The fewest good replies of a connection.
    pub least_served: u64,
    /// The most good replies of a connection.
    pub most_served: u64,
}

/// Jain's index describes the server only if some connection had this many good replies. One more or less is not the
/// server's doing: an open loop deals out the turns, and the ends of the window cut off a reply here and not there. Where
/// all have nine or ten the index is 0.997 at the least. Where all have none or one, it is the share of those with one.
pub const SERVED_LEAST: u64 = 10;

impl Fairness {
    /// Computes it from the number of good replies of each connection; none if there were no replies at all.
    #[must_use]
    pub fn from_served(served: &[u64]) -> Option<Self> {
        let sum: f64 = served.iter().map(|&x| x as f64).sum();
        let squares: f64 = served.iter().map(|&x| (x as f64).powi(2)).sum();
        let most_served = served.iter().copied().max().unwrap_or(0);
        let jain = sum.powi(2) / (served.len() as f64 * squares);
        (sum > 0.0).then(|| Self {
            jain: (most_served >= SERVED_LEAST).then_some(jain),
            least_served: served.iter().copied().min().unwrap_or(0),
            most_served,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jains_index_is_null_for_a_few_requests() {
        let jain = |served: &[u64]| Fairness::from_served(served).and_then(|fairness| fairness.jain);
        // Twenty turns that an open loop dealt to 64 connections.
        let mut dealt = vec![0; 64];
        dealt[..20].fill(1);
        assert_eq!(jain(&dealt), None);
        let most = Fairness::from_served(&dealt).map(|fairness| fairness.most_served);
        assert_eq!(most, Some(1));
        assert_eq!(jain(&[9; 64]), None);
        assert_eq!(jain(&[10; 64]), Some(1.0));
        assert!(jain(&[[9; 32], [10; 32]].concat()).is_some_and(|jain| jain > 0.997));
        assert_eq!(jain(&[40, 0, 0, 0]), Some(0.25));
        assert_eq!(Fairness::from_served(&[0; 4]), None);
    }
}
