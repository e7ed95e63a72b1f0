//! Cutting times that overlap, so that each is beside another or within it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A time and what it is a time of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span<T> {
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
    pub(super) item: T,
}

/// The same times in as few pieces as make them nest, by their beginning, the longest first.
pub(super) fn nest<T: Ord + Copy>(spans: impl IntoIterator<Item = Span<T>>) -> Vec<Span<T>> {
    let key = |span: Span<T>| (span.from_ns, Reverse(span.to_ns), span.item);
    let mut left: BTreeSet<_> = spans.into_iter().map(key).collect();
    let mut pieces = Vec::new();
    // The ends of those that are open, the innermost last.
    let mut open: Vec<u64> = Vec::new();
    while let Some((from_ns, Reverse(mut to_ns), item)) = left.pop_first() {
        while open.last().is_some_and(|&end| end <= from_ns) {
            open.pop();
        }
        if let Some(&end) = open.last()
            && end < to_ns
        {
            left.insert((end, Reverse(to_ns), item));
            to_ns = end;
        }
        open.push(to_ns);
        pieces.push(Span { from_ns, to_ns, item });
    }
    pieces
}

/// The pieces of a time between those of these moments that are within it. The moments are in ascending order.
pub(super) fn cut(from_ns: u64, to_ns: u64, moments: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let within = moments
        .iter()
        .copied()
        .filter(|&moment| from_ns < moment && moment < to_ns);
    let begins: Vec<u64> = std::iter::once(from_ns).chain(within).collect();
    let ends = begins.iter().skip(1).copied().chain([to_ns]);
    begins.iter().copied().zip(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(spans: &[(u64, u64, char)]) -> Vec<(u64, u64, char)> {
        let spans = spans
            .iter()
            .map(|&(from_ns, to_ns, item)| Span { from_ns, to_ns, item });
        let pieces = nest(spans).into_iter();
        pieces
            .map(|piece| (piece.from_ns, piece.to_ns, piece.item))
            .collect()
    }

    #[test]
    fn spans_that_nest_stay_whole() {
        let spans = [(0, 9, 'a'), (2, 5, 'b'), (5, 5, 'c'), (6, 9, 'd'), (9, 12, 'e')];
        assert_eq!(nested(&spans), spans);
    }

    #[test]
    fn a_span_that_leaves_another_is_cut_at_its_end() {
        assert_eq!(
            nested(&[(0, 5, 'a'), (3, 9, 'b'), (4, 12, 'c')]),
            [(0, 5, 'a'), (3, 5, 'b'), (4, 5, 'c'), (5, 12, 'c'), (5, 9, 'b')]
        );
    }

    #[test]
    fn a_time_is_cut_at_moments_within_it() {
        let moments = BTreeSet::from([1, 3, 6, 9, 12]);
        assert_eq!(cut(3, 9, &moments), [(3, 6), (6, 9)]);
        assert_eq!(cut(6, 7, &moments), [(6, 7)]);
    }
}
