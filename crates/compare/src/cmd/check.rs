//! `compare check`: whether a model got worse, for a CI job.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::{Usage, diff};
use crate::difference;

/// Exit with 1 if a model got worse than in an earlier run, beyond what is allowed and beyond doubt
#[derive(Args)]
pub(crate) struct Flags {
    /// The run to be judged; without it, the newest beside the baseline
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,

    /// The run that it is held against
    #[arg(long, value_name = "RUN")]
    baseline: PathBuf,

    /// How much worse a figure may become, such as 5%
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    max_regression: f64,

    /// Take a baseline from another machine
    #[arg(long)]
    other_machine: bool,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let judged = match &flags.run {
        Some(run) => run.clone(),
        None => newest_beside(&flags.baseline)?,
    };
    let (before, after) = (diff::read(&flags.baseline)?, diff::read(&judged)?);
    if before.environment.machine != after.environment.machine && !flags.other_machine {
        return Err(Usage(format!(
            "the baseline is of another machine ({} against {}); make one here, or give --other-machine",
            before.environment.machine.describe(),
            after.environment.machine.describe()
        ))
        .into());
    }
    let all = difference::between(&before, &after);
    if all.is_empty() {
        return Err(Usage(format!(
            "{} and {} have no figure in common: no experiment of theirs is the same",
            flags.baseline.display(),
            judged.display()
        ))
        .into());
    }
    let worse: Vec<_> = all
        .iter()
        .filter(|difference| difference.is_worse(flags.max_regression))
        .collect();
    let allowed = flags.max_regression * 100.0;
    if worse.is_empty() {
        println!(
            "of {} figures in {}, none is worse than in {} by more than {allowed} % beyond doubt",
            all.len(),
            judged.display(),
            flags.baseline.display()
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{}\n\n{} of {} figures are worse by more than {allowed} % beyond doubt",
        diff::table(&worse),
        worse.len(),
        all.len()
    );
    Ok(ExitCode::FAILURE)
}

/// A share such as `5%` or `0.05`.
fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number.trim(), 100.0),
        None => (text, 1.0),
    };
    let share = number.parse::<f64>().ok().map(|number| number / unit);
    share
        .filter(|share| (0.0..10.0).contains(share))
        .ok_or_else(|| "give a share such as 5%".to_owned())
}

/// The newest run in the folder that this one lies in; their names are their times.
fn newest_beside(baseline: &Path) -> Result<PathBuf> {
    let own = baseline
        .canonicalize()
        .with_context(|| format!("can't find {}", baseline.display()))?;
    let folder = own.parent().context("a run lies in a folder")?;
    let runs = std::fs::read_dir(folder).with_context(|| format!("can't list {}", folder.display()))?;
    let mut others: Vec<_> = runs
        .filter_map(|run| Some(run.ok()?.path()))
        .filter(|path| path.is_dir() && *path != own)
        .collect();
    others.sort();
    let newest = others.pop();
    newest.ok_or_else(|| {
        Usage(format!(
            "there is no other run beside {}; make one with `compare run`, or name it",
            baseline.display()
        ))
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_or_a_fraction() {
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(share("0.05"), Ok(0.05));
        for bad in ["", "%", "-1%", "x", "nan"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
