//! The places in somebody's own file where results go: each between two markers of its own, and nowhere else.

use std::fmt;

use thiserror::Error;

/// What goes between two markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The results of the run in short.
    Results,
    /// What the experiment with this key found.
    Found(String),
}

impl Part {
    fn parse(name: &str) -> Option<Self> {
        match name.strip_prefix("found ") {
            Some(key) => Some(Self::Found(key.to_owned())),
            None => (name == "results").then_some(Self::Results),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Results => f.write_str("results"),
            Self::Found(key) => write!(f, "found {key}"),
        }
    }
}

/// One of the two lines around a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    part: Part,
    is_begin: bool,
}

const OPEN: &str = "<!-- ";
const CLOSE: &str = " -->";

impl Marker {
    fn begin(part: Part) -> Self {
        Self { part, is_begin: true }
    }

    /// The other marker of its part.
    fn other(&self) -> Self {
        Self {
            part: self.part.clone(),
            is_begin: !self.is_begin,
        }
    }

    /// What to do where it is missing.
    fn advice(&self) -> String {
        let [begin, end] = [true, false].map(|is_begin| Self {
            part: self.part.clone(),
            is_begin,
        });
        let what = match self.part {
            Part::Results => "the results",
            Part::Found(_) => "what the experiment found",
        };
        format!("put the lines {begin} and {end} where {what} should go")
    }

    /// The marker at the beginning of a text, if there is one.
    fn parse(text: &str) -> Option<Self> {
        let (inner, _) = text.strip_prefix(OPEN)?.split_once(CLOSE)?;
        let (name, edge) = inner.rsplit_once(": ")?;
        Some(Self {
            part: Part::parse(name).filter(|_| !name.contains('\n'))?,
            is_begin: match edge {
                "begin" => true,
                "end" => false,
                _ => return None,
            },
        })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edge = if self.is_begin { "begin" } else { "end" };
        write!(f, "{OPEN}{}: {edge}{CLOSE}", self.part)
    }
}

/// What is wrong with the markers of a text.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// A marker is missing.
    #[error("there is no {0}; {advice}", advice = .0.advice())]
    Missing(Marker),
    /// A marker is there more than once.
    #[error("{0} is there {1} times; remove all but one")]
    Repeated(Marker, usize),
    /// The markers of a part are in the wrong order.
    #[error("{0} is before {other}; swap them", other = .0.other())]
    Swapped(Marker),
    /// The markers of two parts are mixed.
    #[error("{0} is within the part that begins with {1}; move it out")]
    Within(Marker, Marker),
}

/// A text around parts, with their markers.
#[derive(Debug, PartialEq, Eq)]
pub struct Frames {
    frames: Vec<Frame>,
    /// Begins with the last marker.
    behind: String,
}

/// A part, and the text before it.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    /// Ends with the first marker of the part.
    before: String,
    part: Part,
    /// Whether its lines end in CR LF.
    crlf: bool,
}

impl Frames {
    /// Finds the parts of a text. A text without any has a fault.
    pub fn find(text: &str) -> Result<Self, Fault> {
        let places = text.match_indices(OPEN);
        let marks: Vec<_> = places
            .filter_map(|(at, _)| Some((at, Marker::parse(&text[at..])?)))
            .collect();
        check(&marks)?;
        let mut frames = Vec::new();
        let mut done = 0;
        for pair in marks.chunks_exact(2) {
            let [(begin, marker), (end, _)] = pair else {
                unreachable!("chunks of two")
            };
            let inner = begin + marker.to_string().len();
            frames.push(Frame {
                before: text[done..inner].to_owned(),
                part: marker.part.clone(),
                crlf: ends_in_crlf(&text[inner..*end], text),
            });
            done = *end;
        }
        Ok(Self {
            frames,
            behind: text[done..].to_owned(),
        })
    }

    /// What goes into the text, in its order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.frames.iter().map(|frame| &frame.part)
    }

    /// The text with these lines between its markers. They get the line ends of the text.
    #[must_use]
    pub fn filled(&self, lines: impl Fn(&Part) -> String) -> String {
        let filled = self.frames.iter().map(|frame| {
            let end = if frame.crlf { "\r\n" } else { "\n" };
            let lines = format!("\n{}", lines(&frame.part)).replace('\n', end);
            format!("{}{lines}", frame.before)
        });
        filled.collect::<String>() + &self.behind
    }
}

/// Checks that each part begins, ends, and is there once.
fn check(marks: &[(usize, Marker)]) -> Result<(), Fault> {
    if marks.is_empty() {
        return Err(Fault::Missing(Marker::begin(Part::Results)));
    }
    let count = |marker: &Marker| marks.iter().filter(|(_, other)| other == marker).count();
    for (_, marker) in marks {
        match count(marker) {
            1 => (),
            times => return Err(Fault::Repeated(marker.clone(), times)),
        }
        if count(&marker.other()) == 0 {
            return Err(Fault::Missing(marker.other()));
        }
    }
    for pair in marks.chunks(2) {
        let [(_, first), (_, second)] = pair else {
            unreachable!("each marker has another one")
        };
        if !first.is_begin {
            return Err(Fault::Swapped(first.clone()));
        }
        if *second != first.other() {
            return Err(Fault::Within(second.clone(), first.clone()));
        }
    }
    Ok(())
}

