//! `compare diff`: two runs side by side.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::Usage;
use crate::difference::{self, Difference, Read};
use crate::environment::Environment;
use crate::folder::Run;
use crate::journal;
use crate::report::numbers::rounded;

/// What changed between two runs, with its 95 % interval, and how much can't be told apart
#[derive(Args)]
pub(crate) struct Flags {
    /// The earlier run's folder
    #[arg(value_name = "RUN_A")]
    before: PathBuf,

    /// The later run's folder
    #[arg(value_name = "RUN_B")]
    after: PathBuf,

    /// Show what can't be told apart as well
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let (before, after) = (read(&flags.before)?, read(&flags.after)?);
    if before.environment.machine != after.environment.machine {
        println!("The runs are of two machines: what differs may be theirs and not the models'.\n");
    }
    let all = difference::between(&before, &after);
    let (changed, same): (Vec<_>, Vec<_>) = all.iter().partition(|difference| difference.told_apart());
    let shown: Vec<_> = all
        .iter()
        .filter(|difference| flags.all || difference.told_apart())
        .collect();
    if !shown.is_empty() {
        println!("{}", table(&shown));
    }
    println!(
        "{} of {} figures changed; {} can't be told apart. With 95 % each, some {:.0} of them would seem to have changed by chance alone.",
        changed.len(),
        all.len(),
        same.len(),
        all.len() as f64 * 0.05
    );
    Ok(ExitCode::SUCCESS)
}

/// Reads a run for a comparison with another.
pub(crate) fn read(folder: &Path) -> Result<Read> {
    let run = Run::open(folder).map_err(|error| Usage(error.to_string()))?;
    Ok(Read {
        environment: Environment::read(&run.environment())?,
        records: journal::read(&run.records())?,
    })
}

/// A line below the headings and no others.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// Figures side by side.
pub(crate) fn table(differences: &[&Difference]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header([
        "model",
        "experiment/setting",
        "figure",
        "before",
        "after",
        "ratio",
        "95 % interval",
    ]);
    for difference in differences {
        let comparison = &difference.comparison;
        table.add_row([
            difference.model.clone(),
            format!("{}/{}", difference.experiment, difference.setting),
            difference.figure.short.to_owned(),
            rounded(difference.before),
            rounded(difference.after),
            format!("{:.3}", comparison.ratio),
            format!("{:.3} to {:.3}", comparison.low, comparison.high),
        ]);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
