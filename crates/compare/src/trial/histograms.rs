//! The latencies of each trial, as a log that the `HdrHistogram` tools read.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::SystemTime;

use loadgen::hdr::{Log, V2DeflateSerializer};
use schema::load::Interval;
use schema::name::file_part;

use crate::plan::Planned;
use host::Fault;
use host::Loaded;

/// The begin of the names of a trial's files. It contains the number of the trial, since nothing else distinguishes a repeated
/// trial, or those that find one capacity.
pub(crate) fn stem(number: usize, trial: Planned<'_>) -> String {
    let Planned {
        experiment,
        setting,
        contender,
        ..
    } = trial;
    let name = file_part(&contender.name);
    format!("{}-{}-{name}-{number}", experiment.key, setting.key)
}

/// Writes the latencies to this file, if there is one.
pub(super) fn keep(path: Option<&Path>, loaded: &Loaded) -> Result<(), Fault> {
    let Some(path) = path else {
        return Ok(());
    };
    write(path, loaded).map_err(Fault::own(format!("can't write {}", path.display())))
}

fn write(path: &Path, loaded: &Loaded) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let mut out = BufWriter::new(File::create(path)?);
    let mut serializer = V2DeflateSerializer::new();
    let report = &loaded.report;
    // The trial is one interval. Its record has the rest.
    let whole = Interval {
        t_s: report.window_s,
        ok: report.requests.ok,
        failed: report.requests.sent - report.requests.ok,
        p50_us: None,
        p99_us: None,
    };
    Log::begin(&mut out, &mut serializer, SystemTime::now())?.append(&whole, &loaded.times)?;
    out.flush()
}