/// Whether lines end in CR LF. If the markers touch, the first line of the text decides.
fn ends_in_crlf(inner: &str, text: &str) -> bool {
    let line = if inner.contains('\n') { inner } else { text };
    line.split_once('\n')
        .is_some_and(|(line, _)| line.ends_with('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "<!-- results: begin -->";
    const END: &str = "<!-- results: end -->";

    #[track_caller]
    fn replaced(text: &str) -> String {
        let line = |part: &Part| match part {
            Part::Results => "new\n".to_owned(),
            Part::Found(key) => format!("found by {key}\n"),
        };
        Frames::find(text).unwrap().filled(line)
    }

    fn found(key: &str, inner: &str) -> String {
        format!("<!-- found {key}: begin -->{inner}<!-- found {key}: end -->")
    }

    #[test]
    fn text_between_the_markers_is_replaced() {
        assert_eq!(
            replaced(&format!("# Title\n\n{BEGIN}\nold\nolder\n{END}\n\nText.\n")),
            format!("# Title\n\n{BEGIN}\nnew\n{END}\n\nText.\n")
        );
    }

    #[test]
    fn each_part_is_replaced_by_its_own_text() {
        let text = |one: &str, new: &str, other: &str| {
            format!(
                "a\n{}\nb {BEGIN}{new}{END}\n{} c",
                found("one-1", one),
                found("other", other)
            )
        };
        assert_eq!(
            replaced(&text("\nold\n", "\n", "")),
            text("\nfound by one-1\n", "\nnew\n", "\nfound by other\n")
        );
    }

    #[test]
    fn markers_of_others_are_text() {
        let text =
            format!("<!-- models: begin -->\n<!-- results -->\n{BEGIN}\nnew\n{END}<!-- models: end -->");
        assert_eq!(replaced(&text), text);
        assert!(Frames::find("<!-- models: begin --><!-- models: end -->").is_err());
    }

    #[test]
    fn markers_may_touch_and_be_all_of_a_file() {
        for text in [format!("{BEGIN}\nold\n{END}"), format!("{BEGIN}{END}")] {
            assert_eq!(replaced(&text), format!("{BEGIN}\nnew\n{END}"));
        }
    }

    #[test]
    fn a_missing_newline_at_the_end_stays_missing() {
        assert_eq!(
            replaced(&format!("a\n{BEGIN}\n{END} b")),
            format!("a\n{BEGIN}\nnew\n{END} b")
        );
    }

    #[test]
    fn line_ends_of_another_system_stay() {
        for old in ["\r\nold\r\n", "", "\r\n"] {
            assert_eq!(
                replaced(&format!("a\r\n{BEGIN}{old}{END}\r\nb\r\n")),
                format!("a\r\n{BEGIN}\r\nnew\r\n{END}\r\nb\r\n")
            );
        }
    }

    #[test]
    fn a_second_replacement_changes_nothing() {
        let once = replaced(&format!("a\n{BEGIN}\n{END}\nb{}", found("c", "")));
        assert_eq!(replaced(&once), once);
    }

    #[test]
    fn missing_repeated_swapped_and_mixed_markers_are_faults() {
        let (one, other) = (found("one", ""), found("other", ""));
        let (begin, end) = one.split_at(one.find("--><").unwrap() + 3);
        for (text, fault) in [
            ("nothing".to_owned(), "no <!-- results: begin -->; put the lines"),
            (format!("{END}\n"), "no <!-- results: begin -->; put the lines"),
            (format!("{BEGIN}\n"), "no <!-- results: end -->; put the lines"),
            (format!("{BEGIN}{END}{BEGIN}"), "begin --> is there 2 times"),
            (format!("{BEGIN}{END}{END}{END}"), "end --> is there 3 times"),
            (
                format!("{END}\n{BEGIN}\n"),
                "end --> is before <!-- results: begin -->",
            ),
            (format!("{other}{begin}"), "no <!-- found one: end -->"),
            (
                format!("{one}{one}"),
                "<!-- found one: begin --> is there 2 times",
            ),
            (
                format!("{begin}{other}{end}"),
                "<!-- found other: begin --> is within",
            ),
            (
                format!("{BEGIN}{begin}{END}{end}"),
                "<!-- found one: begin --> is within",
            ),
        ] {
            let message = Frames::find(&text).unwrap_err().to_string();
            assert!(message.contains(fault), "{text}: {message}");
        }
    }
}
