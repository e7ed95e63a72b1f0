//! `compare diff`: compares two runs, or the models of one.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::Usage;
use super::comparison::{ComparisonFlags, Opened};
use super::tables::{Columns, nothing_in_common, print_notes, print_table, values};
use crate::output::Text;
use report::difference::{Compared, Difference, Differences};

/// Show what changed between two runs, or compare the models of one, with 95 % intervals
///
/// Settings are compared if load, flags, times and CPUs are the same in both runs. The others are listed with the reason.
/// With one run and --reference, each of its models is compared with that one by rounds.
#[derive(Args)]
pub(crate) struct Flags {
    /// The earlier run's folder
    #[arg(value_name = "RUN_A")]
    before: PathBuf,

    /// The later run's folder; without it, the models of the first are compared with --reference
    #[arg(value_name = "RUN_B")]
    after: Option<PathBuf>,

    /// Also show what has no significant difference
    #[arg(long)]
    all: bool,

    /// Only these metrics, by key
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    metrics: Vec<String>,

    #[command(flatten)]
    comparison: ComparisonFlags,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let comparison = &flags.comparison;
    comparison.check_files()?;
    if flags.after.is_none() && comparison.reference().is_none() {
        return Err(Usage(
            "there is one run only; give a second one, or --reference MODEL to compare the models of this one".to_owned(),
        )
        .into());
    }
    let before = Opened::read(&flags.before)?;
    let after = flags.after.as_deref().map(Opened::read).transpose()?;
    let runs = std::iter::once(&before).chain(&after);
    let runs: Vec<_> = runs.map(|run| &run.recorded).collect();
    let selection = comparison.selection(&flags.metrics, &runs)?;
    let compared = Compared {
        before: before.as_run(),
        after: after.as_ref().map(Opened::as_run),
        selection: &selection,
    };
    let differences = match (&after, comparison.reference()) {
        (None, Some(reference)) => Differences::within(&before.recorded, reference, &selection),
        (None, None) => unreachable!("refused above"),
        (Some(after), _) => Differences::between(&before.recorded, &after.recorded, &selection),
    };
    if differences.values.is_empty() && differences.errors.is_empty() {
        return Err(Usage(nothing_in_common(&compared, &differences.not_compared)).into());
    }
    let document = compared.diff(&differences);
    if !comparison.takes_stdout() {
        print(&compared, &differences, &document.verdict.words, flags.all)?;
    }
    comparison.write(&document)?;
    Ok(ExitCode::SUCCESS)
}

fn print(compared: &Compared<'_>, differences: &Differences, verdict: &str, all: bool) -> Result<()> {
    let out = &mut Text::default();
    for caution in compared.cautions() {
        out.add(format_args!("{caution}\n\n"));
    }
    let is_shown = |difference: &&Difference| all || difference.comparison.is_significant();
    let shown = differences.values.iter().filter(is_shown);
    print_table(out, "", &values(&Columns::new(compared), shown));
    out.add(format_args!("{verdict}\n"));
    print_notes(out, "\nErrors:\n", &differences.errors);
    print_notes(out, "\nMeasured only before:\n", &differences.gone);
    print_notes(out, "\nNot compared:\n", &differences.not_compared);
    out.print()
}
