//! The states of a thread as they are drawn: what is too short to be seen is put together.

use schema::trace::{Lane, State};

use super::frame::Frame;

/// What is shorter than this, in pixels, is put together with its neighbours.
const LEAST: f64 = 0.75;
/// The most pieces of a picture. With more, the least length grows.
const MOST: usize = 220;

/// A time in which a thread is in one state and one system call, and holds one request or none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch<'a> {
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
    pub(super) state: State,
    pub(super) cpu: Option<u32>,
    pub(super) call: Option<&'a str>,
    /// The number of the request.
    pub(super) request: Option<usize>,
}

impl Stretch<'_> {
    pub(super) fn length_ns(&self) -> u64 {
        self.to_ns.saturating_sub(self.from_ns)
    }
}

/// What is drawn as one: a stretch, or several short ones.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece<'a> {
    /// At least one, all with the same request.
    pub(super) stretches: Vec<Stretch<'a>>,
}

impl Piece<'_> {
    pub(super) fn begin_ns(&self) -> u64 {
        self.stretches.first().map_or(0, |first| first.from_ns)
    }

    pub(super) fn end_ns(&self) -> u64 {
        self.stretches.last().map_or(0, |last| last.to_ns)
    }

    pub(super) fn request(&self) -> Option<usize> {
        self.stretches.first().and_then(|first| first.request)
    }

    /// The share of its time with this property.
    pub(super) fn share(&self, is: impl Fn(&Stretch<'_>) -> bool) -> f64 {
        let total = self.end_ns().saturating_sub(self.begin_ns()).max(1);
        let part: u64 = self
            .stretches
            .iter()
            .filter(|stretch| is(stretch))
            .map(Stretch::length_ns)
            .sum();
        part as f64 / total as f64
    }

    /// Its state, if it is in one only.
    pub(super) fn state(&self) -> Option<State> {
        let state = self.stretches.first()?.state;
        let same = self.stretches.iter().all(|stretch| stretch.state == state);
        same.then_some(state)
    }
}

/// The pieces of the rows of a picture, in the order of its rows.
pub(super) fn build<'a>(frame: &Frame<'a>) -> Vec<Vec<Piece<'a>>> {
    let lanes = frame.rows.iter().map(|row| {
        let lane = &frame.trace.lanes[row.lane];
        stretches(lane, &held(frame, row.lane))
            .into_iter()
            .filter(|stretch| frame.shows(stretch.from_ns, stretch.to_ns))
            .collect::<Vec<_>>()
    });
    let lanes: Vec<Vec<Stretch<'a>>> = lanes.collect();
    let mut least = LEAST;
    loop {
        let is_short = |stretch: &Stretch<'_>| frame.width(stretch.length_ns()) < least;
        let pieces: Vec<Vec<Piece<'a>>> = lanes.iter().map(|lane| together(lane, &is_short)).collect();
        // Each request needs its own, whatever the length.
        if pieces.iter().map(Vec::len).sum::<usize>() <= MOST || least > 30.0 {
            return pieces;
        }
        least *= 1.5;
    }
}

/// The requests that a lane holds: their numbers, from when and until when.
fn held(frame: &Frame<'_>, lane: usize) -> Vec<(usize, u64, u64)> {
    let parts = frame.trace.requests.iter().flat_map(|request| {
        let own = request.parts.iter().filter(move |part| part.lane == lane);
        own.map(|part| (request.number, part.from_ns, part.to_ns))
    });
    parts.collect()
}

/// The slices of a lane, divided where it takes a request or gives it away.
fn stretches<'a>(lane: &'a Lane, held: &[(usize, u64, u64)]) -> Vec<Stretch<'a>> {
    let mut cuts: Vec<u64> = held.iter().flat_map(|(_, from, to)| [*from, *to]).collect();
    cuts.sort_unstable();
    let mut stretches: Vec<Stretch<'a>> = Vec::new();
    for slice in &lane.slices {
        let inside = cuts
            .iter()
            .copied()
            .filter(|cut| (slice.from_ns + 1..slice.to_ns).contains(cut));
        let mut ends: Vec<u64> = inside.chain([slice.to_ns]).collect();
        ends.dedup();
        let mut from_ns = slice.from_ns;
        for to_ns in ends {
            let covering = held
                .iter()
                .filter(|(_, from, to)| *from <= from_ns && to_ns <= *to);
            // The request that it took last.
            let request = covering.max_by_key(|(_, from, _)| *from).map(|held| held.0);
            let next = Stretch {
                from_ns,
                to_ns,
                state: slice.state,
                cpu: slice.cpu,
                call: slice.call.as_deref(),
                request,
            };
            from_ns = to_ns;
            match stretches.last_mut() {
                Some(last)
                    if (Stretch { to_ns, ..*last })
                        == (Stretch {
                            from_ns: last.from_ns,
                            ..next
                        }) =>
                {
                    last.to_ns = to_ns;
                }
                _ => stretches.push(next),
            }
        }
    }
    stretches
}

