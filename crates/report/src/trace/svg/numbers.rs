//! The numbers of requests at the rows of threads, where they have room.

use std::collections::BTreeMap;

use schema::trace::{Part, State};

use super::frame::{BAR, Frame, Row, colour};
use super::label::{Places, chip, chip_width};
use super::pieces::{Piece, neighbours};

/// How far behind the beginning of a part its number may be.
const BURST: f64 = 70.0;
const GAP: f64 = 2.0;
/// Ends that are nearer than this are the same.
const SAME: f64 = 1.0;

/// A stretch of a row: where it is, its state, and the request that is held in it.
type Stretch = (f64, f64, (Option<State>, Option<usize>));

/// Requests that a thread holds at the same time, and from when until when, in pixels. Most are alone.
type Held = (Vec<usize>, (f64, f64));

/// The number of each part, in its bar or over the strip of a blocked thread. Where parts are too short for that, their numbers
/// are in one frame behind them.
pub(super) fn draw(
    frame: &Frame<'_>,
    row: &Row,
    pieces: &[Piece<'_>],
    parts: &[(usize, &Part)],
    places: &mut Places,
) -> String {
    let stretches = neighbours(frame, pieces, |piece| Some((piece.state(), piece.request())));
    let mut taken = Places::default();
    let tried = at_once(frame, parts).into_iter().map(|held| {
        let x = inside(&stretches, &held, &taken);
        if let Some(x) = x {
            let half = chip_width(&together(&held.0)) / 2.0;
            taken.take(x - half, x + half);
        }
        (held, x)
    });
    // Those before the same stretch in which the thread is blocked.
    let mut bursts: BTreeMap<Option<usize>, Vec<(Held, Option<f64>)>> = BTreeMap::new();
    for (held, x) in tried {
        bursts
            .entry(next_quiet(&stretches, held.1.1))
            .or_default()
            .push((held, x));
    }
    let mut out = String::new();
    for (next, burst) in bursts {
        let quiet = next.map(|next| stretches[next]);
        out += &numbers_in(row, &burst, quiet, places);
    }
    out
}

/// The numbers of a burst: in its bars, and from the first one without room on behind it.
fn numbers_in(
    row: &Row,
    burst: &[(Held, Option<f64>)],
    quiet: Option<Stretch>,
    places: &mut Places,
) -> String {
    let mut beside_from = burst.len();
    let mut out = String::new();
    if let Some((left, right, _)) = quiet {
        let first = burst.iter().position(|(_, x)| x.is_none());
        let is_near = |((_, (from, _)), _): &(Held, Option<f64>)| left - from <= BURST;
        let from = match first {
            Some(first) if is_near(&burst[first]) => first,
            _ => {
                let last = burst.iter().rev();
                burst.len() - last.take_while(|held| held.1.is_none() && is_near(held)).count()
            }
        };
        let mut numbers: Vec<usize> = burst[from..]
            .iter()
            .flat_map(|((numbers, _), _)| numbers.clone())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let wide = chip_width(&together(&numbers));
        if !numbers.is_empty() && right - left >= wide + 2.0 * GAP {
            out += &framed(&numbers, left + GAP + wide / 2.0, row, places);
            beside_from = from;
        }
    }
    for ((numbers, _), x) in &burst[..beside_from] {
        if let Some(x) = x {
            out += &framed(numbers, *x, row, places);
        }
    }
    out
}

/// The parts, those with the same ends together.
fn at_once(frame: &Frame<'_>, parts: &[(usize, &Part)]) -> Vec<Held> {
    let mut all: Vec<Held> = Vec::new();
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
fn inside(stretches: &[Stretch], (numbers, (from, to)): &Held, places: &Places) -> Option<f64> {
    let (from, to) = (*from, *to);
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

/// The next stretch in which the thread is blocked and holds nothing.
fn next_quiet(stretches: &[Stretch], to: f64) -> Option<usize> {
    stretches
        .iter()
        .position(|(left, _, what)| *what == (Some(State::Blocked), None) && *left >= to - 0.1)
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
