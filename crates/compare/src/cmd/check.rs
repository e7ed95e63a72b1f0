//! `compare check`: whether a model got worse, for a CI job.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::{Usage, diff};
use crate::folder;
use crate::output::Text;
use report::difference::{Judged, Verdict};
use report::numbers::list;
use stats::{Finding, trials_needed_by_a_check};

/// Exit with 1 if a model got worse than in an earlier run
///
/// A headline metric got worse if it is worse by more than is allowed, and by more than chance explains. A new kind of error
/// in most trials counts too, and so does a model without any trial left. With unchanged code, at most 1 check in 20 fails.
#[derive(Args)]
pub(crate) struct Flags {
    /// Folder of the run to judge; without it, the newest beside the baseline
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,

    /// Folder of the earlier run
    #[arg(long, value_name = "RUN")]
    baseline: PathBuf,

    /// How much worse a metric may become, such as 5% (or 0.05): from 0 to under 1000%
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share, allow_negative_numbers = true)]
    max_regression: f64,

    /// Accept a baseline from another machine
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
            "the baseline is from another machine ({}, not {}); measure one here, or give --other-machine",
            before.environment.machine.describe(),
            after.environment.machine.describe()
        ))
        .into());
    }
    let verdict = Verdict::between(&before, &after, flags.max_regression);
    let mut out = Text::default();
    diff::print_table(&mut out, "Errors:\n", &diff::notes(&verdict.errors));
    if let Some(why) = why_no_verdict(&verdict) {
        out.print()?;
        return Err(Usage(format!(
            "{} can't be judged by {}: {why}",
            judged.display(),
            flags.baseline.display()
        ))
        .into());
    }
    print_verdict(&mut out, &verdict, flags, &judged);
    out.print()?;
    Ok(if verdict.got_worse() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Why there is no verdict, if there is none. A run that can't be judged has not passed.
fn why_no_verdict(verdict: &Verdict) -> Option<String> {
    if verdict.got_worse() {
        return None;
    }
    if verdict.judged.is_empty() {
        return Some(diff::nothing_in_common(&verdict.not_compared));
    }
    let all_too_few = verdict.found(Finding::TooFew).count() == verdict.judged.len();
    all_too_few.then(|| too_few(verdict))
}

/// What was found. The worst comes last, where a reader of a log looks first.
fn print_verdict(out: &mut Text, verdict: &Verdict, flags: &Flags, judged: &Path) {
    diff::print_table(out, "Not compared:\n", &diff::notes(&verdict.not_compared));
    diff::print_table(
        out,
        "\nNew errors, in too few trials for a verdict:\n",
        &diff::notes(&verdict.seldom),
    );
    if verdict.found(Finding::TooFew).next().is_some() {
        out.add(format_args!("\n{}\n", too_few(verdict)));
    }
    diff::print_table(out, "\nMeasured only before:\n", &diff::notes(&verdict.gone));
    diff::print_table(
        out,
        "\nNew errors, in most trials:\n",
        &diff::notes(&verdict.faults),
    );
    let worse: Vec<_> = verdict.found(Finding::Worse).collect();
    let differences = worse.iter().map(|judged| &judged.difference);
    diff::print_table(out, "\nWorse than allowed:\n", &diff::table(differences));
    out.add(format_args!(
        "\n{} compared with {}: {} of {} headline values are worse by more than {} % (with unchanged code, a check finds one \
         by chance in at most 5 % of cases); new errors: {}; model settings without a usable trial: {}\n",
        judged.display(),
        flags.baseline.display(),
        worse.len(),
        verdict.judged.len(),
        flags.max_regression * 100.0,
        verdict.faults.len(),
        verdict.gone.len()
    ));
}

/// The settings with too few trials to find any metric worse, however bad it is.
fn too_few(verdict: &Verdict) -> String {
    let describe = |judged: &Judged| {
        let (before, after) = judged.trials;
        format!("{} ({before} and {after})", judged.difference.place)
    };
    let places: BTreeSet<_> = verdict.found(Finding::TooFew).map(describe).collect();
    format!(
        "with {} headline values, each needs {} trials in both runs to be found worse; too few trials: {}; measure again with \
         more --trials",
        verdict.judged.len(),
        trials_needed_by_a_check(verdict.judged.len()),
        list(&places.iter().collect::<Vec<_>>())
    )
}

/// A share such as `5%` or `0.05`. A bare 5 more likely means 5 % than 500 %.
fn share(text: &str) -> Result<f64, String> {
    /// In per cent: ten times worse.
    const PERCENT_MOST: f64 = 1000.0;
    let fault = "give a share such as 5%, from 0 to under 1000%";
    let (number, is_percentage) = match text.strip_suffix('%') {
        Some(number) => (number.trim(), true),
        None => (text, false),
    };
    let number = number.parse::<f64>().map_err(|_| fault)?;
    match is_percentage {
        true if (0.0..PERCENT_MOST).contains(&number) => Ok(number / 100.0),
        false if (0.0..1.0).contains(&number) => Ok(number),
        false if (1.0..PERCENT_MOST).contains(&number) => Err(format!("did you mean {number}%?")),
        _ => Err(fault.to_owned()),
    }
}

/// The newest run in the folder that this one lies in; their names are their times.
fn newest_beside(baseline: &Path) -> Result<PathBuf> {
    let own = baseline
        .canonicalize()
        .map_err(|error| Usage(format!("can't read the baseline {}: {error}", baseline.display())))?;
    let folder = own.parent().context("a run lies in a folder")?;
    let runs = std::fs::read_dir(folder).with_context(|| format!("can't list {}", folder.display()))?;
    let mut others: Vec<_> = runs
        .filter_map(|run| Some(run.ok()?.path()))
        // A run that was killed before it began has no records.
        .filter(|path| *path != own && folder::records_in(path).is_file())
        .collect();
    others.sort();
    let newest = others.pop();
    newest.ok_or_else(|| {
        Usage(format!(
            "there is no other run beside {}; make one with compare run, or give its folder",
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
        assert_eq!(share("150%"), Ok(1.5));
        for bad in ["", "%", "-1%", "-1", "x", "nan", "1000%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_percentage_without_its_sign_is_refused_with_a_question() {
        assert_eq!(share("5"), Err("did you mean 5%?".to_owned()));
        assert_eq!(share("1"), Err("did you mean 1%?".to_owned()));
    }
}