/// Puts short stretches of the same request together.
fn together<'a>(stretches: &[Stretch<'a>], is_short: &impl Fn(&Stretch<'_>) -> bool) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece<'a>> = Vec::new();
    // Whether the last piece is still too short to be seen.
    let mut is_open = false;
    for stretch in stretches {
        match pieces.last_mut() {
            Some(piece) if is_open && is_short(stretch) && piece.request() == stretch.request => {
                piece.stretches.push(*stretch);
            }
            _ => pieces.push(Piece {
                stretches: vec![*stretch],
            }),
        }
        let Some(piece) = pieces.last() else { continue };
        let whole = Stretch {
            from_ns: piece.begin_ns(),
            ..*stretch
        };
        is_open = is_short(&whole);
    }
    pieces
}

/// Neighbours that have the same property, with their ends in pixels.
pub(super) fn neighbours<'p, 'a, T: PartialEq>(
    frame: &Frame<'_>,
    pieces: &'p [Piece<'a>],
    property: impl Fn(&'p Piece<'a>) -> Option<T>,
) -> Vec<(f64, f64, T)> {
    let mut runs: Vec<(f64, f64, T)> = Vec::new();
    let mut is_open = false;
    for piece in pieces {
        let Some(value) = property(piece) else {
            is_open = false;
            continue;
        };
        let to = frame.x(piece.end_ns());
        match runs.last_mut() {
            Some(last) if is_open && last.2 == value => last.1 = to,
            _ => runs.push((frame.x(piece.begin_ns()), to, value)),
        }
        is_open = true;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Axis, sample};

    #[test]
    fn nothing_of_a_state_is_lost() {
        let trace = sample::trace();
        for to_ns in [400_000, 3_300_000, 900_000_000] {
            let axis = Axis {
                from_ns: -500_000,
                to_ns,
            };
            let frame = Frame::build(&trace, axis, 0.0);
            for (row, pieces) in frame.rows.iter().zip(build(&frame)) {
                for state in [State::Running, State::Runnable, State::Blocked] {
                    let drawn = pieces.iter().map(|piece| {
                        piece.share(|stretch| stretch.state == state)
                            * (piece.end_ns() - piece.begin_ns()) as f64
                    });
                    let drawn: f64 = drawn.sum();
                    let slices = trace.lanes[row.lane]
                        .slices
                        .iter()
                        .filter(|slice| slice.state == state && frame.shows(slice.from_ns, slice.to_ns));
                    let real: u64 = slices.map(schema::trace::Slice::length_ns).sum();
                    assert!((drawn - real as f64).abs() < 1.0, "{state:?}: {drawn}, {real}");
                }
                let pairs = pieces.windows(2);
                assert!(
                    pairs
                        .into_iter()
                        .all(|pair| pair[0].end_ns() == pair[1].begin_ns())
                );
            }
        }
    }

    #[test]
    fn a_lane_is_divided_where_it_takes_a_request() {
        let trace = sample::trace();
        let stretches = stretches(&trace.lanes[0], &[(7, 517_000, 527_000)]);
        let own: Vec<_> = stretches
            .iter()
            .filter(|stretch| stretch.request.is_some())
            .map(|stretch| (stretch.from_ns, stretch.to_ns, stretch.call))
            .collect();
        assert_eq!(
            own,
            [
                (517_000, 520_000, Some("recvfrom")),
                (520_000, 524_000, None),
                (524_000, 527_000, Some("futex")),
            ]
        );
    }

    #[test]
    fn many_short_slices_become_few_pieces() {
        let mut trace = sample::trace();
        let slices = (0..100_000).map(|index| schema::trace::Slice {
            from_ns: index * 38,
            to_ns: (index + 1) * 38,
            state: if index % 2 == 0 {
                State::Running
            } else {
                State::Blocked
            },
            cpu: None,
            call: None,
        });
        trace.lanes[0].slices = slices.collect();
        let frame = Frame::build(&trace, Axis::covering([&trace]), 0.0);
        let pieces = build(&frame);
        assert!(pieces.iter().map(Vec::len).sum::<usize>() <= MOST);
        let share = pieces[0][3].share(|stretch| stretch.state == State::Running);
        assert!((share - 0.5).abs() < 0.1, "{share}");
    }
}
