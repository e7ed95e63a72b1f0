//! The numbers of requests at the rows of threads, where they have room.

use std::collections::BTreeMap;

use schema::trace::{Part, State};

use super::frame::{BAR, Frame, Row, colour};
use super::label::{Places, chip, chip_width};
use super::pieces::{Piece, neighbours};

/// How far behind a part its number may be.
const BESIDE: f64 = 16.0;
const GAP: f64 = 2.0;
/// Ends that are nearer than this are the same.
const SAME: f64 = 1.0;

/// A stretch of a row: where it is, its state, and the request that is held in it.
type Stretch = (f64, f64, (Option<State>, Option<usize>));

/// The number of each part, in its bar or over the strip of a blocked thread. The numbers of short parts are behind them: all
/// those before the same stretch in one frame.
pub(super) fn draw(
    frame: &Frame<'_>,
    row: &Row,
    pieces: &[Piece<'_>],
    parts: &[(usize, &Part)],
    places: &mut Places,
) -> String {
    let stretches = neighbours(frame, pieces, |piece| Some((piece.state(), piece.request())));
    let mut out = String::new();
    let mut beside: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (numbers, ends) in at_once(frame, parts) {
        if let Some(x) = inside(&stretches, &numbers, ends, places) {
            out += &framed(&numbers, x, row, places);
        } else if let Some(next) = next_quiet(&stretches, ends.1) {
            beside.entry(next).or_default().extend(numbers);
        }
    }
    for (stretch, mut numbers) in beside {
        numbers.sort_unstable();
        numbers.dedup();
        let wide = chip_width(&together(&numbers));
        let (left, right, _) = stretches[stretch];
        if right - left >= wide + 2.0 * GAP {
            out += &framed(&numbers, left + GAP + wide / 2.0, row, places);
        }
    }
    out
}

/// The requests that a thread holds at the same time, from when until when in pixels. Most are alone.
fn at_once(frame: &Frame<'_>, parts: &[(usize, &Part)]) -> Vec<(Vec<usize>, (f64, f64))> {
    let mut all: Vec<(Vec<usize>, (f64, f64))> = Vec::new();
    for (number, part) in parts {
        let (from, to) = (frame.x(part.from_ns), frame.x(part.to_ns));
        match all.last_mut() {
            Some((numbers, ends))
                if (ends.0 - from).abs() < SAME && (ends.1 - to).abs() < SAME && to - from > SAME =>
            {
                numbers.push(*number);
            }
            _ => all.push((vec![*number], (from, to))),
        }
    }
    all
}

/// Numbers in a frame, which has the colour of a request that is alone.
fn framed(numbers: &[usize], x: f64, row: &Row, places: &mut Places) -> String {
    let words = together(numbers);
    let half = chip_width(&words) / 2.0;
    places.take(x - half, x + half);
    let class = match numbers {
        [only] => colour(*only),
        _ => String::new(),
    };
    chip(&words, &class, x, row.base - BAR / 2.0)
}

/// The middle of a number in its own part, if there is room.
fn inside(stretches: &[Stretch], numbers: &[usize], (from, to): (f64, f64), places: &Places) -> Option<f64> {
    let wide = chip_width(&together(numbers));
    let own = |state: State| {
        let own = stretches.iter().filter(move |(.., (own, held))| {
            *own == Some(state) && held.is_some_and(|held| numbers.contains(&held))
        });
        let cut = own.map(move |(left, right, _)| (left.max(from), right.min(to)));
        cut.filter(move |(left, right)| right - left >= wide)
    };
    let mut bars: Vec<(f64, f64)> = own(State::Running).collect();
    // The widest first.
    bars.sort_by(|one, other| (other.1 - other.0).total_cmp(&(one.1 - one.0)));
    let in_bar = bars.into_iter().map(|(left, right)| f64::midpoint(left, right));
    let on_strip = own(State::Blocked).map(|(left, _)| left + GAP + wide / 2.0);
    in_bar
        .chain(on_strip)
        .find(|x| places.is_free(x - wide / 2.0, x + wide / 2.0))
}

/// The stretch behind a part in which the thread is blocked and holds nothing.
fn next_quiet(stretches: &[Stretch], to: f64) -> Option<usize> {
    stretches.iter().position(|(left, _, what)| {
        *what == (Some(State::Blocked), None) && (to - 0.1..=to + BESIDE).contains(left)
    })
}

/// Numbers in ascending order: `3`, `1–4`, `1, 3`.
fn together(numbers: &[usize]) -> String {
    match numbers {
        [first, .., last] if numbers.len() > 2 && last - first + 1 == numbers.len() => {
            format!("{first}–{last}")
        }
        _ => {
            let each = numbers.iter().map(usize::to_string);
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_numbers_become_a_range() {
        for (numbers, words) in [
            (&[3][..], "3"),
            (&[1, 2], "1, 2"),
            (&[1, 2, 3, 4], "1–4"),
            (&[1, 3, 4], "1, 3, 4"),
        ] {
            assert_eq!(together(numbers), words);
        }
    }
}
