//! The folder of traces among the results, `OUT/trace`: a picture and a JSON file for each server, and a page of all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use schema::name::file_part;
use schema::trace::{Marks, Trace};
use serde::Serialize;
use trace::event::Recording;

use crate::contender::Contender;
use crate::folder::write_whole;
use crate::output;

const PAGE: &str = "report.html";

/// What the names of files of records end with, which are no traces.
const RECORDS: &str = ".recording.json";

/// The folder of traces.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The folders that do not exist yet, innermost first.
    missing: Vec<PathBuf>,
}

/// What a trace is made from.
#[derive(Serialize)]
struct Records<'a> {
    recording: &'a Recording,
    marks: &'a Marks,
}

impl Folder {
    /// The one in this folder of results. It is made when something is written.
    pub(crate) fn in_results(out: &Path) -> Self {
        let path = out.join("trace");
        let missing = path.ancestors().take_while(|folder| !folder.exists());
        let missing = missing.filter(|folder| !folder.as_os_str().is_empty());
        Self {
            missing: missing.map(Path::to_owned).collect(),
            path,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The page of all traces.
    pub(crate) fn page(&self) -> PathBuf {
        self.path.join(PAGE)
    }

    /// The file for what the build of a contender prints.
    pub(crate) fn build_output(&self, contender: &Contender) -> PathBuf {
        let part = file_part(&contender.name);
        self.path.join("output").join(format!("build-{part}.log"))
    }

    /// Writes the picture and the JSON of a trace.
    pub(crate) fn write(&self, trace: &Trace) -> Result<()> {
        let part = file_part(&trace.model);
        let write =
            |ending: &str, text: &str| write_whole(&self.path, format!("{part}{ending}").as_ref(), text);
        write(".svg", &report::trace::svg::render(trace))?;
        write(".json", &report::trace::chrome::write(trace))
    }

    /// Writes what the trace of this model was made from.
    pub(crate) fn write_records(&self, model: &str, recording: &Recording, marks: &Marks) -> Result<()> {
        let mut text =
            serde_json::to_string(&Records { recording, marks }).context("can't write records as JSON")?;
        text.push('\n');
        write_whole(
            &self.path,
            format!("{}{RECORDS}", file_part(model)).as_ref(),
            &text,
        )
    }

    /// Writes the page of these traces.
    pub(crate) fn write_page(&self, traces: &[Trace]) -> Result<()> {
        write_whole(&self.path, PAGE.as_ref(), &report::traces_html(traces))
    }

    /// Reads all traces: those of these models first, in this order. Files that are no traces are reported, and left out.
    pub(crate) fn read(&self, models: &[&str]) -> Vec<Trace> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries
            .map(|entry| entry.path())
            .filter(|path| is_trace(path))
            .collect();
        paths.sort();
        let read = paths.iter().filter_map(|path| match read(path) {
            Ok(trace) => Some(trace),
            Err(error) => {
                output::note(&format!(
                    "{} is left out of the page: {error:#}; trace that server again, or remove the file",
                    path.display()
                ));
                None
            }
        });
        let mut traces: Vec<_> = read.collect();
        let place = |trace: &Trace| {
            models
                .iter()
                .position(|&model| model == trace.model)
                .unwrap_or(models.len())
        };
        traces.sort_by_key(place);
        traces
    }

    /// Removes the folders that were made for traces that are not written after all.
    pub(crate) fn discard(self) {
        let of_builds = self.path.join("output");
        for folder in std::iter::once(of_builds).chain(self.missing) {
            // One that is not empty is in use.
            let _ = fs::remove_dir(folder);
        }
    }
}

fn is_trace(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".json") && !name.ends_with(RECORDS) && !name.starts_with('.')
}

fn read(path: &Path) -> Result<Trace> {
    let text = fs::read_to_string(path).context("it can't be read")?;
    // Its message has its causes.
    report::trace::chrome::read(&text).map_err(|error| anyhow!("{error}"))
}

#[cfg(test)]
mod tests {
    use schema::trace::{Connection, Lane, Recorded, Request, Slice, Source, State, Workload};

    use super::*;

    fn trace(model: &str) -> Trace {
        Trace {
            model: model.to_owned(),
            source: Source::Strace,
            lacks: vec!["It lacks CPUs.".to_owned()],
            workload: Workload {
                op: "ping".to_owned(),
                params: serde_json::Value::Null,
                connections: 1,
                requests: 1,
                rate_per_s: None,
            },
            recorded: Recorded {
                at: "2026-01-02T03:04:05Z".parse().expect("a time"),
                kernel: "6.12.0".to_owned(),
                commit: None,
                command: vec![model.to_owned()],
                server_cpus: [0].into_iter().collect(),
                client_cpus: [1].into_iter().collect(),
                unrecorded_ns: None,
            },
            length_ns: 1_000,
            zero_ns: 100,
            lanes: vec![Lane {
                process: 7,
                thread: 7,
                name: "main".to_owned(),
                slices: vec![Slice {
                    from_ns: 0,
                    to_ns: 1_000,
                    state: State::Blocked,
                    cpu: None,
                    call: Some("accept4".to_owned()),
                }],
            }],
            wakes: Vec::new(),
            connections: vec![Connection {
                number: 1,
                opens_ns: 50,
            }],
            requests: vec![Request {
                number: 1,
                connection: 1,
                due_ns: 100,
                sent_ns: 100,
                received_ns: 900,
                parts: Vec::new(),
            }],
        }
    }

    #[test]
    fn traces_are_read_as_written_in_the_order_of_models() {
        let out = tempfile::tempdir().unwrap();
        let folder = Folder::in_results(out.path());
        assert!(folder.read(&[]).is_empty(), "there is none yet");
        let traces = ["alpha", "beta", "any label / <1>"].map(trace);
        for trace in &traces {
            folder.write(trace).unwrap();
        }
        let [alpha, beta, other] = traces;
        assert_eq!(folder.read(&["beta", "alpha"]), [beta, alpha, other]);
    }

    #[test]
    fn broken_files_and_records_are_no_traces() {
        let out = tempfile::tempdir().unwrap();
        let folder = Folder::in_results(out.path());
        folder.write(&trace("alpha")).unwrap();
        for (name, text) in [
            ("alpha.recording.json", "{}"),
            ("broken.json", "{\"traceEvents\": ["),
            ("other.json", "{}"),
            ("notes.txt", ""),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(folder.read(&[]), [trace("alpha")]);
    }

    #[test]
    fn a_folder_that_is_not_used_is_not_left() {
        let out = tempfile::tempdir().unwrap();
        let results = out.path().join("results");
        let folder = Folder::in_results(&results);
        fs::create_dir_all(folder.path().join("output")).unwrap();
        folder.discard();
        assert!(!results.exists() && out.path().exists());
        let folder = Folder::in_results(&results);
        folder.write(&trace("alpha")).unwrap();
        folder.discard();
        assert!(results.join("trace/alpha.json").exists());
    }
}
