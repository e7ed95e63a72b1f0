//! The files of a run: `OUT/runs/ID/` with its records and its environment, and `OUT/README.md`, the page of the newest run.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use nix::unistd::{AccessFlags, access};
use schema::name::NAMES;

use crate::environment;
use crate::journal;
use host::leftovers;
use report::Recorded;

/// The folder of a run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    folder: PathBuf,
    page_in: PathBuf,
    /// Whether the page goes to another folder than that of the run.
    elsewhere: bool,
    /// The folders around it that were made for it, innermost first.
    made: Vec<PathBuf>,
}

impl Run {
    /// Removes the folder of a run that did not begin, and the folders that were made for it.
    pub(crate) fn discard(self) {
        let _ = fs::remove_dir_all(&self.folder);
        for folder in self.made {
            // One that is not empty is in use.
            let _ = fs::remove_dir(folder);
        }
    }

    /// Makes a new folder in `out`, named by the time, with a number appended if that name is taken.
    pub(crate) fn create(out: &Path, at: Timestamp) -> Result<Self> {
        let runs = out.join("runs");
        let missing = runs.ancestors().take_while(|folder| !folder.exists());
        let missing: Vec<_> = missing.map(Path::to_owned).collect();
        fs::create_dir_all(&runs).with_context(|| format!("can't make the folder {}", runs.display()))?;
        let time = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        for number in 1.. {
            let id = if number == 1 {
                time.clone()
            } else {
                format!("{time}-{number}")
            };
            let folder = runs.join(id);
            match fs::create_dir(&folder) {
                Ok(()) => {
                    return Ok(Self {
                        folder,
                        page_in: out.to_owned(),
                        elsewhere: false,
                        made: missing,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("can't make the folder {}", folder.display()));
                }
            }
        }
        unreachable!("there are more numbers than folders")
    }

    /// Opens the folder of an earlier run.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let run = Self {
            folder: folder.to_owned(),
            page_in: page_of(folder),
            elsewhere: false,
            made: Vec::new(),
        };
        for path in [run.environment(), run.records()] {
            if !path.is_file() {
                bail!(
                    "{} is not the folder of a run: it has no {}; name a folder in runs/",
                    folder.display(),
                    name(&path)
                );
            }
        }
        Ok(run)
    }

    /// What the run recorded.
    pub(crate) fn read(&self) -> Result<Recorded> {
        Ok(Recorded {
            environment: environment::read(&self.environment())?,
            records: journal::read(&self.records())?,
        })
    }

    /// The same run, with its page written elsewhere.
    pub(crate) fn with_page_in(self, page_in: &Path) -> Self {
        Self {
            page_in: page_in.to_owned(),
            elsewhere: true,
            ..self
        }
    }

    /// The name of the run in its page.
    pub(crate) fn id(&self) -> String {
        let path = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        name(&path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// The file for the server's output of the trial with this stem.
    pub(crate) fn output(&self, stem: &str) -> PathBuf {
        self.outputs().join(format!("{stem}.log"))
    }

    /// The folder of these files.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.folder.join("output")
    }

    /// Its records: the plain file, or the compressed one if that is the only one.
    pub(crate) fn records(&self) -> PathBuf {
        records_in(&self.folder)
    }

    pub(crate) fn environment(&self) -> PathBuf {
        self.folder.join("environment.json")
    }

    pub(crate) fn page(&self) -> PathBuf {
        self.page_in.join("README.md")
    }

    /// The folder of the page.
    pub(crate) fn page_in(&self) -> &Path {
        &self.page_in
    }

    /// Fails if the page would replace a file that somebody else wrote.
    pub(crate) fn check_page(&self) -> Result<()> {
        check_page_in(&self.page_in)
    }

    pub(crate) fn write_page(&self, text: &str) -> Result<()> {
        self.write_beside_page("README.md", text)
    }

    /// Writes a file among the results.
    pub(crate) fn write_beside_page(&self, name: &str, text: &str) -> Result<()> {
        // It contains the key of an experiment, which may come from any file.
        if name.contains(['/', '\0']) || name.starts_with('.') {
            bail!("no file can be named {name:?}; give the experiment a key of {NAMES}");
        }
        write_whole(&self.page_in, name.as_ref(), text)
    }

    /// The path of a file that belongs to the run: in its own folder, or beside the page if the page goes elsewhere and the
    /// run's folder is read-only, as in an archive.
    pub(crate) fn within(&self, name: &str) -> PathBuf {
        let read_only = || access(&self.folder, AccessFlags::W_OK).is_err();
        let folder = if self.elsewhere && read_only() {
            &self.page_in
        } else {
            &self.folder
        };
        folder.join(name)
    }

    /// Writes a file that belongs to the run.
    pub(crate) fn write_within(&self, name: &str, text: &str) -> Result<()> {
        let path = self.within(name);
        let folder = path.parent().unwrap_or(&self.folder);
        write_whole(folder, name.as_ref(), text)
    }
}

