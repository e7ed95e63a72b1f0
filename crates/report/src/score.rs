//! The order of the models over several workloads, by weights that a reader sets.
//!
//! A model's score is the weighted geometric mean of its cells: how many times worse than the best it is. Ratios have no other
//! mean that gives the same order whichever model they are taken to (Fleming and Wallace, "How not to lie with statistics",
//! CACM 1986). A cell that is tied with the best counts as 1. The ends of the score's interval are the same means of the ends
//! of the cells' intervals, which is wider than 95 % needs.
//!
//! A model that has no ratio in a workload stands behind those that have one, in the order of the weight that it misses. Two
//! neighbours that miss the same are tied if their intervals overlap.

use crate::page::{Grid, GridCell, Interval, Mark};

/// A model in the order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placed {
    /// Its column in the grid.
    pub(crate) column: usize,
    /// The mean over the workloads in which it has a ratio; none if there is no such workload with a weight.
    pub(crate) score: Option<Interval>,
    /// The weight of the workloads in which it has none.
    pub(crate) missing: f64,
    /// Whether it is tied with the model before it.
    pub(crate) is_tied: bool,
}

/// The models of a grid, the best first, with a weight for each of its rows. A weight of 0 leaves a row out.
pub(crate) fn order(grid: &Grid, weights: &[f64]) -> Vec<Placed> {
    let columns = 0..grid.models.len();
    let mut placed: Vec<_> = columns.map(|column| place(grid, weights, column)).collect();
    let middle = |placed: &Placed| placed.score.map_or(f64::INFINITY, |score| score.middle);
    placed.sort_by(|one, other| {
        let by_missing = one.missing.total_cmp(&other.missing);
        by_missing.then(middle(one).total_cmp(&middle(other)))
    });
    for index in 1..placed.len() {
        placed[index].is_tied = are_tied(placed[index - 1], placed[index]);
    }
    placed
}

fn place(grid: &Grid, weights: &[f64], column: usize) -> Placed {
    let (mut sum, mut missing) = (0.0, 0.0);
    let [mut middle, mut low, mut high] = [0.0; 3];
    for (row, &weight) in grid.rows.iter().zip(weights) {
        match row.cells.get(column).and_then(counted) {
            Some(ratio) => {
                sum += weight;
                middle += weight * ratio.middle.ln();
                low += weight * ratio.low.ln();
                high += weight * ratio.high.ln();
            }
            None => missing += weight,
        }
    }
    let mean = |logarithms: f64| (logarithms / sum).exp();
    Placed {
        column,
        score: (sum > 0.0).then(|| Interval {
            middle: mean(middle),
            low: mean(low),
            high: mean(high),
        }),
        missing,
        is_tied: false,
    }
}

/// The ratio of the best to itself.
const ONE: Interval = Interval {
    middle: 1.0,
    low: 1.0,
    high: 1.0,
};

/// The ratio of a cell as it counts. The best and those tied with it count as 1, even if no ratio can be had, since a round
/// has the value 0.
pub(crate) fn counted(cell: &GridCell) -> Option<Interval> {
    let ratio = match cell.mark {
        Mark::None => cell.ratio?,
        Mark::Best | Mark::Tied | Mark::AllTied => cell.ratio.unwrap_or(ONE),
    };
    Some(match cell.mark {
        Mark::Tied | Mark::AllTied => Interval {
            middle: 1.0,
            low: ratio.low.min(1.0),
            high: ratio.high.max(1.0),
        },
        Mark::None | Mark::Best => ratio,
    })
}

/// Whether a grid ranks any model in any workload, so that there is an order.
pub(crate) fn has_order(grid: &Grid) -> bool {
    let mut cells = grid.rows.iter().flat_map(|row| &row.cells);
    cells.any(|cell| counted(cell).is_some())
}

