//! Texts, and the numbers of requests.

use crate::escape::markup::escape;
use crate::plot::text;

/// The size of all text but the title. At a width of 800 pixels, which is what a page leaves, it has more than 11.
pub(super) const SIZE: f64 = 13.0;
pub(super) const TITLE_SIZE: f64 = 16.0;
pub(super) const NUMBER_SIZE: f64 = 12.5;
/// From one line to the next.
pub(super) const LINE: f64 = 17.0;
/// The height of the frame of a number.
const CHIP: f64 = 15.0;

/// The width of a text at the usual size, for the widest fonts.
pub(super) fn width(words: &str) -> f64 {
    text::width(words) * SIZE / text::SIZE
}

/// A text in lines of a width at this size; bold text is wider.
pub(super) fn lines(words: &str, room: f64, size: f64) -> Vec<String> {
    text::lines(words, room * text::SIZE / size)
}

/// A text of one line.
pub(super) fn line(class: &str, x: f64, y: f64, words: &str) -> String {
    format!(
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n",
        escape(words)
    )
}

/// Lines below each other.
pub(super) fn block(class: &str, x: f64, y: f64, words: &[String]) -> String {
    let lines = words.iter().enumerate();
    lines
        .map(|(index, words)| line(class, x, y + index as f64 * LINE, words))
        .collect()
}

/// A name cut to a width. Names of threads often differ at their ends, so the end stays.
pub(super) fn name(name: &str, room: f64) -> String {
    if width(name) <= room {
        return name.to_owned();
    }
    let letters: Vec<char> = name.chars().collect();
    let end: String = letters[letters.len().saturating_sub(3)..].iter().collect();
    let mut begin = String::new();
    for letter in letters {
        begin.push(letter);
        if width(&format!("{begin}…{end}")) > room {
            begin.pop();
            break;
        }
    }
    format!("{}…{}", begin.trim_end(), end.trim_start())
}

/// The width of the frame of the number of a request, or of some numbers.
pub(super) fn chip_width(words: &str) -> f64 {
    (width(words) * NUMBER_SIZE / SIZE * text::BOLD + 6.0).max(CHIP)
}

/// The number of a request, or some numbers, in a frame of this colour with this centre.
pub(super) fn chip(words: &str, class: &str, x: f64, y: f64) -> String {
    let wide = chip_width(words);
    format!(
        "<rect class=\"chip {class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{CHIP:.0}\" rx=\"{:.1}\"/>\
         <text class=\"number\" x=\"{x:.1}\" y=\"{:.1}\">{words}</text>\n",
        x - wide / 2.0,
        y - CHIP / 2.0,
        CHIP / 2.0,
        y + 4.5,
    )
}

/// The places of texts in a row, which must not overlap.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(f64, f64)>);

impl Places {
    /// Whether this is free, with a little room on both sides.
    pub(super) fn is_free(&self, left: f64, right: f64) -> bool {
        self.0
            .iter()
            .all(|(from, to)| right + 2.0 <= *from || *to + 2.0 <= left)
    }

    pub(super) fn take(&mut self, left: f64, right: f64) {
        self.0.push((left, right));
    }

    /// The widest part between two places that is free.
    pub(super) fn widest(&self, left: f64, right: f64) -> (f64, f64) {
        let mut taken: Vec<(f64, f64)> = self
            .0
            .iter()
            .copied()
            .filter(|(from, to)| *to > left && *from < right)
            .collect();
        taken.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (mut best, mut begin) = ((left, left), left);
        for (from, to) in taken.into_iter().chain([(right, right)]) {
            if from - begin > best.1 - best.0 {
                best = (begin, from);
            }
            begin = begin.max(to);
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(name("main", 100.0), "main");
        let short = name("a-runtime-worker 12", 100.0);
        assert!(short.starts_with("a-run") && short.ends_with("…12"), "{short}");
        assert!(width(&short) <= 100.0);
    }

    #[test]
    fn the_widest_free_place_is_found() {
        let mut places = Places::default();
        places.take(10.0, 20.0);
        places.take(60.0, 70.0);
        assert_eq!(places.widest(0.0, 100.0), (20.0, 60.0));
        assert!(places.is_free(22.0, 58.0) && !places.is_free(21.0, 30.0));
    }
}