/// The file with the records of the run in this folder.
pub(crate) fn records_in(folder: &Path) -> PathBuf {
    let plain = folder.join("records.jsonl");
    let compressed = folder.join("records.jsonl.gz");
    if compressed.is_file() && !plain.exists() {
        compressed
    } else {
        plain
    }
}

/// Where the page of the run in this folder goes: into OUT for a run in OUT/runs, else into the run's folder.
fn page_of(folder: &Path) -> PathBuf {
    let is_in_runs = |path: &Path| {
        path.parent()
            .and_then(Path::file_name)
            .is_some_and(|name| name == "runs")
    };
    let out = folder.parent().and_then(Path::parent);
    match out.filter(|out| is_in_runs(folder) && !out.as_os_str().is_empty()) {
        Some(out) => out.to_owned(),
        None if folder.canonicalize().is_ok_and(|path| is_in_runs(&path)) => folder.join("../.."),
        None => folder.to_owned(),
    }
}

/// Fails if the page of a run would replace a `README.md` in this folder that `compare` did not write.
pub(crate) fn check_page_in(folder: &Path) -> Result<()> {
    let path = folder.join("README.md");
    let Ok(bytes) = fs::read(&path) else {
        // There is none. If it can't be read, to write it fails with the reason.
        return Ok(());
    };
    let is_page = String::from_utf8_lossy(&bytes).contains(report::PAGE_MARK);
    if !is_page && !bytes.is_empty() {
        bail!(
            "{} was not written by compare; give --out another folder, or move that file",
            path.display()
        );
    }
    Ok(())
}

/// Writes a file atomically: a reader sees the old one or the new one, whole.
pub(crate) fn write_whole(folder: &Path, name: &Path, text: &str) -> Result<()> {
    let path = folder.join(name);
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(&leftovers::part())
            .tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        // A temporary file is readable by its owner only. A result is readable by all, or by whom it was before.
        let permissions = fs::metadata(&path).map_or_else(
            |_| PermissionsExt::from_mode(0o644),
            |before| before.permissions(),
        );
        fs::set_permissions(file.path(), permissions)?;
        file.persist(&path)?;
        Ok(())
    };
    write().with_context(|| {
        format!(
            "can't write {}; choose another folder with --out, or free the one that is there",
            path.display()
        )
    })
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn two_runs_of_one_second_have_a_folder_each() {
        let out = tempfile::tempdir().unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let first = Run::create(out.path(), at).unwrap();
        let second = Run::create(out.path(), at).unwrap();
        assert_eq!(
            (&*first.id(), &*second.id()),
            ("19700101T000000Z", "19700101T000000Z-2")
        );
        assert_eq!(first.page(), second.page());
    }

    fn kept_results() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results")
    }

    /// The bytes of all files below a folder, without those that git ignores there.
    fn kept_bytes(folder: &Path) -> u64 {
        const IGNORED: [&str; 4] = ["hdr", "output", "report.html", "trials.csv"];
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let kept = entries.filter(|entry| !IGNORED.iter().any(|name| entry.file_name() == *name));
        let bytes = kept.map(|entry| {
            let data = entry.metadata().unwrap();
            if data.is_dir() {
                kept_bytes(&entry.path())
            } else {
                data.len()
            }
        });
        bytes.sum()
    }

    #[test]
    fn kept_results_take_at_most_8_mb() {
        let bytes = kept_bytes(&kept_results());
        assert!(bytes <= 8_000_000, "{bytes} bytes");
    }

    fn kept_runs() -> Vec<PathBuf> {
        let runs = fs::read_dir(kept_results().join("runs")).unwrap();
        let kept = runs.map(|run| run.unwrap().path());
        kept.filter(|run| run.join("records.jsonl.gz").is_file())
            .collect()
    }

    #[test]
    fn kept_runs_can_be_read() {
        assert!(!kept_runs().is_empty());
        for folder in kept_runs() {
            let read = Run::open(&folder).unwrap().read().unwrap();
            assert!(!read.records.is_empty(), "{}", folder.display());
        }
    }

    /// The names of all fields, at any depth. System calls are no fields of their own.
    fn fields(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields_here) => {
                for (key, value) in fields_here {
                    found.insert(key.clone());
                    if key != "by_name" {
                        fields(value, found);
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_page_on_records_has_every_field() {
        let page = kept_results().join("../docs/RECORDS.md");
        let page = fs::read_to_string(page).unwrap();
        let code = page.split('`').skip(1).step_by(2);
        let named: BTreeSet<_> = code
            .flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'))
            .collect();
        let mut found = BTreeSet::new();
        for folder in kept_runs() {
            for record in Run::open(&folder).unwrap().read().unwrap().records {
                fields(&serde_json::to_value(record).unwrap(), &mut found);
            }
        }
        let missing: Vec<_> = found
            .iter()
            .filter(|field| !named.contains(field.as_str()))
            .collect();
        assert!(missing.is_empty(), "docs/RECORDS.md lacks {missing:?}");
    }

    #[test]
    fn a_folder_without_records_is_no_run() {
        let out = tempfile::tempdir().unwrap();
        let message = Run::open(out.path()).unwrap_err().to_string();
        assert!(message.contains("environment.json"), "{message}");
    }
}