#[expect(
    clippy::float_cmp,
    reason = "sums of the same weights in the same order are the same"
)]
fn are_tied(before: Placed, next: Placed) -> bool {
    match (before.score, next.score) {
        (Some(before_score), Some(score)) => {
            before.missing == next.missing && score.low <= before_score.high && before_score.low <= score.high
        }
        (None, None) => before.missing == next.missing,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{GridRow, RowList};

    fn worse(middle: f64) -> GridCell {
        let ratio = Interval {
            middle,
            low: middle / 1.1,
            high: middle * 1.1,
        };
        GridCell {
            ratio: Some(ratio),
            ..GridCell::default()
        }
    }

    fn best() -> GridCell {
        GridCell {
            mark: Mark::Best,
            ratio: Some(ONE),
            ..GridCell::default()
        }
    }

    fn tied(middle: f64) -> GridCell {
        GridCell {
            mark: Mark::Tied,
            ..worse(middle)
        }
    }

    fn grid(rows: &[[GridCell; 3]]) -> Grid {
        let row = |cells: &[GridCell; 3]| GridRow {
            key: String::new(),
            experiment: String::new(),
            title: String::new(),
            metric: String::new(),
            best: None,
            cells: cells.to_vec(),
            list: RowList::default(),
        };
        Grid {
            models: ["alpha", "beta", "gamma"]
                .map(|name| (name.to_owned(), 0))
                .to_vec(),
            rows: rows.iter().map(row).collect(),
        }
    }

    fn columns(placed: &[Placed]) -> Vec<usize> {
        placed.iter().map(|placed| placed.column).collect()
    }

    #[test]
    fn a_score_is_the_weighted_geometric_mean() {
        let grid = grid(&[[best(), worse(4.0), worse(9.0)], [worse(8.0), worse(2.0), best()]]);
        let placed = order(&grid, &[1.0, 2.0]);
        let score = |column| {
            placed
                .iter()
                .find(|one| one.column == column)
                .unwrap()
                .score
                .unwrap()
        };
        assert!((score(0).middle - 4.0).abs() < 1e-9, "1 · 8² = 4³");
        assert!((score(1).middle - 16f64.cbrt()).abs() < 1e-9);
        assert!((score(2).middle - 9f64.cbrt()).abs() < 1e-9);
        assert!((score(2).low - (9.0_f64 / 1.1).cbrt()).abs() < 1e-9);
        assert_eq!(columns(&placed), [2, 1, 0]);
        assert_eq!(columns(&order(&grid, &[1.0, 0.0])), [0, 1, 2]);
    }

    #[test]
    fn a_tied_cell_counts_as_one() {
        let placed = order(&grid(&[[tied(1.05), best(), worse(1.5)]]), &[1.0]);
        assert_eq!(columns(&placed), [0, 1, 2]);
        assert!((placed[0].score.unwrap().middle - 1.0).abs() < 1e-12);
        assert!(placed[1].is_tied && !placed[2].is_tied);
    }

    #[test]
    fn a_tied_cell_without_a_ratio_counts_as_one() {
        let without = |mark| GridCell {
            mark,
            ..GridCell::default()
        };
        for mark in [Mark::Best, Mark::Tied, Mark::AllTied] {
            let grid = grid(&[[without(Mark::None), worse(2.0), without(mark)]]);
            let placed = order(&grid, &[1.0]);
            assert_eq!(columns(&placed), [2, 1, 0], "{mark:?}");
            assert_eq!((placed[0].score, placed[0].missing), (Some(ONE), 0.0), "{mark:?}");
        }
    }

    #[test]
    fn neighbours_are_tied_where_their_intervals_overlap() {
        let placed = order(&grid(&[[best(), worse(2.0), worse(2.2)]]), &[1.0]);
        assert_eq!(columns(&placed), [0, 1, 2]);
        assert!(!placed[1].is_tied && placed[2].is_tied);
    }

    #[test]
    fn a_model_that_misses_a_workload_stands_behind() {
        let grid = grid(&[
            [GridCell::default(), worse(9.0), best()],
            [best(), worse(9.0), GridCell::default()],
        ]);
        let placed = order(&grid, &[1.0, 2.0]);
        assert_eq!(columns(&placed), [1, 0, 2]);
        assert!(!placed[1].is_tied && !placed[2].is_tied);
        // Without a weight, nobody misses anything.
        assert_eq!(columns(&order(&grid, &[0.0, 1.0])), [0, 1, 2]);
    }

    #[test]
    fn nothing_measured_is_no_order() {
        let empty = || GridCell::default();
        let placed = order(&grid(&[[empty(), empty(), empty()]]), &[1.0]);
        assert_eq!(columns(&placed), [0, 1, 2]);
        assert!(placed.iter().all(|placed| placed.score.is_none()));
        assert_eq!(order(&Grid::default(), &[]), []);
    }
}
