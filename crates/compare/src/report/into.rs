//! The place in a file of somebody's own where the results in short stand: between two markers, and nowhere else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use thiserror::Error;

use super::excerpt::{self, Places};
use super::page::Page;
use super::summary::Summary;
use crate::folder::{self, Run};

/// What stands before the results, and stays.
const BEGIN: &str = "<!-- results: begin -->";
/// What stands behind them, and stays.
const END: &str = "<!-- results: end -->";

/// A file with one place for the results.
#[derive(Debug)]
pub(crate) struct Target {
    /// As it was given.
    given: PathBuf,
    /// Where it is, without links on the way.
    path: PathBuf,
    frame: Frame,
}

/// Why a file has no place for the results.
#[derive(Debug, Error)]
pub(crate) enum IntoError {
    /// It is not there, or is no text.
    #[error("can't read {}: {source}; --into takes a file that has the lines {BEGIN} and {END}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// It has not the markers that it should.
    #[error("{}: {fault}", path.display())]
    Markers { path: PathBuf, fault: Fault },
}

/// What is wrong with the markers of a text.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Fault {
    #[error("there is no {0}; put the lines {BEGIN} and {END} around where the results are to stand")]
    Missing(&'static str),
    #[error("{0} is there {1} times; leave one of them")]
    Repeated(&'static str, usize),
    #[error("{END} stands before {BEGIN}; swap them")]
    Swapped,
}

/// A text without what stood between its markers.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    /// With the marker at its end.
    before: String,
    /// With the marker at its beginning.
    behind: String,
    /// Whether its lines end in CR LF.
    crlf: bool,
}

impl Target {
    /// Looks for the place, and writes nothing yet.
    pub(crate) fn open(file: &Path) -> Result<Self, IntoError> {
        let fault = |source| IntoError::Read {
            path: file.to_owned(),
            source,
        };
        let path = file.canonicalize().map_err(fault)?;
        let text = fs::read_to_string(&path).map_err(fault)?;
        let frame = Frame::of(&text).map_err(|fault| IntoError::Markers {
            path: file.to_owned(),
            fault,
        })?;
        Ok(Self {
            given: file.to_owned(),
            path,
            frame,
        })
    }

    /// As it was given.
    pub(crate) fn given(&self) -> &Path {
        &self.given
    }

    /// Puts a run's results in short there, whose page and pictures have been written.
    pub(super) fn write(&self, summary: &Summary<'_>, page: &Page, run: &Run) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let file = self.path.file_name().unwrap_or(self.path.as_os_str());
        let [results, of_run] = [run.page_in(), run.path()].map(|path| {
            let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            from(folder, &path)
        });
        let plots: Vec<_> = page
            .plots()
            .map(|plot| plot.key.clone())
            .filter(|key| folder.join(&results).join(format!("{key}.svg")).is_file())
            .collect();
        let places = Places {
            file: file.as_ref(),
            run: &of_run,
            results: &results,
            plots: &plots,
        };
        let text = excerpt::render(summary, &page.run, &places);
        folder::write_whole(folder, file.as_ref(), &self.frame.around(&text))
    }
}

impl Frame {
    fn of(text: &str) -> Result<Self, Fault> {
        let (begin, end) = (only(text, BEGIN)?, only(text, END)?);
        if end < begin {
            return Err(Fault::Swapped);
        }
        let behind_marker = &text[begin + BEGIN.len()..end];
        // Where the markers touch, the text's first line decides.
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

    /// The text with these lines between its markers. They end as the other lines of the text do.
    fn around(&self, lines: &str) -> String {
        let end = if self.crlf { "\r\n" } else { "\n" };
        let lines = format!("\n{lines}").replace('\n', end);
        format!("{}{lines}{}", self.before, self.behind)
    }
}

/// Where the only one of these markers begins.
fn only(text: &str, marker: &'static str) -> Result<usize, Fault> {
    let places: Vec<_> = text.match_indices(marker).map(|(place, _)| place).collect();
    match *places {
        [] => Err(Fault::Missing(marker)),
        [place] => Ok(place),
        _ => Err(Fault::Repeated(marker, places.len())),
    }
}

/// The way from a folder to a path, both from the root.
fn from(folder: &Path, path: &Path) -> PathBuf {
    let shared = folder
        .components()
        .zip(path.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = folder.components().skip(shared).map(|_| Path::new(".."));
    let down = path.components().skip(shared);
    up.chain(down.map(|step| Path::new(step.as_os_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn replaced(text: &str) -> String {
        Frame::of(text).unwrap().around("new\n")
    }

    #[test]
    fn what_stands_between_the_markers_is_replaced() {
        assert_eq!(
            replaced(&format!("# Title\n\n{BEGIN}\nold\nolder\n{END}\n\nText.\n")),
            format!("# Title\n\n{BEGIN}\nnew\n{END}\n\nText.\n")
        );
    }

    #[test]
    fn markers_may_be_the_first_and_the_last_of_a_file_and_touch() {
        for text in [format!("{BEGIN}\nold\n{END}"), format!("{BEGIN}{END}")] {
            assert_eq!(replaced(&text), format!("{BEGIN}\nnew\n{END}"));
        }
    }

    #[test]
    fn a_file_without_a_newline_at_its_end_is_left_without() {
        assert_eq!(
            replaced(&format!("a\n{BEGIN}\n{END} b")),
            format!("a\n{BEGIN}\nnew\n{END} b")
        );
    }

    #[test]
    fn lines_of_another_system_stay_as_they_are() {
        for old in ["\r\nold\r\n", "", "\r\n"] {
            assert_eq!(
                replaced(&format!("a\r\n{BEGIN}{old}{END}\r\nb\r\n")),
                format!("a\r\n{BEGIN}\r\nnew\r\n{END}\r\nb\r\n")
            );
        }
    }

    #[test]
    fn what_is_replaced_again_by_the_same_is_the_same() {
        let once = replaced(&format!("a\n{BEGIN}\n{END}\nb"));
        assert_eq!(replaced(&once), once);
    }

    #[test]
    fn a_marker_that_is_not_there_or_twice_or_in_the_wrong_place_is_told() {
        for (text, fault) in [
            ("nothing".to_owned(), Fault::Missing(BEGIN)),
            (format!("{END}\n"), Fault::Missing(BEGIN)),
            (format!("{BEGIN}\n"), Fault::Missing(END)),
            (format!("{BEGIN}{END}{BEGIN}"), Fault::Repeated(BEGIN, 2)),
            (format!("{BEGIN}{END}{END}{END}"), Fault::Repeated(END, 3)),
            (format!("{END}\n{BEGIN}\n"), Fault::Swapped),
        ] {
            assert_eq!(Frame::of(&text), Err(fault), "{text}");
        }
    }

    #[test]
    fn the_way_to_a_path_is_told_from_a_folder() {
        for (folder, path, way) in [
            ("/a", "/a/results", "results"),
            ("/a/docs", "/a/results/runs/b", "../results/runs/b"),
            ("/", "/a", "a"),
            ("/a/b", "/c", "../../c"),
        ] {
            assert_eq!(from(folder.as_ref(), path.as_ref()), Path::new(way));
        }
    }
}
