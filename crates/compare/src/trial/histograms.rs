//! The latencies of a trial as the log that the `HdrHistogram` tools read, a file each.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::SystemTime;

use loadgen::hdr::{Log, V2DeflateSerializer};
use loadgen::report::Interval;

use super::Bench;
use super::load::Watched;
use crate::plan::Planned;

impl Bench<'_> {
    /// Keeps what the load generator recorded, if that is wanted.
    pub(super) fn keep_histograms(&self, trial: Planned<'_>, watched: &Watched) -> Result<(), String> {
        let Some(folder) = self.histograms else {
            return Ok(());
        };
        let Planned {
            round,
            experiment,
            setting,
            contender,
        } = trial;
        let name = format!(
            "{}-{}-{}-{round}.hlog",
            experiment.key, setting.key, contender.name
        );
        let path = folder.join(name);
        write(folder, &path, watched).map_err(|error| format!("can't write {}: {error}", path.display()))
    }
}

fn write(folder: &Path, path: &Path, watched: &Watched) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut out = BufWriter::new(File::create(path)?);
    let mut serializer = V2DeflateSerializer::new();
    let report = &watched.report;
    // The trial is one interval: its records have the rest.
    let whole = Interval {
        t_s: report.window_s,
        ok: report.requests.ok,
        failed: report.requests.sent - report.requests.ok,
        p50_us: None,
        p99_us: None,
    };
    Log::begin(&mut out, &mut serializer, SystemTime::now())?.append(&whole, &watched.times)?;
    out.flush()
}
