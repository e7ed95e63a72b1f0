//! The place in somebody's own file where the results in short go: between two markers, and nowhere else.

use thiserror::Error;

/// The line before the results.
pub const BEGIN: &str = "<!-- results: begin -->";
/// The line after the results.
pub const END: &str = "<!-- results: end -->";

/// What is wrong with the markers of a text.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// A marker is missing.
    #[error("there is no {0}; put the lines {BEGIN} and {END} where the results should go")]
    Missing(&'static str),
    /// A marker is there more than once.
    #[error("{0} is there {1} times; remove all but one")]
    Repeated(&'static str, usize),
    /// The markers are in the wrong order.
    #[error("{END} is before {BEGIN}; swap them")]
    Swapped,
}

/// A text around the results, with its markers.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// Ends with the first marker.
    before: String,
    /// Begins with the second marker.
    behind: String,
    /// Whether its lines end in CR LF.
    crlf: bool,
}

impl Frame {
    /// Finds the place in a text.
    pub fn find(text: &str) -> Result<Self, Fault> {
        let (begin, end) = (only(text, BEGIN)?, only(text, END)?);
        if end < begin {
            return Err(Fault::Swapped);
        }
        let behind_marker = &text[begin + BEGIN.len()..end];
        // If the markers touch, the first line of the text decides.
        let line = if behind_marker.contains('\n') {
            behind_marker
        } else {
            text
        };
        let crlf = line
            .split_once('\n')
            .is_some_and(|(line, _)| line.ends_with('\r'));
        Ok(Self {
            before: text[..begin + BEGIN.len()].to_owned(),
            behind: text[end..].to_owned(),
            crlf,
        })
    }

    /// The text with these lines between its markers. They get the line ends of the text.
    #[must_use]
    pub fn around(&self, lines: &str) -> String {
        let end = if self.crlf { "\r\n" } else { "\n" };
        let lines = format!("\n{lines}").replace('\n', end);
        format!("{}{lines}{}", self.before, self.behind)
    }
}

/// Where the only copy of a marker begins.
fn only(text: &str, marker: &'static str) -> Result<usize, Fault> {
    let places: Vec<_> = text.match_indices(marker).map(|(place, _)| place).collect();
    match *places {
        [] => Err(Fault::Missing(marker)),
        [place] => Ok(place),
        _ => Err(Fault::Repeated(marker, places.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn replaced(text: &str) -> String {
        Frame::find(text).unwrap().around("new\n")
    }

    #[test]
    fn text_between_the_markers_is_replaced() {
        assert_eq!(
            replaced(&format!("# Title\n\n{BEGIN}\nold\nolder\n{END}\n\nText.\n")),
            format!("# Title\n\n{BEGIN}\nnew\n{END}\n\nText.\n")
        );
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
        let once = replaced(&format!("a\n{BEGIN}\n{END}\nb"));
        assert_eq!(replaced(&once), once);
    }

    #[test]
    fn missing_repeated_and_swapped_markers_are_faults() {
        for (text, fault) in [
            ("nothing".to_owned(), Fault::Missing(BEGIN)),
            (format!("{END}\n"), Fault::Missing(BEGIN)),
            (format!("{BEGIN}\n"), Fault::Missing(END)),
            (format!("{BEGIN}{END}{BEGIN}"), Fault::Repeated(BEGIN, 2)),
            (format!("{BEGIN}{END}{END}{END}"), Fault::Repeated(END, 3)),
            (format!("{END}\n{BEGIN}\n"), Fault::Swapped),
        ] {
            assert_eq!(Frame::find(&text), Err(fault), "{text}");
        }
    }
}
