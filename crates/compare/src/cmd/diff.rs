//! `compare diff`: compares two runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::{Usage, unreadable};
use crate::folder::Run;
use crate::output::Text;
use report::Recorded;
use report::difference::{Difference, Differences, Note};
use report::metric::Metric;

/// Show what changed between two runs, with 95 % intervals
///
/// Settings are compared if load, flags, times and CPUs are the same in both runs. The others are listed with the reason.
#[derive(Args)]
pub(crate) struct Flags {
    /// The earlier run's folder
    #[arg(value_name = "RUN_A")]
    before: PathBuf,

    /// The later run's folder
    #[arg(value_name = "RUN_B")]
    after: PathBuf,

    /// Also show what has no significant difference
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let (before, after) = (read(&flags.before)?, read(&flags.after)?);
    let out = &mut Text::default();
    if before.environment.machine != after.environment.machine {
        out.add("The runs are from two machines, so differences may be due to the machines.\n\n");
    }
    let differences = Differences::between(&before, &after);
    let all = &differences.values;
    if all.is_empty() && differences.errors.is_empty() {
        return Err(Usage(nothing_in_common(&differences.not_compared)).into());
    }
    let is_significant = |difference: &&Difference| difference.comparison.is_significant();
    let changed = all.iter().filter(is_significant).count();
    let shown = all
        .iter()
        .filter(|difference| flags.all || is_significant(difference));
    print_table(out, "", &table(shown));
    out.add(format_args!(
        "{changed} of {} values differ significantly, and {} do not. About {:.0} significant differences are expected by chance.\n",
        all.len(),
        all.len() - changed,
        all.len() as f64 * 0.05
    ));
    print_table(out, "\nErrors:\n", &notes(&differences.errors));
    print_table(out, "\nMeasured only before:\n", &notes(&differences.gone));
    print_table(out, "\nNot compared:\n", &notes(&differences.not_compared));
    out.print()?;
    Ok(ExitCode::SUCCESS)
}

/// Why two runs can't be compared at all.
pub(crate) fn nothing_in_common(not_compared: &[Note]) -> String {
    let reasons = not_compared.iter();
    let reasons = reasons.map(|note| format!("\n  {}, {}: {}", note.place, note.model, note.what));
    format!(
        "the runs have nothing in common that can be compared; measure both with the same flags{}",
        reasons.collect::<String>()
    )
}

/// Reads a run for a comparison with another.
pub(crate) fn read(folder: &Path) -> Result<Recorded> {
    let run = Run::open(folder).map_err(|error| Usage(error.to_string()))?;
    Ok(run.read().map_err(unreadable)?)
}

/// A line below the headings and no other lines.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// Adds a table under this heading, if there is anything in it.
pub(crate) fn print_table(out: &mut Text, heading: &str, table: &Table) {
    if !table.is_empty() {
        out.add(format_args!("{heading}{table}\n"));
    }
}

/// Values side by side.
pub(crate) fn table<'a>(differences: impl Iterator<Item = &'a Difference>) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header([
        "model",
        "experiment/setting",
        "metric",
        "before",
        "after",
        "ratio",
        "95 % interval",
    ]);
    for difference in differences {
        let comparison = &difference.comparison;
        table.add_row([
            difference.model.clone(),
            difference.place.clone(),
            difference.metric.short.to_owned(),
            or_never(difference.metric, difference.before),
            or_never(difference.metric, difference.after),
            ratio(comparison.ratio),
            format!("{} to {}", ratio(comparison.low), ratio(comparison.high)),
        ]);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Notes on models, in words.
pub(crate) fn notes(notes: &[Note]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(["model", "experiment/setting", ""]);
    for note in notes {
        table.add_row([&note.model, &note.place, &note.what]);
    }
    table
}

/// A time that is infinite is that of what never came.
fn or_never(metric: &Metric, value: f64) -> String {
    if value.is_infinite() {
        "never".to_owned()
    } else {
        metric.format(value)
    }
}

fn ratio(ratio: f64) -> String {
    if ratio.is_infinite() {
        "∞".to_owned()
    } else {
        format!("{ratio:.3}")
    }
}
